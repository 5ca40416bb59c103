"""Base views of indicators: formats, caching by issue, choice of the measure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpResponseBase
from django.utils import timezone
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from api.bulk.media_types import ArrowRenderer, CSVRenderer, NDJSONRenderer
from api.http.cache_key import CacheKey, SourceVersion
from api.http.compression import chosen_encoding
from api.http.conditional import cached_response
from api.http.renderers import JSONRenderer
from api.http.streaming import Chunks, json_body
from api.requests.indicators import AsOfQuery
from api.requests.models import PlainQuery
from api.responses import arrow
from api.responses import indicators as bodies
from api.views.base import ApiView, key_parameters, source_version
from geography import errors
from geography.translation import Message
from geography.vintages import catalogue
from indicators.queries.as_of import IssueValues, issue_at
from indicators.queries.catalogue import PublishedIndicator, published_indicator, published_indicators

if TYPE_CHECKING:
    from geography.models import Vintage

# Age of an instant for which a further issue is not expected.
_LATE = timedelta(days=1)


class IndicatorView(ApiView):
    """Base of the indicator routes: the suffix or the Accept header chooses the format."""

    renderer_classes = [JSONRenderer]

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:
        """Return the renderer that the suffix names; without a suffix, the one that the Accept header prefers."""
        suffix = self.kwargs.get("suffix")
        if suffix is None:
            chosen: tuple[BaseRenderer, str] = super().perform_content_negotiation(request, force)
            return chosen
        by_suffix = {renderer_class.format: renderer_class for renderer_class in self.renderer_classes}
        renderer = by_suffix.get(suffix, JSONRenderer)()
        return renderer, renderer.media_type

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check the suffix. Raises: Http404 for one that names no format of the route."""
        super().initial(request, *args, **kwargs)
        if kwargs.get("suffix", "json") not in {renderer_class.format for renderer_class in self.renderer_classes}:
            raise Http404

    def cached_by_issue(
        self,
        request: Request,
        query: PlainQuery,
        published: PublishedIndicator | None,
        *,
        make: Callable[[], Chunks],
        vintage: "Vintage | None" = None,
        values: IssueValues | None = None,
        weights: str = "",
    ) -> HttpResponseBase:
        """Return the response whose body depends on the query and published issues: see
        `api.http.conditional.cached_response`.

        Args:
            published: the indicator in the body; None if the body depends on all indicators.
            vintage: the vintage of the regions in the body, if it is not that of the indicator.
            values: of the earlier issue in the body; None for the current one.
            weights: version of the population weights used by the body; empty if it uses none.
        """
        catalogue.published()  # the fast path needs a fresh catalogue of boundaries for every body of the response cache
        if published is None:
            source, licence_url = SourceVersion(published_indicators().revision), ""
        else:
            # Names and populations in the body are today's, so that an earlier issue has the revision too.
            version = published.revision if values is None else f"{published.revision} {published.issue.pk}"
            source = SourceVersion(version, published.issue.loaded_at)
            licence_url = published.indicator.licence_url
        key = CacheKey(
            view=type(self).__name__,
            # `/map` and `/map.json` share a body; the query holds everything else of the path.
            path="",
            parameters=key_parameters(query, excluded=("lang", "as_of")),
            sources=(
                source,
                # With the relations of its regions to the places of the series.
                *([source_version(vintage), SourceVersion("relations", vintage.weights_at)] if vintage is not None else []),
                *([SourceVersion(weights)] if weights else []),
            ),
            media_type=request.accepted_renderer.media_type,
            language=self.language,
            encoding=chosen_encoding(request.headers.get("Accept-Encoding", "")),
        )
        as_of = getattr(query, "as_of", None)
        # Issues come in time order, so another can come for an instant after the last one. Most come within a day.
        settled = values is not None or (as_of is not None and as_of < timezone.now() - _LATE)
        return cached_response(request, key, licence_url=licence_url, labelled=settled, make=make, cacheable=True)


# Schemas of the tables, for the OpenAPI document.
TABLES = {
    CSVRenderer.media_type: {"type": "string", "description": "CSV (RFC 4180); a missing value is empty."},
    NDJSONRenderer.media_type: {"type": "string", "description": "NDJSON, the columns of the CSV."},
    ArrowRenderer.media_type: {
        "type": "string",
        "format": "binary",
        "description": "Arrow IPC stream, the columns of the CSV: date32, float64, int64, dictionaries of UTF-8.",
    },
}


class TableView(IndicatorView):
    """Base of the routes that also answer with a table, as CSV, NDJSON or Arrow IPC stream."""

    renderer_classes = [JSONRenderer, CSVRenderer, NDJSONRenderer, ArrowRenderer]

    def render_rows(
        self,
        request: Request,
        body: Callable[[], Mapping[str, Any]],
        columns: Sequence[str],
        rows: Callable[[], Iterable[Mapping[str, Any]]],
        published: PublishedIndicator,
    ) -> Chunks:
        """Return the body in the negotiated format: JSON from `body`, CSV, NDJSON and Arrow from `rows`."""
        renderer: BaseRenderer = request.accepted_renderer
        if isinstance(renderer, CSVRenderer):
            return bodies.csv_pieces(columns, rows())
        if isinstance(renderer, NDJSONRenderer):
            return bodies.ndjson_pieces(columns, rows())
        if isinstance(renderer, ArrowRenderer):
            return arrow.stream_body(columns, rows(), bodies.table_metadata(published, self.language))
        return json_body(body())


def published_as_of(query: AsOfQuery) -> tuple[PublishedIndicator, IssueValues | None]:
    """Return the indicator with the issue in force at the instant of a query, and the values of that issue.

    The values are None for the current issue, whose measures are stored.

    Raises: IndicatorUnknown; IssueUnknown before the first issue.
    """
    published = published_indicator(query.indicator)
    issue = published.issue if query.as_of is None else issue_at(published, query.as_of)
    if issue.pk == published.issue.pk:
        return published, None
    return published.with_issue(issue), IssueValues(published.indicator, issue)


def measure_of(published: PublishedIndicator, measure: str | None) -> str:
    """Return the requested measure, by default the indicator's first. Raises: ParameterInvalid for an unknown measure."""
    if measure is None:
        return published.measures[0]
    if measure not in published.measures:
        raise errors.ParameterInvalid(
            Message("%(indicator)s has no measure %(measure)s.", indicator=published.indicator.slug, measure=measure),
            parameter="measure",
            hint=Message("Measures: %(measures)s.", measures=list(published.measures)),
        )
    return measure


def head(published: PublishedIndicator, measure: str, language: str) -> dict[str, Any]:
    """Return the first members of every response about a measure."""
    classes = bodies.CLASSES.get(measure) if published.indicator.slug == "cases" else None
    return {
        "indicator": published.indicator.slug,
        "measure": measure,
        "unit": bodies.unit_of(published, measure, language),
        "classes": list(classes) if classes else None,
        **bodies.source_payload(published, language),
    }
