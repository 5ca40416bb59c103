"""Writers of bulk answers: batches of answers to bytes."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from io import StringIO
from itertools import chain, count
from typing import Any

import orjson

from api.bulk.items import Item, Items
from api.bulk.media_types import BulkFormat
from api.bulk.tables import pad_row
from api.http.language import translate
from api.http.renderers import json_bytes
from api.problems import problem_type_of

STATUS_COLUMN = "status"
FAILURE_MEMBERS = ("detail", "hint")


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
        self.status = problem_type_of(item.error).slug

    def properties(self) -> Mapping[str, Any]:
        """Return what is wrong with the question."""
        error, language = self._error, self._language
        hint = {} if error.hint is None else {"hint": translate(error.hint, language)}
        return {"detail": translate(error.message, language), **hint}


@dataclass(frozen=True, slots=True)
class Layout:
    """What an answer adds to what was sent.

    Attributes:
        columns: to a row of CSV, before the status.
        members: to the properties of a GeoJSON feature, beside the status.
        source: gives the members of a JSON object that say where the answers come from, without its braces.
    """

    columns: Sequence[str]
    members: Sequence[str]
    source: Callable[[], bytes]


def write_answers(chunks: Iterable[list[Answer]], form: BulkFormat, items: Items[Any], layout: Layout) -> Iterator[bytes]:
    """Yield a body in a format.

    Where a column or a property of the sender's already has a name that the answer adds, all that it adds begin with `geo_`.
    """
    if form is BulkFormat.CSV:
        return _csv(chunks, items, layout.columns)
    if form is BulkFormat.NDJSON:
        return (b"".join(json_bytes(_result(item)) + b"\n" for item in chunk) for chunk in chunks)
    if form is BulkFormat.GEOJSON:
        taken = {*items.columns} if items.columns else items.property_names()
        prefix = _prefix((*layout.members, *FAILURE_MEMBERS, STATUS_COLUMN), taken)
        head = b'{"type":"FeatureCollection",' + layout.source() + b',"features":['
        return _json(chunks, head, partial(_feature, columns=items.columns, prefix=prefix))
    return _json(chunks, b"{" + layout.source() + b',"results":[', _result)


def _prefix(added: Iterable[str], taken: Iterable[str]) -> str:
    """Return what the added names begin with, so that none of them is taken: nothing, `geo_`, `geo2_` …"""
    names = {name.strip().lower() for name in taken}
    prefixes = chain(["", "geo_"], (f"geo{number}_" for number in count(2)))
    return next(prefix for prefix in prefixes if not any(prefix + name in names for name in added))


def _json(chunks: Iterable[list[Answer]], head: bytes, shape: Callable[[Answer], Mapping[str, Any]]) -> Iterator[bytes]:
    yield head
    comma = b""
    for chunk in chunks:
        yield comma + json_bytes([shape(item) for item in chunk])[1:-1]
        comma = b","
    yield b"]}"


def _result(answer: Answer) -> dict[str, Any]:
    named = {} if answer.item.id is None else {"id": answer.item.id}
    return {**named, "status": answer.status, **answer.properties()}


def _feature(answer: Answer, *, columns: Sequence[str], prefix: str) -> dict[str, Any]:
    item = answer.item
    named = {} if item.id is None else {"id": item.id}
    own = dict(zip(columns, item.row, strict=False)) if columns else item.properties
    added = {"status": answer.status, **answer.properties()}
    if prefix:
        added = {prefix + name: value for name, value in added.items()}
    return {"type": "Feature", **named, "geometry": answer.geometry(), "properties": {**own, **added}}


def _csv(chunks: Iterable[list[Answer]], items: Items[Any], columns: Sequence[str]) -> Iterator[bytes]:
    """Yield rows: those that came as they came, what came as JSON by its id."""
    text = StringIO()
    # RFC 4180 ends lines so.
    writer = csv.writer(text, delimiter=items.delimiter, lineterminator="\r\n")
    own = items.columns or ("id",)
    added = (*columns, STATUS_COLUMN)
    prefix = _prefix(added, own)
    writer.writerow([*own, *(prefix + name for name in added)])
    width, nothing = len(own), [""] * len(columns)
    for chunk in chunks:
        for answer in chunk:
            row = pad_row(answer.item.row, width) if items.columns else [_id_text(answer.item.id)]
            writer.writerow([*row, *(answer.fields() or nothing), answer.status])
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    yield text.getvalue().encode()  # the header, where nothing came after it


def _id_text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return orjson.dumps(value).decode()
