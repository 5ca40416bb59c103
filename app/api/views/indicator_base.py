"""Base of the indicator views: formats, caching by issue, the requested measure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.http import Http404, HttpResponseBase
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from api.bulk.media_types import CSVRenderer, NDJSONRenderer
from api.http.conditional import cached_response
from api.http.renderers import JSONRenderer
from api.http.streaming import Pieces, json_body
from api.requests.models import PlainQuery
from api.responses import indicators as bodies
from api.views.base import ApiView
from geography import errors
from geography.translation import Message
from indicators.queries.catalogue import PublishedIndicator, published_indicators


@dataclass(frozen=True, slots=True)
class Edition:
    """What an answer is an edition of, as `api.http.conditional` keys it."""

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
        by_suffix = {renderer_class.format: renderer_class for renderer_class in self.renderer_classes}
        renderer = by_suffix.get(suffix, JSONRenderer)()
        return renderer, renderer.media_type

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse a suffix that names no format of the route."""
        super().initial(request, *args, **kwargs)
        if kwargs.get("suffix", "json") not in {renderer_class.format for renderer_class in self.renderer_classes}:
            raise Http404

    def retained(
        self,
        request: Request,
        query: PlainQuery,
        published: PublishedIndicator | None,
        *about: object,
        make: Callable[[], Pieces],
    ) -> HttpResponseBase:
        """Answer with a body that depends on nothing but the query and the issue: see
        `api.http.conditional.cached_response`.
        """
        if published is None:
            edition = Edition(published_indicators().revision, None, "")
        else:
            edition = Edition(published.revision, published.issue.loaded_at, published.indicator.licence_url)
        renderer: BaseRenderer = request.accepted_renderer
        return cached_response(
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


def head(published: PublishedIndicator, measure: str, language: str) -> dict[str, Any]:
    """Return what every answer about a measure begins with."""
    classes = bodies.CLASSES.get(measure) if published.indicator.slug == "cases" else None
    return {
        "indicator": published.indicator.slug,
        "measure": measure,
        "unit": bodies.unit_of(published, measure, language),
        "classes": list(classes) if classes else None,
        **bodies.source_payload(published, language),
    }
