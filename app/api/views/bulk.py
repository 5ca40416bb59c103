"""Base view of bulk routes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from api.bulk.body import read_bytes
from api.bulk.charsets import charset_of
from api.bulk.items import Items, ItemType
from api.bulk.media_types import BulkFormat, CSVRenderer, NDJSONRenderer, format_of
from api.bulk.parsers import read_body
from api.bulk.writers import Answer, Layout, write_answers
from api.http.body_errors import BodyInvalid, BodyTooLarge, EncodingUnknown, MediaTypeUnknown
from api.http.concurrency import TooManyAtOnce, body_slot
from api.http.disk_cache import WHOLE_MAX_BYTES, BodyFile, response_cache
from api.http.language import language_of
from api.http.renderers import JSONRenderer
from api.http.streaming import send_range
from api.openapi.schemas.bulk import TEXT
from api.requests.models import BulkQuery
from api.requests.parser import RequestParser
from api.views.base import ApiView
from geography.vintages.resolve import check_unchanged
from operations.request_body import BodyTimeout

if TYPE_CHECKING:
    from geography.models import Vintage

# What a bulk route can be asked wrong, and its answers that are no JSON, for the OpenAPI document.
BULK_PROBLEMS: tuple[type[Exception], ...] = (
    *(BodyInvalid, BodyTooLarge, EncodingUnknown, MediaTypeUnknown, BodyTimeout, TooManyAtOnce),
)
TEXTS = {BulkFormat.CSV.value: TEXT, BulkFormat.NDJSON.value: TEXT}
_TEXT_RENDERERS: tuple[type[BaseRenderer], ...] = (CSVRenderer, NDJSONRenderer)


@dataclass(frozen=True, slots=True)
class Body:
    """The parts of an answer.

    Attributes:
        chunks: the answers, in order.
        layout: what they add to what was sent.
        vintages: returns those that were read from tables, once the answers are made.
        links: headers.
    """

    chunks: Iterable[list[Answer]]
    layout: Layout
    vintages: Callable[[], Sequence["Vintage"]]
    links: Mapping[str, str]


class BulkView(ApiView):
    """A route that answers many items by POST.

    Attributes:
        item_type: what they are.
        bulk_spec: the parameters of the POST.
        bulk_renderers: the formats of answers beside CSV and lines of JSON.
    """

    item_type: ItemType[Any]
    bulk_spec: RequestParser[Any]
    bulk_renderers: tuple[type[BaseRenderer], ...] = (JSONRenderer,)

    def get_renderers(self) -> list[BaseRenderer]:
        """Offer every format to a POST, that of its body first: it is the answer where the client does not mind."""
        if self.request.method != "POST":
            return super().get_renderers()
        own = self.request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        return sorted((item() for item in (*self.bulk_renderers, *_TEXT_RENDERERS)), key=lambda entry: entry.media_type != own)

    def chunks(self, query: Any, items: Items[Any]) -> Body:
        """Return the parts of the answer to these items."""
        raise NotImplementedError

    def answer_many(self, request: Request) -> HttpResponseBase:
        """Read the body, answer in the format that was negotiated, and hold a place among the expensive requests meanwhile.

        The whole answer is there before its first byte is sent, so that any failure is a problem document, and it has a
        Content-Length, so that any client sees whether it came whole. A long one is in a file without a name until then.

        Raises: TooManyAtOnce, MediaTypeUnknown, EncodingUnknown, BodyTooLarge, BodyInvalid, VintageGone, and as `chunks`.
        """
        self.language = language_of(request)
        content_type = request.META.get("CONTENT_TYPE", "")
        form = format_of(content_type)
        query: BulkQuery = self.bulk_spec.parse(dict(request.query_params.lists()), {})
        with ExitStack() as stack:
            stack.enter_context(body_slot(request._request))
            content = read_bytes(request._request)
            items = read_body(content, form, self.item_type, charset=charset_of(content_type), column_names=query.columns)
            body = self.chunks(query, items)
            out = BulkFormat(request.accepted_renderer.media_type)
            answer = _spooled(write_answers(body.chunks, out, items, body.layout))
            check_unchanged(body.vintages())
            headers = {"Content-Type": out.content_type, **body.links}
            if isinstance(answer, bytes):
                return HttpResponse(answer, headers=headers)
            response = send_range(answer.file, range(answer.size), headers=headers, head=False, large=False)
            response._resource_closers.append(stack.pop_all().close)  # type: ignore[attr-defined]
            return response


def _spooled(parts: Iterator[bytes]) -> bytes | BodyFile:
    """Return a body in memory, or as a file where it is longer than `WHOLE_MAX_BYTES`."""
    begun: list[bytes] = []
    length = 0
    for part in parts:
        begun.append(part)
        length += len(part)
        if length > WHOLE_MAX_BYTES:
            return response_cache().spool_to_file(chain(begun, parts))
    return b"".join(begun)
