"""Bulk lookup of the regions at positions."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from api.bulk.columns import Column, columns_by_rank
from api.bulk.items import Item, ItemType, batches
from api.bulk.writers import Answer, Failed
from api.openapi.schemas.positions import PROPERTIES
from api.responses.locate import DISTANCE_DECIMALS, LocateResponder
from covidtrends_geo.bulk.column_names import LAT_RANKS, LON_RANKS
from covidtrends_geo.bulk.layers import Layers
from geography.constants import ACCURACY_OF_MANY_MAX_M, INACCURATE_MAX
from geography.coordinates import LonLat, check_position, parse_position
from geography.db.routing import retry_on_primary
from geography.errors import CoordinateInvalid, ParameterInvalid
from geography.lookup.types import Located
from geography.translation import Message

# Batch size: positions per SQL query, and per in-memory lookup. In a larger chunk more positions share a grid cell.
CHUNK = 2_000
CHUNK_IN_MEMORY = 10_000

LAT = Column("lat_column", LAT_RANKS)
LON = Column("lon_column", LON_RANKS)


def _position_from_fields(fields: Sequence[str]) -> LonLat:
    # Accept a decimal comma, which is possible with another delimiter.
    lat, lon = (text.replace(",", ".") if text.count(",") == 1 and "." not in text else text for text in fields)
    return parse_position(lat=lat, lon=lon)


def _position_from_json(value: Any) -> LonLat:
    """Return the position in `[lon, lat]`, an object with members named like the columns, or a GeoJSON Point or Feature.

    Raises: CoordinateInvalid.
    """
    if type(value) is list and len(value) == 2 and type(value[0]) is type(value[1]) is float:
        return check_position(lat=value[1], lon=value[0])  # fast path of the usual form
    lon, lat = _lon_lat_of(value)
    if _is_number(lon) and _is_number(lat):
        return check_position(lat=float(lat), lon=float(lon))
    if isinstance(lon, str) and isinstance(lat, str):
        return parse_position(lat=lat, lon=lon)
    raise CoordinateInvalid(
        Message("This item is not a position."), hint=Message("Use [longitude, latitude], or an object with lat and lon.")
    )


def _lon_lat_of(value: Any) -> tuple[Any, Any]:
    if isinstance(value, dict) and "geometry" in value:
        value = value["geometry"]
    if isinstance(value, dict) and "coordinates" in value:
        value = value["coordinates"] if value.get("type") == "Point" else None
    if isinstance(value, list) and len(value) in (2, 3):  # the third number is the altitude
        return value[0], value[1]
    if isinstance(value, dict):
        if "lon" in value and "lat" in value:
            return value["lon"], value["lat"]
        indexes = columns_by_rank([*value], (LAT, LON))
        if indexes is not None:
            members = [*value.values()]
            return members[indexes[1]], members[indexes[0]]
    return None, None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


ITEM_TYPE = ItemType((LAT, LON), ("points", "features", "coordinates"), _position_from_fields, _position_from_json)


def limit_inaccurate(items: Iterable[Item[LonLat]], accuracy_m: float | None) -> Iterator[Item[LonLat]]:
    """Yield the items. Raises: ParameterInvalid for more than `INACCURATE_MAX` with an accuracy over `ACCURACY_OF_MANY_MAX_M`.

    The candidates of an inaccurate position are expensive to compute.
    """
    for number, item in enumerate(items):
        if number == INACCURATE_MAX and (accuracy_m or 0) > ACCURACY_OF_MANY_MAX_M:
            raise ParameterInvalid(
                Message(
                    "With an accuracy over %(metres)s m, a request is limited to %(most)s positions.",
                    metres=ACCURACY_OF_MANY_MAX_M,
                    most=INACCURATE_MAX,
                ),
                parameter="accuracy",
            )
        yield item


# GeoJSON properties of an answer; those of a failed item are `api.bulk.writers.FAILURE_MEMBERS`.
MEMBERS = tuple(PROPERTIES)


def answer_positions(
    items: Iterable[Item[LonLat]], responder: LocateResponder, fields: tuple[str, ...] | None = None
) -> Iterator[list[Answer]]:
    """Yield the answers in chunks, in the order of the items.

    Args:
        fields: names of the columns of the answers, of `LOCATED_COLUMNS`; None for all columns in CSV, and the properties of a
            single lookup in the other formats.

    Queries: as `LocateResponder.locate`, for each `CHUNK` items.
    """
    layers = responder.layers(fields) if fields else None
    if layers is not None:
        for batch in batches(items, CHUNK_IN_MEMORY):
            yield _answers(batch, responder, _values_in_index(_positions(batch), layers))
        return
    for batch in batches(items, CHUNK_IN_MEMORY if responder.in_memory else CHUNK):
        yield retry_on_primary(partial(_chunk, batch, responder, fields))


def _positions(batch: Iterable[Item[LonLat]]) -> list[LonLat]:
    return [item.input for item in batch if item.input is not None]


def _chunk(batch: Sequence[Item[LonLat]], responder: LocateResponder, fields: tuple[str, ...] | None) -> list[Answer]:
    positions = _positions(batch)
    located = responder.locate(positions) if positions else []
    if fields is not None:
        columns = (_columns(pair, responder.language) for pair in located)
        return _answers(batch, responder, ({name: values[name] for name in fields} for values in columns))
    pairs = iter(located)
    return [
        Failed(item, responder.language) if item.input is None else _Located(item, item.input, next(pairs), responder)
        for item in batch
    ]


def _answers(batch: Sequence[Item[LonLat]], responder: LocateResponder, values: Iterable[dict[str, Any]]) -> list[Answer]:
    """Return the answers of items; `values` are the columns of those with an input."""
    rows = iter(values)
    return [
        Failed(item, responder.language) if item.input is None else _LocatedColumns(item, item.input, next(rows))
        for item in batch
    ]


def _columns(located: tuple[Located, ...], language: str) -> dict[str, Any]:
    """Return the values of `LOCATED_COLUMNS` by name, None for a missing one."""
    region, fsa = located
    area, nearest, border = region.region, region.region or fsa.region, region.distance_to_border_m
    return {
        "hruid": area and area.code,
        "hr_name": area and (area.name_fr if language == "fr" else area.name_en),
        "cfsauid": fsa.region and fsa.region.code,
        "pruid": (nearest and nearest.pruid) or None,
        "match": region.match,
        "certain": region.certain,
        "distance_to_border_m": None if border is None else round(border, DISTANCE_DECIMALS),
    }


def _values_in_index(positions: Sequence[LonLat], layers: Layers) -> Iterator[dict[str, Any]]:
    """Yield the values of the columns of `layers` for each position."""
    if not positions:
        return
    located = layers.locate(*np.array(positions).T.copy())
    by_kind: dict[int, dict[str, Any]] = {}
    for kind, border in zip(located.kind.tolist(), located.distance_to_border_m.tolist(), strict=True):
        values = by_kind.get(kind)
        if values is None:
            values = by_kind[kind] = layers.values(kind)
        if layers.border:
            values = values | {"distance_to_border_m": None if math.isnan(border) else round(border, DISTANCE_DECIMALS)}
        yield values


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


class _Located(Answer):
    """Answer with the regions at a position."""

    __slots__ = ("_located", "_position", "_properties", "_responder")

    def __init__(self, item: Item[LonLat], position: LonLat, located: tuple[Located, ...], responder: LocateResponder) -> None:
        super().__init__(item)
        self._position, self._located, self._responder = position, located, responder
        # Queries run here, within `retry_on_primary`, not when the answer is written.
        self._properties = responder.properties(position, located) if responder.may_query else None

    def properties(self) -> Mapping[str, Any]:
        return self._properties or self._responder.properties(self._position, self._located)

    def fields(self) -> Sequence[str]:
        return [_text(value) for value in _columns(self._located, self._responder.language).values()]

    def geometry(self) -> Any:
        return {"type": "Point", "coordinates": list(self._position)}


class _LocatedColumns(Answer):
    """Answer with some of `LOCATED_COLUMNS`, in every format."""

    __slots__ = ("_position", "_values")

    def __init__(self, item: Item[LonLat], position: LonLat, values: Mapping[str, Any]) -> None:
        super().__init__(item)
        self._position, self._values = position, values

    def properties(self) -> Mapping[str, Any]:
        return self._values

    def fields(self) -> Sequence[str]:
        return [_text(value) for value in self._values.values()]

    def geometry(self) -> Any:
        return {"type": "Point", "coordinates": list(self._position)}
