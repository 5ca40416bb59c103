"""Base view of bulk routes: many items in the body of a POST."""

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
from api.requests.bulk import BulkQuery
from api.requests.parser import RequestParser
from api.views.base import ApiView
from geography.vintages.resolve import check_unchanged
from operations.request_body import BodyTimeout

if TYPE_CHECKING:
    from geography.models import Vintage

# Problems and text formats of every bulk route, for the OpenAPI document.
BULK_PROBLEMS: tuple[type[Exception], ...] = (
    *(BodyInvalid, BodyTooLarge, EncodingUnknown, MediaTypeUnknown, BodyTimeout, TooManyAtOnce),
)
TEXTS = {BulkFormat.CSV.value: TEXT, BulkFormat.NDJSON.value: TEXT}
_TEXT_RENDERERS: tuple[type[BaseRenderer], ...] = (CSVRenderer, NDJSONRenderer)


@dataclass(frozen=True, slots=True)
class Body:
    """The parts of a bulk response.

    Attributes:
        chunks: answers, in the order of the items.
        layout: columns and members that the answers add to the items.
        vintages: returns the vintages that were read from tables. Called once all answers are computed.
        links: Link header.
    """

    chunks: Iterable[list[Answer]]
    layout: Layout
    vintages: Callable[[], Sequence["Vintage"]]
    links: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CsvBody:
    """A bulk response in CSV: its chunks, and the Link header."""

    chunks: Iterator[bytes]
    links: Mapping[str, str]


class BulkView(ApiView):
    """Base of the routes that answer many items by POST.

    Attributes:
        item_type: type of the items.
        bulk_spec: parameters of the POST.
        bulk_renderers: formats of the response beside CSV and NDJSON.
    """

    item_type: ItemType[Any]
    bulk_spec: RequestParser[Any]
    bulk_renderers: tuple[type[BaseRenderer], ...] = (JSONRenderer,)

    def get_renderers(self) -> list[BaseRenderer]:
        """Return the renderers of the method. For a POST the format of its body comes first, as the default of the response."""
        if self.request.method != "POST":
            return super().get_renderers()
        body_type = self.request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        renderers = [renderer_class() for renderer_class in (*self.bulk_renderers, *_TEXT_RENDERERS)]
        return sorted(renderers, key=lambda renderer: renderer.media_type != body_type)

    def chunks(self, query: Any, items: Items[Any]) -> Body:
        """Return the parts of the response for these items."""
        raise NotImplementedError

    def csv_rows(self, query: Any, content: bytes, charset: str) -> CsvBody | None:
        """Return the CSV response to a CSV body if the route has a columnar lookup without items; otherwise None."""
        return None

    def answer_many(self, request: Request) -> HttpResponseBase:
        """Read the body and return the response in the negotiated format, while holding a slot of the concurrency limit.

        The response is complete before its first byte is sent, so that any failure is a problem document, and it has a
        Content-Length, so that the client can check that it is complete. A long one is spooled to an unnamed file.

        Raises: TooManyAtOnce, MediaTypeUnknown, EncodingUnknown, BodyTooLarge, BodyInvalid, VintageGone, and as `chunks`.
        """
        self.language = language_of(request)
        content_type = request.META.get("CONTENT_TYPE", "")
        form = format_of(content_type)
        query: BulkQuery = self.bulk_spec.parse(dict(request.query_params.lists()), {})
        with ExitStack() as stack:
            stack.enter_context(body_slot(request._request))
            content = read_bytes(request._request)
            charset, output_format = charset_of(content_type), BulkFormat(request.accepted_renderer.media_type)
            rows = self.csv_rows(query, content, charset) if form is output_format is BulkFormat.CSV else None
            if rows is not None:
                output, links = _spooled(rows.chunks), rows.links
            else:
                items = read_body(content, form, self.item_type, charset=charset, column_names=query.columns)
                body = self.chunks(query, items)
                output, links = _spooled(write_answers(body.chunks, output_format, items, body.layout)), body.links
                check_unchanged(body.vintages())
            headers = {"Content-Type": output_format.content_type, **links}
            if isinstance(output, bytes):
                return HttpResponse(output, headers=headers)
            response = send_range(output.file, range(output.size), headers=headers, head=False, large=False)
            response._resource_closers.append(stack.pop_all().close)  # type: ignore[attr-defined]
            return response


def _spooled(chunks: Iterator[bytes]) -> bytes | BodyFile:
    """Return a body as bytes, or as a file where it is longer than `WHOLE_MAX_BYTES`."""
    in_memory: list[bytes] = []
    length = 0
    for chunk in chunks:
        in_memory.append(chunk)
        length += len(chunk)
        if length > WHOLE_MAX_BYTES:
            return response_cache().spool_to_file(chain(in_memory, chunks))
    return b"".join(in_memory)
