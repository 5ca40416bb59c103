"""What POST does with many items, whatever they are."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from api.bulk.errors import BodyInvalid, BodyTooLarge, MediaTypeUnknown
from api.bulk.formats import CSVRenderer, Format, NDJSONRenderer, format_of
from api.bulk.reading import Items, Subject, read_body
from api.bulk.writing import Answer, written
from api.language import language_of
from api.limits import TooManyAtOnce, body_slot
from api.renderers import JSONRenderer
from api.schemas.bulk import TEXT
from api.views.base import ApiView
from geography.messages import Message
from operations.request_body import BodyTimeout

# What a bulk route can be asked wrong, and its answers that are no JSON, for the OpenAPI document.
BULK_PROBLEMS: tuple[type[Exception], ...] = (BodyInvalid, BodyTooLarge, MediaTypeUnknown, BodyTimeout, TooManyAtOnce)
TEXTS = {Format.CSV.value: TEXT, Format.NDJSON.value: TEXT}
_TEXT_RENDERERS: tuple[type[BaseRenderer], ...] = (CSVRenderer, NDJSONRenderer)


@dataclass(frozen=True, slots=True)
class Body:
    """The parts of an answer: see `api.bulk.writing.written`. `links` are headers."""

    chunks: Iterable[list[Answer]]
    columns: Sequence[str]
    source: Callable[[], bytes]
    links: Mapping[str, str]


class BulkView(ApiView):
    """A route that answers many items by POST.

    Attributes:
        subject: what they are.
        bulk_renderers: the formats of answers beside CSV and lines of JSON.
    """

    subject: Subject[Any]
    bulk_renderers: tuple[type[BaseRenderer], ...] = (JSONRenderer,)

    def get_renderers(self) -> list[BaseRenderer]:
        """Offer every format to a POST, that of its body first: it is the answer where the client does not mind."""
        if self.request.method != "POST":
            return super().get_renderers()
        own = self.request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        return sorted((one() for one in (*self.bulk_renderers, *_TEXT_RENDERERS)), key=lambda one: one.media_type != own)

    def chunks(self, request: Request, items: Items[Any]) -> Body:
        """Return the parts of the answer to these items."""
        raise NotImplementedError

    def answer_many(self, request: Request) -> HttpResponseBase:
        """Read the body, answer in the format that was negotiated, and hold a place among the expensive requests meanwhile.

        What can be wrong with the whole is found before the first byte is sent.

        Raises: TooManyAtOnce, MediaTypeUnknown, BodyTooLarge, BodyInvalid, and what `chunks` raises.
        """
        self.language = language_of(request)
        form = format_of(request.META.get("CONTENT_TYPE", ""))
        with ExitStack() as stack:
            stack.enter_context(body_slot(request._request))
            items = read_body(self._body(request), form, self.subject)
            body = self.chunks(request, items)
            out = Format(request.accepted_renderer.media_type)
            parts = written(body.chunks, out, items, body.columns, body.source)
            # Up to the first answers nothing is sent: what fails until then is a problem document.
            begun = list(islice(parts, 2))
            stream = _held(stack.pop_all(), chain(begun, parts))
        next(stream)
        return StreamingHttpResponse(stream, content_type=out.value, headers=dict(body.links))

    def _body(self, request: Request) -> bytes:
        try:
            return bytes(request._request.body)
        except RequestDataTooBig:
            raise BodyTooLarge(
                Message("A body has at most %(most)s bytes.", most=settings.DATA_UPLOAD_MAX_MEMORY_SIZE),
                hint=Message("Send it in parts, or answer a file of any size with manage.py locate."),
            ) from None


def _held(stack: ExitStack, parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield nothing once, so that it has begun and will be closed, and then the parts; let the place go at the end."""
    with stack:
        yield b""
        yield from parts
