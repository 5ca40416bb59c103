"""Parsers of bulk bodies: bytes or lines to items. An item type (`positions`, `codes`) defines a row and a JSON item."""

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
# What JSON takes once it is read, in bytes: an object, an array, and each further value with its key.
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
    """Read a whole body. What is wrong with a later part of it is raised while the items are taken.

    Args:
        charset: as the Content-Type header declares it, empty where it does not.
        column_names: names of columns by parameter; only CSV has columns.

    Raises: BodyInvalid; BodyTooLarge beyond `ITEMS_MAX` items, and for JSON that would take too much memory; MediaTypeUnknown
    for an unknown charset; ParameterInvalid for columns that the header does not have.
    """
    if column_names and form is not BulkFormat.CSV:
        parameter = next(iter(column_names))
        raise ParameterInvalid(Message("%(name)s is for CSV only.", name=parameter), parameter=parameter)
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
            Message("The body is not JSON: line %(line)s, column %(column)s.", line=error.lineno, column=error.colno)
        ) from None
    members = _members(value, item_type)
    if len(members) > ITEMS_MAX:
        raise _too_many()
    return Items((_json_item(member, item_type) for member in members), property_names=lambda: _property_names(members))


def read_lines(lines: Iterable[str], item_type: ItemType[Input]) -> Iterator[Item[Input]]:
    """Read lines of JSON as they come. Empty lines are no items; a line that is no JSON is an item with an error.

    Raises: BodyTooLarge for a line that would take too much memory, BodyInvalid as `_json_item`.
    """
    for line in lines:
        if line.strip():
            _check_memory(line)
            try:
                value = orjson.loads(line)
            except orjson.JSONDecodeError:
                item = Item[Input](None, ParameterInvalid(Message("This line is not JSON.")))
            else:
                item = _json_item(value, item_type)
            item.weight = len(line)
            yield item


def _check_memory(text: bytes | str) -> None:
    """Refuse JSON of very many small values before it is read. Braces in strings count too, so it is an upper bound."""
    if len(text) < 1 << 16:
        return
    marks = ("{", "[", ",") if isinstance(text, str) else (b"{", b"[", b",")
    objects, arrays, values = (text.count(mark) for mark in marks)  # type: ignore[arg-type] # all of the text's own type
    if objects * _OBJECT + arrays * _ARRAY + values * _VALUE > _MEMORY_PER_BYTE * settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        raise BodyTooLarge(
            Message("The JSON has more values than are read at once."),
            hint=Message("Send it in parts, or as lines of JSON (application/x-ndjson)."),
        )


def _limit_items(items: Iterable[Item[Input]]) -> Iterator[Item[Input]]:
    for number, item in enumerate(items):
        if number == ITEMS_MAX:
            raise _too_many()
        yield item


def _too_many() -> BodyTooLarge:
    return BodyTooLarge(
        Message("At most %(most)s items are answered at once.", most=ITEMS_MAX),
        hint=Message("Send them in parts, or answer a file of any size with bin/manage locate."),
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
        Message("The body holds no list of items."),
        hint=Message("It is an array, or an object with one of these: %(names)s.", names=list(item_type.members)),
    )


def _json_item(value: Any, item_type: ItemType[Input]) -> Item[Input]:
    """Return the item. Raises: BodyInvalid for an id or properties nested so deeply that they cannot be sent back."""
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
    level = [value] if isinstance(value, list | dict) else []
    for _ in range(DEPTH_MAX):
        if not level:
            return
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, list | dict)
        ]
    if level:
        raise BodyInvalid(Message("An id or a property is nested deeper than %(most)s levels.", most=DEPTH_MAX))
