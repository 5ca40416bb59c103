"""From answers to bytes, chunk by chunk."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from io import StringIO
from typing import Any

from api.bulk.errors import BodyInvalid
from api.bulk.formats import Format
from api.bulk.reading import Item, Items
from api.errors import kind_of
from api.language import say
from api.renderers import json_bytes
from geography.messages import Message

STATUS_COLUMN = "status"


class Answer:
    """The answer to one item. A format asks it for what it writes; nothing else is made.

    Attributes:
        status: `ok`, or the last part of the type of the problem that the question alone would have been answered with.
    """

    __slots__ = ("item",)
    status = "ok"

    def __init__(self, item: Item[Any]) -> None:
        self.item = item

    def properties(self) -> Mapping[str, Any]:
        """Return what a single answer has as its properties; of a failure what is wrong."""
        raise NotImplementedError

    def fields(self) -> Sequence[str]:
        """Return the columns that CSV adds, without the status; none for a failure."""
        return ()

    def geometry(self) -> Any:
        """Return where the question was, GeoJSON."""
        return None


class Failed(Answer):
    """The answer to an item that cannot be answered."""

    __slots__ = ("_error", "_language", "status")

    def __init__(self, item: Item[Any], language: str) -> None:
        super().__init__(item)
        assert item.error is not None  # noqa: S101 - what has no question has an error
        self._error, self._language = item.error, language
        self.status = kind_of(item.error).slug

    def properties(self) -> Mapping[str, Any]:
        """Return what is wrong with the question."""
        error, language = self._error, self._language
        hint = {} if error.hint is None else {"hint": say(error.hint, language)}
        return {"detail": say(error.message, language), **hint}


def written(
    chunks: Iterable[list[Answer]], form: Format, items: Items[Any], columns: Sequence[str], source: Callable[[], bytes]
) -> Iterator[bytes]:
    """Yield a body in a format.

    Args:
        columns: what CSV adds to the item's own.
        source: gives the members of a JSON object that say where the answers come from, without its braces.

    Raises: BodyInvalid, before anything is yielded, for CSV that already has one of the columns.
    """
    if form is Format.CSV:
        return _csv(chunks, items, columns)
    if form is Format.NDJSON:
        return (b"".join(json_bytes(_result(one)) + b"\n" for one in chunk) for chunk in chunks)
    if form is Format.GEOJSON:
        return _json(chunks, b'{"type":"FeatureCollection",' + source() + b',"features":[', _feature)
    return _json(chunks, b"{" + source() + b',"results":[', _result)


def _json(chunks: Iterable[list[Answer]], head: bytes, shape: Callable[[Answer], Mapping[str, Any]]) -> Iterator[bytes]:
    yield head
    comma = b""
    for chunk in chunks:
        yield comma + json_bytes([shape(one) for one in chunk])[1:-1]
        comma = b","
    yield b"]}"


def _result(answer: Answer) -> dict[str, Any]:
    named = {} if answer.item.id is None else {"id": answer.item.id}
    return {**named, "status": answer.status, **answer.properties()}


def _feature(answer: Answer) -> dict[str, Any]:
    named = {} if answer.item.id is None else {"id": answer.item.id}
    properties = {**answer.item.properties, "status": answer.status, **answer.properties()}
    return {"type": "Feature", **named, "geometry": answer.geometry(), "properties": properties}


def _csv(chunks: Iterable[list[Answer]], items: Items[Any], columns: Sequence[str]) -> Iterator[bytes]:
    """Return rows: those that came as they came, what came as JSON by its id."""
    own = items.columns or ("id",)
    added = (*columns, STATUS_COLUMN)
    twice = sorted({name.strip().lower() for name in own} & set(added))
    if twice:
        raise BodyInvalid(
            Message("The header already has %(names)s, which the answer adds.", names=twice),
            hint=Message("Rename or remove the columns of an earlier answer."),
        )
    return _rows(chunks, [*own, *added], len(columns), items.delimiter, by_id=not items.columns)


def _rows(chunks: Iterable[list[Answer]], header: Sequence[str], width: int, delimiter: str, *, by_id: bool) -> Iterator[bytes]:
    text = StringIO()
    # RFC 4180 ends lines so.
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(header)
    nothing = [""] * width
    for chunk in chunks:
        for answer in chunk:
            own = [answer.item.id] if by_id else answer.item.row
            writer.writerow([*own, *(answer.fields() or nothing), answer.status])
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    yield text.getvalue().encode()  # the header, where nothing came after it
