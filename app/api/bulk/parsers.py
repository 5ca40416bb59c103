"""Parsers of bulk bodies: CSV, JSON, GeoJSON and NDJSON to items of an `ItemType`."""

from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from typing import Any

import orjson
from django.conf import settings

from api.bulk.charsets import encoding_of, text_lines, to_utf8
from api.bulk.items import Input, Item, Items, ItemType
from api.bulk.media_types import ITEMS_MAX, BulkFormat
from api.bulk.tables import read_table
from api.http.body_errors import BodyInvalid, BodyTooLarge
from geography.errors import GeographyError, ParameterInvalid
from geography.translation import Message

DEPTH_MAX = 64
# Memory of parsed JSON, in bytes: per object, per array, and per further value with its key.
_OBJECT, _ARRAY, _VALUE = 240, 72, 100
_MEMORY_PER_BYTE = 16


def read_body(
    body: bytes,
    form: BulkFormat,
    item_type: ItemType[Input],
    *,
    charset: str = "",
    column_names: Mapping[str, str] | None = None,
) -> Items[Input]:
    """Return the items of a body. Items are parsed lazily, so errors in later parts are raised during iteration.

    Args:
        charset: charset of the Content-Type header, or an empty text.
        column_names: CSV column names that the client chose, by parameter.

    Raises: BodyInvalid; BodyTooLarge beyond `ITEMS_MAX` items, and for JSON that would need too much memory; MediaTypeUnknown
    for an unsupported charset; ParameterInvalid for column names with another format than CSV, or missing from the header.
    """
    if column_names and form is not BulkFormat.CSV:
        parameter = next(iter(column_names))
        raise ParameterInvalid(Message("%(name)s applies to CSV only.", name=parameter), parameter=parameter)
    if form is BulkFormat.CSV:
        lines = text_lines(BytesIO(body), encoding_of(body[:4], charset))
        table = read_table(lines, item_type, column_names or {}, padding_max=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        table.items = _limit_items(table.items)
        return table
    if form is BulkFormat.NDJSON:
        return Items(
            _limit_items(read_lines(text_lines(BytesIO(body), encoding_of(body[:4], charset), newline="\n"), item_type))
        )
    text = to_utf8(body, charset)
    _check_memory(text)
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BodyInvalid(
            Message("The body is not valid JSON: line %(line)s, column %(column)s.", line=error.lineno, column=error.colno)
        ) from None
    members = _members(value, item_type)
    if len(members) > ITEMS_MAX:
        raise _too_many()
    return Items((_json_item(member, item_type) for member in members), property_names=lambda: _property_names(members))


def read_lines(lines: Iterable[str], item_type: ItemType[Input]) -> Iterator[Item[Input]]:
    """Yield the items of NDJSON lines. Empty lines are skipped; an invalid line is an item with an error.

    Raises: BodyTooLarge for a line that would need too much memory; BodyInvalid as `_json_item`.
    """
    for line in lines:
        if line.strip():
            _check_memory(line)
            try:
                value = orjson.loads(line)
            except orjson.JSONDecodeError:
                item = Item[Input](None, ParameterInvalid(Message("This line is not valid JSON.")))
            else:
                item = _json_item(value, item_type)
            item.weight = len(line)
            yield item


def _check_memory(text: bytes | str) -> None:
    """Raise BodyTooLarge for JSON that would need too much memory, before it is parsed.

    The estimate is an upper bound, since it also counts brackets and commas inside strings.
    """
    if len(text) < 1 << 16:
        return
    marks = ("{", "[", ",") if isinstance(text, str) else (b"{", b"[", b",")
    objects, arrays, values = (text.count(mark) for mark in marks)  # type: ignore[arg-type] # same type as the text
    if objects * _OBJECT + arrays * _ARRAY + values * _VALUE > _MEMORY_PER_BYTE * settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        raise BodyTooLarge(
            Message("The JSON has too many values for one request."),
            hint=Message("Split the request, or send NDJSON (application/x-ndjson)."),
        )


def _limit_items(items: Iterable[Item[Input]]) -> Iterator[Item[Input]]:
    for number, item in enumerate(items):
        if number == ITEMS_MAX:
            raise _too_many()
        yield item


def _too_many() -> BodyTooLarge:
    return BodyTooLarge(
        Message("A request is limited to %(most)s items.", most=ITEMS_MAX),
        hint=Message("Split the request, or use bin/manage locate, which has no size limit."),
    )


def _members(value: Any, item_type: ItemType[Any]) -> list[Any]:
    if isinstance(value, dict):
        for name in item_type.members:
            if isinstance(value.get(name), list):
                members: list[Any] = value[name]
                return members
    if isinstance(value, list):
        return value
    raise BodyInvalid(
        Message("The body has no list of items."),
        hint=Message("Send an array, or an object with one of these members: %(names)s.", names=list(item_type.members)),
    )


def _json_item(value: Any, item_type: ItemType[Input]) -> Item[Input]:
    """Return the item. Raises: BodyInvalid for an id or properties nested too deeply for the JSON writer."""
    if not isinstance(value, dict):
        item: Item[Input] = Item(None)
    else:
        item = Item(None, id=value.get("id"), properties=_properties(value))
        _check_depth(item.id)
        _check_depth(item.properties)
    try:
        item.input = item_type.from_json(value)
    except GeographyError as error:
        item.error = error
    return item


def _properties(value: Mapping[str, Any]) -> dict[str, Any]:
    properties = value.get("properties")
    return properties if isinstance(properties, dict) and value.get("type") == "Feature" else {}


def _property_names(members: Iterable[Any]) -> set[str]:
    return {name for member in members if isinstance(member, dict) for name in _properties(member)}


def _check_depth(value: Any) -> None:
    containers = [value] if isinstance(value, list | dict) else []
    for _ in range(DEPTH_MAX):
        if not containers:
            return
        containers = [
            inner
            for outer in containers
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, list | dict)
        ]
    if containers:
        raise BodyInvalid(Message("An id or property is nested deeper than %(most)s levels.", most=DEPTH_MAX))
