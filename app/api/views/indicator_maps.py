"""Views of indicator maps: one measure of all regions on one day."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from django.http import HttpResponseBase
from rest_framework.request import Request

from api.http.language import translate
from api.http.streaming import Chunks
from api.openapi import document
from api.requests import indicators as queries
from api.responses import indicators as bodies
from api.responses.payloads import PEOPLE_ATTRIBUTION, POPULATION_ATTRIBUTION, joined
from api.views.indicator_base import TABLES, TableView, head, measure_of, published_as_of
from geography import errors
from geography.vintages.resolve import vintage_in_force
from indicators.errors import IndicatorUnknown, IssueUnknown
from indicators.models import PlaceKind
from indicators.queries import figures, maps
from indicators.queries.catalogue import PublishedIndicator
from indicators.queries.weights import weights_version


class MapView(TableView):
    """Map of an indicator."""

    @document.documented(
        queries.MAP,
        operation_id="get_indicator_map",
        tag="Indicators",
        summary="One measure of all regions on one day",
        body="IndicatorMap",
        media_types=("application/json",),
        further_schemas=TABLES,
        problems=(errors.ParameterInvalid, IndicatorUnknown, IssueUnknown, errors.CoverageUnknown, errors.VintageUnknown),
    )
    def get(self, request: Request, id: str, suffix: str = "json") -> HttpResponseBase:
        """Return one day for a map: the values of every region, of the unassigned parts, the provinces and the country.

        `v` is null, never 0, for an unreported value, and `status` gives the reason. For regions of another vintage `method`
        is their relation to the regions of the series: `same`, `sum` of whole places, `common` (the figure of a `group` of
        regions, which covers the same area as several places), or `part_of` a larger place, whose rate is shown and whose count
        is not split. With `weights=people`, regions without a count of their own have an estimate by population weights, with
        the method `weighted`. The 7 days of a measure end with the last report: `from`, `to`.
        """
        query = self.parse(request, queries.MAP, id=id)
        published, values = published_as_of(query)
        measure = measure_of(published, query.measure)
        own = (published.indicator.coverage, published.indicator.vintage_label)
        vintage = None
        if (query.coverage or query.label) and (query.coverage or own[0], query.label or own[1]) != own:
            vintage = vintage_in_force(coverage=query.coverage or own[0], label=query.label)
        weights = weights_version(vintage) if vintage is not None and query.weights is not None else None

        def make() -> Chunks:
            on = query.day or bodies.latest_day(figures.indicator_series(published.indicator, values)) or date.today()
            figures_on = figures.figures_on(published.indicator, measure, on, values)
            regions: Mapping[str, figures.Figure | None]
            if vintage is None:
                regions = {**maps.by_key(figures_on, PlaceKind.REGION), **maps.by_key(figures_on, PlaceKind.SITE)}
            else:
                regions = maps.figures_of_regions(
                    figures_on, published.indicator.kind, measure, vintage, weighted=weights is not None
                )
            return self.render_rows(
                request,
                lambda: self.body(
                    published=published,
                    query=query,
                    measure=measure,
                    on=on,
                    figures_of_day=figures_on,
                    regions=regions,
                    shown=(vintage.coverage.slug, vintage.label) if vintage else own,
                    from_postal_codes=weights is not None and weights.from_postal_codes,
                ),
                bodies.COLUMNS,
                lambda: _map_rows(published, measure, on, figures_on, regions),
                published,
            )

        return self.cached_by_issue(
            request, query, published, vintage=vintage, values=values, weights=weights.version if weights else "", make=make
        )

    def body(
        self,
        *,
        published: PublishedIndicator,
        query: queries.MapQuery,
        measure: str,
        on: date,
        figures_of_day: Sequence[figures.Figure],
        regions: Mapping[str, figures.Figure | None],
        shown: tuple[str, str],
        from_postal_codes: bool,
    ) -> dict[str, Any]:
        """Return the map as JSON data."""
        extent: dict[str, Any] = {"on": on, "coverage": shown[0] or None, "vintage": shown[1] or None}
        if query.values_only:
            values = {code: bodies.number(figure.element.value) if figure else None for code, figure in regions.items()}
            return {"indicator": published.indicator.slug, "measure": measure} | extent | {"values": values}
        provinces = maps.by_key(figures_of_day, PlaceKind.PROVINCE)
        country = maps.by_key(figures_of_day, PlaceKind.COUNTRY).get("CA")
        start = head(published, measure, self.language)
        if from_postal_codes:
            start["attribution"] = joined(
                [
                    start["attribution"],
                    *(translate(text, self.language) for text in (PEOPLE_ATTRIBUTION, POPULATION_ATTRIBUTION)),
                ]
            )
        return (
            start
            | extent
            | {
                "values": {code: bodies.figure_payload(figure) for code, figure in regions.items()},
                "unassigned": {
                    str(bodies.province_of(figure.place)): bodies.figure_payload(figure)
                    | {"share_of_province": _share(figure, provinces)}
                    for figure in maps.by_key(figures_of_day, PlaceKind.UNASSIGNED).values()
                },
                "provinces": {key: bodies.figure_payload(figure) for key, figure in provinces.items()},
                "country": bodies.figure_payload(country) if country else None,
                "statuses": bodies.statuses_payload(self.language),
            }
        )


def _share(unassigned: figures.Figure, provinces: Mapping[str, figures.Figure]) -> float | None:
    """Return the unassigned share of a province's count, 0 to 1. None where a count is missing or the province's is 0."""
    province = provinces.get(str(bodies.province_of(unassigned.place)))
    part = unassigned.count if unassigned.count is not None else unassigned.element.value
    whole = None if province is None else province.count if province.count is not None else province.element.value
    return round(part / whole, 4) if part is not None and whole and whole > 0 else None


def _map_rows(
    published: PublishedIndicator,
    measure: str,
    on: date,
    figures_of_day: Sequence[figures.Figure],
    regions: Mapping[str, figures.Figure | None],
) -> Iterator[dict[str, Any]]:
    for code, region_figure in regions.items():
        yield bodies.figure_row(published, measure, code, region_figure, on)
    for figure in figures_of_day:
        if figure.place.kind not in (PlaceKind.REGION, PlaceKind.SITE):
            yield bodies.figure_row(published, measure, figure.place.key, figure, on)
