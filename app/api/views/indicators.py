"""Health indicators: the catalogue, one day on a map, everything as a cube, series of places."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from django.http import Http404, HttpResponseBase
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from api import indicator_bodies as bodies
from api import indicator_queries as queries
from api import openapi
from api.bulk.formats import CSVRenderer, NDJSONRenderer
from api.caching import answer
from api.pieces import Pieces, json_body
from api.queries import PLAIN, PlainQuery
from api.renderers import JSONRenderer
from api.views.base import ApiView
from geography import errors
from geography.messages import Message
from geography.selectors.vintages import vintage_in_force
from indicators.errors import IndicatorUnknown
from indicators.models import PlaceKind
from indicators.selectors import figures, maps
from indicators.selectors.catalogue import PublishedIndicator, published_indicator, published_indicators

SATURDAY = 5
# Of rows that one answer may hold; the largest embedded cube has 130,000.
ROWS_MAX = 2_000_000


@dataclass(frozen=True, slots=True)
class Edition:
    """What an answer is an edition of, as `api.caching` keys it."""

    load_id: object
    published_at: datetime | None
    licence_url: str


class IndicatorView(ApiView):
    """A route about indicators: JSON, and what is a table as CSV and as lines of JSON."""

    renderer_classes = [JSONRenderer]

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:
        """Return the renderer that a suffix names, else the one of the Accept header."""
        suffix = self.kwargs.get("suffix")
        if suffix is None:
            chosen: tuple[BaseRenderer, str] = super().perform_content_negotiation(request, force)
            return chosen
        by_suffix = {one.format: one for one in self.renderer_classes}
        renderer = by_suffix.get(suffix, JSONRenderer)()
        return renderer, renderer.media_type

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse a suffix that names no format of the route."""
        super().initial(request, *args, **kwargs)
        if kwargs.get("suffix", "json") not in {one.format for one in self.renderer_classes}:
            raise Http404

    def kept(
        self,
        request: Request,
        query: PlainQuery,
        published: PublishedIndicator | None,
        *about: object,
        make: Callable[[], Pieces],
    ) -> HttpResponseBase:
        """Answer with a body that depends on nothing but the query and the issue: see `api.caching.answer`."""
        if published is None:
            edition = Edition(published_indicators().revision, None, "")
        else:
            edition = Edition(published.revision, published.issue.loaded_at, published.indicator.licence_url)
        renderer: BaseRenderer = request.accepted_renderer
        return answer(
            request,
            about=(type(self).__name__, replace(query, lang=None), *about),
            vintage=edition,
            named=False,
            media_type=renderer.media_type,
            language=self.language,
            make=make,
            keep=True,
        )


class TableView(IndicatorView):
    """A route whose answer is a table, too."""

    renderer_classes = [JSONRenderer, CSVRenderer, NDJSONRenderer]

    def written(
        self,
        request: Request,
        body: Callable[[], Mapping[str, Any]],
        columns: Sequence[str],
        rows: Callable[[], Iterable[Mapping[str, Any]]],
    ) -> Pieces:
        """Return the answer in the format that was chosen."""
        renderer: BaseRenderer = request.accepted_renderer
        if isinstance(renderer, CSVRenderer):
            return bodies.csv_pieces(columns, rows())
        if isinstance(renderer, NDJSONRenderer):
            return bodies.ndjson_pieces(columns, rows())
        return json_body(body())


class IndicatorsView(IndicatorView):
    """The catalogue of indicators."""

    @openapi.documented(
        PLAIN,
        operation_id="list_indicators",
        tag="Indicators",
        summary="Every indicator that is loaded",
        body="IndicatorList",
        media_types=("application/json",),
        problems=(errors.ParameterInvalid,),
    )
    def get(self, request: Request) -> HttpResponseBase:
        """List indicators with their measures, extent, cadence, licence and the issue that answers. Empty before a load."""
        query = self.ask(request, PLAIN)
        catalogue = published_indicators()

        def make() -> Pieces:
            return json_body(
                {
                    "indicators": [
                        bodies.indicator_block(one, figures.indicator_series(one.indicator), self.language)
                        for one in catalogue.indicators.values()
                    ],
                    "statuses": bodies.statuses_block(self.language),
                }
            )

        return self.kept(request, query, None, make=make)


class IndicatorDetailView(IndicatorView):
    """One indicator."""

    @openapi.documented(
        queries.ONE_INDICATOR,
        operation_id="get_indicator",
        tag="Indicators",
        summary="One indicator with its places and dated notes",
        body="IndicatorDetail",
        media_types=("application/json",),
        problems=(errors.ParameterInvalid, IndicatorUnknown),
    )
    def get(self, request: Request, id: str) -> HttpResponseBase:
        """Return an indicator with every place: its names, populations by year, and from when to when it reported."""
        query = self.ask(request, queries.ONE_INDICATOR, id=id)
        published = published_indicator(query.indicator)

        def make() -> Pieces:
            series = figures.indicator_series(published.indicator)
            people = figures.populations([one.place for one in series])
            notes = published.indicator.notes.select_related("place").order_by("day_from", "place__key", "pk")
            return json_body(
                bodies.indicator_block(published, series, self.language)
                | {
                    "places": [bodies.place_block(one, people.get(one.place_id, {}), self.language) for one in series],
                    "notes": [bodies.note_block(one, self.language) for one in notes],
                    "statuses": bodies.statuses_block(self.language),
                }
            )

        return self.kept(request, query, published, make=make)


def measure_of(published: PublishedIndicator, measure: str | None) -> str:
    """Return the measure, or the indicator's default. Raises: ParameterInvalid for one that the indicator has not."""
    if measure is None:
        return published.measures[0]
    if measure not in published.measures:
        raise errors.ParameterInvalid(
            Message("%(indicator)s has no measure %(measure)s.", indicator=published.indicator.slug, measure=measure),
            parameter="measure",
            hint=Message("It has %(measures)s.", measures=list(published.measures)),
        )
    return measure


class MapView(TableView):
    """One measure of all regions on one day."""

    @openapi.documented(
        queries.MAP,
        operation_id="get_indicator_map",
        tag="Indicators",
        summary="One measure of all regions on one day",
        body="IndicatorMap",
        media_types=("application/json",),
        problems=(errors.ParameterInvalid, IndicatorUnknown, errors.CoverageUnknown, errors.VintageUnknown),
    )
    def get(self, request: Request, id: str, suffix: str = "json") -> HttpResponseBase:
        """Return one day for a map: the value of every region, what is assigned to none, the provinces and the country.

        `v` is null where nothing is reported, never 0, and `status` says why. For regions of another edition `method` says how
        they relate to those of the series: `same`, `sum` of whole places, or `part_of` a larger place, whose rate is shown and
        whose count is not split. The 7 days of a measure end with the last report: `from`, `to`.
        """
        query = self.ask(request, queries.MAP, id=id)
        published = published_indicator(query.indicator)
        measure = measure_of(published, query.measure)
        own = (published.indicator.coverage, published.indicator.vintage_label)
        vintage = None
        if (query.coverage or query.label) and (query.coverage or own[0], query.label or own[1]) != own:
            vintage = vintage_in_force(coverage=query.coverage or own[0], label=query.label)

        def make() -> Pieces:
            on = query.day or bodies.latest_day(figures.indicator_series(published.indicator)) or date.today()
            found = figures.figures_on(published.indicator, measure, on)
            regions: Mapping[str, figures.Figure | None]
            if vintage is None:
                regions = {**maps.by_key(found, PlaceKind.REGION), **maps.by_key(found, PlaceKind.SITE)}
            else:
                regions = maps.figures_of_regions(found, measure, vintage)
            return self.written(
                request,
                lambda: self.body(
                    published=published,
                    query=query,
                    measure=measure,
                    on=on,
                    found=found,
                    regions=regions,
                    edition=(vintage.coverage.slug, vintage.label) if vintage else own,
                ),
                bodies.COLUMNS,
                lambda: _map_rows(published, measure, on, found, regions),
            )

        about = (vintage.pk, vintage.published_at) if vintage else ()
        return self.kept(request, query, published, *about, make=make)

    def body(
        self,
        *,
        published: PublishedIndicator,
        query: queries.MapQuery,
        measure: str,
        on: date,
        found: Sequence[figures.Figure],
        regions: Mapping[str, figures.Figure | None],
        edition: tuple[str, str],
    ) -> dict[str, Any]:
        """Return the map as JSON shows it."""
        head = self.head(published, measure) | {"on": on, "coverage": edition[0] or None, "vintage": edition[1] or None}
        if query.values_only:
            values = {code: bodies.number(one.element.value) if one else None for code, one in regions.items()}
            return {name: head[name] for name in ("indicator", "measure", "on", "coverage", "vintage")} | {"values": values}
        provinces = maps.by_key(found, PlaceKind.PROVINCE)
        country = maps.by_key(found, PlaceKind.COUNTRY).get("CA")
        return head | {
            "values": {code: bodies.figure_block(one) for code, one in regions.items()},
            "unassigned": {
                str(bodies.province_of(one.place)): bodies.figure_block(one) | {"share_of_province": _share(one, provinces)}
                for one in maps.by_key(found, PlaceKind.UNASSIGNED).values()
            },
            "provinces": {key: bodies.figure_block(one) for key, one in provinces.items()},
            "country": bodies.figure_block(country) if country else None,
            "statuses": bodies.statuses_block(self.language),
        }

    def head(self, published: PublishedIndicator, measure: str) -> dict[str, Any]:
        """Return what every answer about a measure begins with."""
        return head(published, measure, self.language)


def head(published: PublishedIndicator, measure: str, language: str) -> dict[str, Any]:
    """Return what every answer about a measure begins with."""
    classes = bodies.CLASSES.get(measure) if published.indicator.slug == "cases" else None
    return {
        "indicator": published.indicator.slug,
        "measure": measure,
        "unit": bodies.unit_of(published, measure, language),
        "classes": list(classes) if classes else None,
        **bodies.source_block(published, language),
    }


def _share(unassigned: figures.Figure, provinces: Mapping[str, figures.Figure]) -> float | None:
    """Return the unassigned part of a province's count, None where either is missing or the province has none."""
    province = provinces.get(str(bodies.province_of(unassigned.place)))
    part = unassigned.count if unassigned.count is not None else unassigned.element.value
    whole = None if province is None else province.count if province.count is not None else province.element.value
    return round(part / whole, 4) if part is not None and whole and whole > 0 else None


def _map_rows(
    published: PublishedIndicator,
    measure: str,
    on: date,
    found: Sequence[figures.Figure],
    regions: Mapping[str, figures.Figure | None],
) -> Iterator[dict[str, Any]]:
    for code, one in regions.items():
        yield bodies.figure_row(published, measure, code, one, on)
    for figure in found:
        if figure.place.kind not in (PlaceKind.REGION, PlaceKind.SITE):
            yield bodies.figure_row(published, measure, figure.place.key, figure, on)
