"""Views of the indicator catalogue: the list, and one indicator with its places."""

from django.http import HttpResponseBase
from rest_framework.request import Request

from api.http.streaming import Chunks, json_body
from api.openapi import document
from api.requests import indicators as queries
from api.requests.models import PLAIN
from api.responses import indicators as bodies
from api.views.indicator_base import IndicatorView
from geography import errors
from indicators.errors import IndicatorUnknown
from indicators.queries import figures
from indicators.queries.catalogue import published_indicator, published_indicators


class IndicatorsView(IndicatorView):
    """List of indicators."""

    @document.documented(
        PLAIN,
        operation_id="list_indicators",
        tag="Indicators",
        summary="All loaded indicators",
        body="IndicatorList",
        media_types=("application/json",),
        problems=(errors.ParameterInvalid,),
    )
    def get(self, request: Request) -> HttpResponseBase:
        """List indicators with their measures, extent, cadence, licence and published issue. Empty before a publication."""
        query = self.parse(request, PLAIN)
        catalogue = published_indicators()

        def make() -> Chunks:
            return json_body(
                {
                    "indicators": [
                        bodies.indicator_payload(indicator, figures.indicator_series(indicator.indicator), self.language)
                        for indicator in catalogue.indicators.values()
                    ],
                    "statuses": bodies.statuses_payload(self.language),
                }
            )

        return self.cached_by_issue(request, query, None, make=make)


class IndicatorDetailView(IndicatorView):
    """One indicator with its places."""

    @document.documented(
        queries.ONE_INDICATOR,
        operation_id="get_indicator",
        tag="Indicators",
        summary="One indicator with its places and dated notes",
        body="IndicatorDetail",
        media_types=("application/json",),
        problems=(errors.ParameterInvalid, IndicatorUnknown),
    )
    def get(self, request: Request, id: str) -> HttpResponseBase:
        """Return an indicator with every place: names, populations by year, first and last day of its series."""
        query = self.parse(request, queries.ONE_INDICATOR, id=id)
        published = published_indicator(query.indicator)

        def make() -> Chunks:
            all_series = figures.indicator_series(published.indicator)
            people = figures.populations([series.place for series in all_series])
            notes = published.indicator.notes.select_related("place").order_by("day_from", "place__key", "pk")
            return json_body(
                bodies.indicator_payload(published, all_series, self.language)
                | {
                    "places": [
                        bodies.place_payload(series, people.get(series.place_id, {}), self.language) for series in all_series
                    ],
                    "notes": [bodies.note_payload(note, self.language) for note in notes],
                    "statuses": bodies.statuses_payload(self.language),
                }
            )

        return self.cached_by_issue(request, query, published, make=make)
