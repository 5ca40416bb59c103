"""Documentation page: first steps for each kind of user, and Swagger UI."""

from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from api.http.language import translate
from api.http.pages import page_context
from geography.translation import Message

# Allows the page's own files and requests to this service. Swagger UI sets style attributes.
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Step(NamedTuple):
    """A step: description, and a path of this service or a command."""

    text: Message
    path: str = ""
    code: str = ""


class Kind(NamedTuple):
    """A group of users with their first five steps."""

    title: Message
    steps: tuple[Step, ...]


KINDS = (
    Kind(
        Message("Front end"),
        (
            Step(Message("Vector tiles for MapLibre, OpenLayers or Leaflet, with a TileJSON:"), "/tiles/health-regions.json"),
            Step(Message("Or GeoJSON, drawn at a tolerance of 2 km:"), "/health-regions?detail=low"),
            Step(Message("Figures to join by code:"), "/indicators/cases/map?on=2022-01-08"),
            Step(Message("All weeks in one response, for a time slider:"), "/indicators/cases/cube?measure=rate_7d"),
            Step(Message("Suggestions while people type:"), "/search?q=carlton"),
        ),
    ),
    Kind(
        Message("Mobile"),
        (
            Step(Message("The region at a position:"), "/locate?lat=45.42&lon=-75.69&accuracy=35"),
            Step(Message("Without the position in a URL: a POST to /locate with"), code='{"points": [[-75.69, 45.42]]}'),
            Step(Message("By the first three characters of a postal code:"), "/fsa/K0A?detail=none"),
            Step(Message("If certain is false (near a border), ask for a better position, or show"), code="reasons"),
            Step(Message("Offline packs answer on the device, listed among the"), "/downloads"),
        ),
    ),
    Kind(
        Message("Analyst"),
        (
            Step(Message("Boundaries as GeoPackage, GeoParquet, shapefile; figures as CSV and Parquet:"), "/downloads"),
            Step(Message("OGC API - Features, for QGIS, GDAL and OWSLib:"), "/ogc"),
            Step(Message("Figures as published at the end of a day:"), "/indicators/cases/map?on=2022-11-05&as_of=2022-11-17"),
            Step(
                Message("SQL on the documented schema:"),
                code="psql -U geo_reader -c 'select hruid, name_en from geo.health_regions'",
            ),
            Step(Message("A file of positions, any size:"), code="bin/manage locate points.csv --out located.csv"),
        ),
    ),
    Kind(
        Message("Operator"),
        (
            Step(Message("Install and run with an embedded demonstration:"), code="bin/serve"),
            Step(Message("In production:"), code="docker compose -f docker-compose.prod.yml up"),
            Step(
                Message("The official boundaries:"),
                code="bin/manage load_boundaries health-regions-2023-digital fsa-2021-digital",
            ),
            Step(Message("Readiness of the service:"), "/readyz"),
            Step(Message("Published vintages:"), "/vintages"),
        ),
    ),
)


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Return the documentation page, which loads nothing from other hosts. The reference is in English only. Queries: none."""
    context = page_context(request)
    language = context["language"]
    kinds = [
        {
            "title": translate(kind.title, language),
            "steps": [{"text": translate(step.text, language), "path": step.path, "code": step.code} for step in kind.steps],
        }
        for kind in KINDS
    ]
    response = render(request, "api/docs.html", context | {"kinds": kinds})
    response.headers["Content-Security-Policy"] = _PAGE_POLICY
    response.headers["Content-Language"] = language
    response.headers["Vary"] = "Accept-Language"
    return response
