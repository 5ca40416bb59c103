"""Views of the latest values of every indicator for one region."""

from typing import TYPE_CHECKING, Any

from django.http import HttpResponseBase
from rest_framework.request import Request

from api.http.streaming import Chunks, json_body
from api.openapi import document
from api.requests import indicators as queries
from api.responses import indicators as bodies
from api.responses.now_figures import interval_payload, trend_payload
from api.views.indicator_base import IndicatorView
from geography import errors
from geography.constants import COVERAGE_HEALTH_REGIONS
from geography.queries.regions import region_get
from geography.vintages.resolve import vintage_in_force
from indicators.queries import latest
from indicators.queries.catalogue import PublishedIndicator, published_indicators

if TYPE_CHECKING:
    from geography.models import Vintage


class RegionIndicatorsView(IndicatorView):
    """Base of the views of the latest values of a region."""

    def latest(self, request: Request, query: queries.RegionIndicatorsQuery) -> HttpResponseBase:
        """Return the latest value of each indicator that relates to the region; null where nothing is reported."""
        vintage = vintage_in_force(coverage=query.coverage or COVERAGE_HEALTH_REGIONS, label=query.label)

        def make() -> Chunks:
            code = region_get(vintage=vintage, region_id=query.region_id, level=None).code
            return json_body(
                {
                    "region": {"coverage": vintage.coverage.slug, "vintage": vintage.label, "code": code},
                    "indicators": latest_blocks(vintage, code, self.language),
                    "statuses": bodies.statuses_payload(self.language),
                }
            )

        return self.cached_by_issue(request, query, None, vintage=vintage, make=make)


def latest_blocks(vintage: "Vintage", code: str, language: str) -> list[dict[str, Any]]:
    """Return the latest value of each indicator that relates to a region, without indicators that have no relation to it.

    Queries: those of `indicators.queries.latest`.
    """
    blocks = (_block(published, vintage, code, language) for published in published_indicators().indicators.values())
    return [block for block in blocks if block is not None]


def _block(published: PublishedIndicator, vintage: "Vintage", code: str, language: str) -> dict[str, Any] | None:
    """Return the latest value of one indicator; None where it has no relation to the region."""
    figure = latest.latest_figures(published).of_region(vintage, code)
    if figure is None:
        return None
    indicator, measure = published.indicator, published.measures[0]
    french = language == "fr"
    return {
        "id": indicator.slug,
        "name": indicator.name_fr if french else indicator.name_en,
        "measure": measure,
        "unit": bodies.unit_of(published, measure, language),
        "on": figure.figure.day,
        **bodies.figure_payload(figure.figure),
        "interval": interval_payload(figure.interval),
        "trend": trend_payload(figure, language),
        **bodies.issue_payload(published, language),
        "attribution": indicator.attribution_fr if french else indicator.attribution_en,
        "licence": indicator.licence,
    }


class HealthRegionIndicatorsView(RegionIndicatorsView):
    """Latest values of a health region."""

    @document.documented(
        queries.HEALTH_REGION_INDICATORS,
        operation_id="list_health_region_indicators",
        tag="Indicators",
        summary="The latest value of every indicator for a health region",
        body="RegionIndicators",
        media_types=("application/json",),
        problems=(errors.ParameterInvalid, errors.RegionUnknown, *document.VINTAGE_PROBLEMS),
    )
    def get(self, request: Request, id: str) -> HttpResponseBase:
        """Return the latest values, by the declared relation (`method`) of the region to the reporting region."""
        return self.latest(request, self.parse(request, queries.HEALTH_REGION_INDICATORS, id=id))


class CoverageRegionIndicatorsView(RegionIndicatorsView):
    """Latest values of a region of any coverage."""

    @document.documented(
        queries.COVERAGE_REGION_INDICATORS,
        operation_id="list_region_indicators",
        tag="Indicators",
        summary="The latest value of every indicator for a region of any coverage",
        body="RegionIndicators",
        media_types=("application/json",),
        problems=(errors.ParameterInvalid, errors.CoverageUnknown, errors.RegionUnknown, *document.VINTAGE_PROBLEMS),
    )
    def get(self, request: Request, coverage: str, code: str) -> HttpResponseBase:
        """Return the latest values of a region, without indicators that have no relation to it."""
        return self.latest(request, self.parse(request, queries.COVERAGE_REGION_INDICATORS, coverage=coverage, code=code))
