"""NDJSON: the positions in lines, and lines with the members of the answers."""

import json
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from covidtrends_geo.bulk.column_names import LAT_RANKS, LON_RANKS, indexes_by_rank
from covidtrends_geo.bulk.csv_rows import Failure
from covidtrends_geo.bulk.layers import OK, STATUS, STATUSES, Layers, Located
from covidtrends_geo.bulk.positions import number


class JsonRows(NamedTuple):
    """Lines of a chunk with the positions in them: as `csv_rows.Rows`.

    Attributes:
        ids: the id of each object; None without one.
        invalid: whether a line is not JSON.
    """

    ids: Sequence[Any]
    lon: npt.NDArray[np.float64]
    lat: npt.NDArray[np.float64]
    invalid: npt.NDArray[np.bool_]
    lines: int
    failure: Failure | None = None


def read_json_rows(chunk: bytes) -> JsonRows:
    """Return the positions in lines: `[lon, lat]`, an object with members named like columns, a GeoJSON Point or Feature.

    Empty lines are skipped.
    """
    rows: list[tuple[Any, float, float, bool]] = []
    lines, failure = 0, None
    for line in chunk.split(b"\n"):
        lines += 1
        try:
            text = line.decode()
        except UnicodeDecodeError:
            failure = Failure("utf-8", lines)
            break
        if text.strip():
            rows.append(_row(text))
    ids, lon, lat, invalid = zip(*rows, strict=True) if rows else ((), (), (), ())
    lines -= chunk.endswith(b"\n")
    return JsonRows(ids, np.array(lon, dtype=float), np.array(lat, dtype=float), np.array(invalid, dtype=bool), lines, failure)


def _row(text: str) -> tuple[Any, float, float, bool]:
    try:
        value = json.loads(text, parse_constant=_not_json)
    except (ValueError, RecursionError):
        return None, float("nan"), float("nan"), True
    lon, lat = _lon_lat_of(value)
    degrees = [_degrees(lon), _degrees(lat)] if isinstance(lon, str) == isinstance(lat, str) else [float("nan")] * 2
    return value.get("id") if isinstance(value, dict) else None, degrees[0], degrees[1], False


def _not_json(name: str) -> None:
    raise ValueError(name)


def _degrees(value: Any) -> float:
    if isinstance(value, str):
        return number(value) if "," not in value else float("nan")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return float("nan")
    try:
        return float(value)
    except OverflowError:
        return float("nan")


def _lon_lat_of(value: Any) -> tuple[Any, Any]:
    if isinstance(value, dict) and "geometry" in value:
        value = value["geometry"]
    if isinstance(value, dict) and "coordinates" in value:
        value = value["coordinates"] if value.get("type") == "Point" else None
    if isinstance(value, list) and len(value) in {2, 3}:  # the third number is the altitude
        return value[0], value[1]
    if isinstance(value, dict):
        if "lon" in value and "lat" in value:
            return value["lon"], value["lat"]
        indexes = indexes_by_rank([*value], (LON_RANKS, LAT_RANKS))
        if indexes is not None:
            members = [*value.values()]
            return members[indexes[0]], members[indexes[1]]
    return None, None


def id_text(value: Any) -> str:
    """Return an id as text: empty without one."""
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def json_lines(sent: Sequence[dict[str, Any]], located: Located, layers: Layers, names: Sequence[str]) -> bytes:
    """Return lines with the members of the answers and the status; a status other than `ok` has no other members.

    Args:
        sent: members that come first on each line.
        names: of the added members, as `layers.names` and the status.
    """
    lines = []
    rows = zip(sent, located.status.tolist(), located.kind.tolist(), located.distance_to_border_m.tolist(), strict=True)
    by_kind = dict(zip((*layers.names, STATUS), names, strict=True))
    for members, status, number_of_kind, border_m in rows:
        added: dict[str, Any] = {by_kind[STATUS]: STATUSES[status]}
        if status == OK:
            added |= {by_kind[name]: value for name, value in layers.values(number_of_kind).items()}
            if layers.border:
                added[by_kind["distance_to_border_m"]] = None if math.isnan(border_m) else round(border_m, 1)
        lines.append(json.dumps({**members, **added}, ensure_ascii=False, separators=(",", ":")))
    return "".join(line + "\n" for line in lines).encode("utf-8", "backslashreplace")
