"""Writers of bulk responses: chunks of answers to CSV, JSON, GeoJSON or NDJSON bytes."""

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
    """Answer to one item. A writer calls only the methods that its format needs.

    Attributes:
        status: `ok`, or the slug of the problem type that a single request would get.
    """

    __slots__ = ("item",)
    status = "ok"

    def __init__(self, item: Item[Any]) -> None:
        self.item = item

    def properties(self) -> Mapping[str, Any]:
        """Return the properties of a single answer; of a failed item, detail and hint."""
        raise NotImplementedError

    def fields(self) -> Sequence[str]:
        """Return the CSV fields that the answer adds, without the status; none for a failed item."""
        return ()

    def geometry(self) -> Any:
        """Return the GeoJSON geometry of the input; None without one."""
        return None


class Failed(Answer):
    """Answer to an item with an error."""

    __slots__ = ("_error", "_language", "status")

    def __init__(self, item: Item[Any], language: str) -> None:
        super().__init__(item)
        assert item.error is not None  # noqa: S101 - an item without an input has an error
        self._error, self._language = item.error, language
        self.status = problem_type_of(item.error).slug

    def properties(self) -> Mapping[str, Any]:
        """Return detail and hint of the error."""
        error, language = self._error, self._language
        hint = {} if error.hint is None else {"hint": translate(error.hint, language)}
        return {"detail": translate(error.message, language), **hint}


@dataclass(frozen=True, slots=True)
class Layout:
    """Names that the answers add to the items, and provenance of the response.

    Attributes:
        columns: added CSV columns, before the status.
        members: added properties of a GeoJSON feature, apart from the status.
        source: returns the members with the provenance, as JSON text without the braces.
    """

    columns: Sequence[str]
    members: Sequence[str]
    source: Callable[[], bytes]


def write_answers(chunks: Iterable[list[Answer]], form: BulkFormat, items: Items[Any], layout: Layout) -> Iterator[bytes]:
    """Yield the body in a format.

    If a column or property of the items has the same name as an added one, all added names get the prefix `geo_`.
    """
    if form is BulkFormat.CSV:
        return _csv(chunks, items, layout.columns)
    if form is BulkFormat.NDJSON:
        return (b"".join(json_bytes(_item_members(answer)) + b"\n" for answer in chunk) for chunk in chunks)
    if form is BulkFormat.GEOJSON:
        taken = {*items.columns} if items.columns else items.property_names()
        prefix = _prefix((*layout.members, *FAILURE_MEMBERS, STATUS_COLUMN), taken)
        head = b'{"type":"FeatureCollection",' + layout.source() + b',"features":['
        return _json(chunks, head, partial(_feature, columns=items.columns, prefix=prefix))
    return _json(chunks, b"{" + layout.source() + b',"results":[', _item_members)


def _prefix(added: Iterable[str], taken: Iterable[str]) -> str:
    """Return the first prefix with which no added name is taken: none, `geo_`, `geo2_` …"""
    names = {name.strip().lower() for name in taken}
    prefixes = chain(["", "geo_"], (f"geo{number}_" for number in count(2)))
    return next(prefix for prefix in prefixes if not any(prefix + name in names for name in added))


def _json(chunks: Iterable[list[Answer]], head: bytes, shape: Callable[[Answer], Mapping[str, Any]]) -> Iterator[bytes]:
    yield head
    comma = b""
    for chunk in chunks:
        yield comma + json_bytes([shape(answer) for answer in chunk])[1:-1]
        comma = b","
    yield b"]}"


def _item_members(answer: Answer) -> dict[str, Any]:
    id_member = {} if answer.item.id is None else {"id": answer.item.id}
    return {**id_member, "status": answer.status, **answer.properties()}


def _feature(answer: Answer, *, columns: Sequence[str], prefix: str) -> dict[str, Any]:
    item = answer.item
    id_member = {} if item.id is None else {"id": item.id}
    sent = dict(zip(columns, item.row, strict=False)) if columns else item.properties
    added = {"status": answer.status, **answer.properties()}
    if prefix:
        added = {prefix + name: value for name, value in added.items()}
    return {"type": "Feature", **id_member, "geometry": answer.geometry(), "properties": {**sent, **added}}


def _csv(chunks: Iterable[list[Answer]], items: Items[Any], columns: Sequence[str]) -> Iterator[bytes]:
    """Yield CSV rows: CSV items with all their fields, JSON items with their id."""
    text = StringIO()
    # Line ends of RFC 4180.
    writer = csv.writer(text, delimiter=items.delimiter, lineterminator="\r\n")
    sent = items.columns or ("id",)
    added = (*columns, STATUS_COLUMN)
    prefix = _prefix(added, sent)
    writer.writerow([*sent, *(prefix + name for name in added)])
    width, no_fields = len(sent), [""] * len(columns)
    for chunk in chunks:
        for answer in chunk:
            row = pad_row(answer.item.row, width) if items.columns else [_id_text(answer.item.id)]
            writer.writerow([*row, *(answer.fields() or no_fields), answer.status])
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    yield text.getvalue().encode()  # the header alone, if there are no items


def _id_text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return orjson.dumps(value).decode()
