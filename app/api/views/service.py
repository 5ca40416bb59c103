"""Views of the service: list of vintages, health checks (liveness and readiness probes), OpenAPI schema."""

from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiJsonRenderer2, OpenApiYamlRenderer, OpenApiYamlRenderer2
from rest_framework.request import Request
from rest_framework.response import Response

from api.openapi import document as openapi
from api.problems import NotReady
from api.requests import models
from api.responses.payloads import vintage_listing
from api.views.base import ApiView
from geography.errors import ParameterInvalid
from geography.queries.readiness import readiness
from geography.vintages.resolve import published_vintages


class VintagesView(ApiView):
    """List of published vintages."""

    @openapi.documented(
        models.PLAIN,
        operation_id="list_vintages",
        tag="Vintages",
        summary="All published vintages",
        body="VintageList",
        media_types=("application/json",),
        problems=(ParameterInvalid,),
    )
    def get(self, request: Request) -> Response:
        """List every published vintage with its source, by coverage, latest first. Empty before the first publication."""
        self.parse(request, models.PLAIN)
        return Response({"vintages": [vintage_listing(vintage, self.language) for vintage in published_vintages()]})


class LiveView(ApiView):
    """Liveness probe."""

    @openapi.documented(
        models.PLAIN,
        operation_id="livez",
        tag="Service",
        summary="Liveness of the process",
        body="Live",
        media_types=("application/json",),
        problems=(ParameterInvalid,),
    )
    def get(self, request: Request) -> Response:
        """Return 200 while the process runs. Makes no query."""
        self.parse(request, models.PLAIN)
        return Response({"status": "alive"}, headers={"Cache-Control": "no-store"})


class ReadyView(ApiView):
    """Readiness probe."""

    @openapi.documented(
        models.PLAIN,
        operation_id="readyz",
        tag="Service",
        summary="Readiness of the service",
        body="Ready",
        media_types=("application/json",),
        problems=(ParameterInvalid, NotReady),
    )
    def get(self, request: Request) -> Response:
        """Return whether the database answers, its schema is current and a vintage of each coverage is in force."""
        self.parse(request, models.PLAIN)
        report = readiness()
        checks = {
            "database": True,
            "postgis": report.postgis,
            "functions": report.runs_code,
            "migrations_missing": report.migrations_missing,
            "vintages": {
                coverage: None if vintage is None else {"label": vintage.label, "demo": vintage.demo}
                for coverage, vintage in report.vintages.items()
            },
        }
        if not report.ready:
            raise NotReady(checks)
        return Response({"status": "ready", "checks": checks}, headers={"Cache-Control": "no-store"})


class SchemaView(ApiView):
    """The OpenAPI document."""

    renderer_classes = [
        OpenApiJsonRenderer2,
        OpenApiJsonRenderer,
        OpenApiYamlRenderer,
        OpenApiYamlRenderer2,
    ]

    @openapi.documented(
        models.PLAIN,
        operation_id="schema",
        tag="Service",
        summary="OpenAPI document",
        body="OpenApi",
        media_types=tuple(renderer_class.media_type for renderer_class in renderer_classes),
        problems=(ParameterInvalid,),
    )
    def get(self, request: Request) -> Response:
        """Return the OpenAPI 3.1 document, as JSON or YAML."""
        self.parse(request, models.PLAIN)
        return Response(_schema())


@cache
def _schema() -> dict[str, Any]:
    # Generation takes longer than any lookup, and the document cannot change while the process runs.
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return document
