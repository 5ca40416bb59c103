"""Mutations of a file for fuzzing: bytes, JSON, names. All randomness comes from the given generator."""

import json
import random
import struct
from collections.abc import Callable
from typing import Any

Parts = dict[str, bytes]

_INTS = (0, 1, -1, 2, 5, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, -0x80000000, 0x40000000, 1_000_000)
_DOUBLES = (float("nan"), float("inf"), -float("inf"), 0.0, -0.0, 1e308, -1e300, 5e-324, 180.0, 1e6, -63.4, 6.2e6, 1e15)
_NAMES = (
    *("layer.shp", "regions.SHP", "regions.shx", "x.dbf", ".shp", "._regions.shp", "regions.prj", "regions.cpg", "CON.shp"),
    *("a" * 190 + ".shp", "é\udcff.shp", "regions.shp.zip", "layer.gpkg", "layer.geojson", "vsicurl.geojson", "x.vrt", " .shp"),
)
_ODD: tuple[Any, ...] = (
    *(None, True, False, [], {}, "", "x" * 5_000, "\ud800", "\x00", -1, 0, 10**30, 1e308, -1e308, 1e-320, float("nan")),
    *(float("inf"), [[]], [[[]]], [None], {"type": "Polygon"}, {"type": "Point", "coordinates": [0, 0]}, "Polygon", 1.5),
    *({"type": "GeometryCollection", "geometries": [{"type": "GeometryCollection", "geometries": []}]}, "EPSG:3347", [0, 0, 0]),
    *(
        {"type": "name", "properties": {"name": "http://127.0.0.1:9/crs"}},
        {"type": "link", "properties": {"href": "/etc/passwd"}},
    ),
)


def damaged_bytes(content: bytes, chance: random.Random) -> bytes:
    """Return the content with one to eight mutations, half of them in the first 200 bytes."""
    data = bytearray(content)
    for _ in range(chance.choice([1, 1, 1, 2, 3, 8])):
        if not data:
            break
        at = chance.randrange(min(len(data), 200) if chance.random() < 0.5 else len(data))
        chance.choice(_DAMAGES)(data, at, chance)
    return bytes(data)


def _flip(data: bytearray, at: int, chance: random.Random) -> None:
    data[at] ^= 1 << chance.randrange(8)


def _byte(data: bytearray, at: int, chance: random.Random) -> None:
    data[at] = chance.choice([0, 1, 0x20, 0x2A, 0x7F, 0x80, 0xFF, chance.randrange(256)])


def _int(data: bytearray, at: int, chance: random.Random) -> None:
    at -= at % 4 if chance.random() < 0.8 else 0
    number = chance.choice(_INTS) if chance.random() < 0.8 else chance.getrandbits(31)
    data[at : at + 4] = struct.pack(chance.choice("<>") + "I", number & 0xFFFFFFFF)


def _double(data: bytearray, at: int, chance: random.Random) -> None:
    at -= at % 4
    data[at : at + 8] = struct.pack("<d", chance.choice(_DOUBLES))


def _cut(data: bytearray, at: int, chance: random.Random) -> None:
    del data[at:]


def _drop(data: bytearray, at: int, chance: random.Random) -> None:
    del data[at : at + chance.choice([1, 2, 4, 8, 100, 1_000])]


def _repeat(data: bytearray, at: int, chance: random.Random) -> None:
    data[at:at] = data[at : at + chance.choice([1, 4, 8, 100, 1_000])] * chance.choice([1, 2, 50])


def _insert(data: bytearray, at: int, chance: random.Random) -> None:
    data[at:at] = chance.randbytes(chance.choice([1, 2, 4, 64]))


def _blank(data: bytearray, at: int, chance: random.Random) -> None:
    length = min(chance.choice([1, 4, 16, 64, 500]), len(data) - at)
    data[at : at + length] = bytes([chance.choice([0, 0x20, 0xFF])]) * length


def _move(data: bytearray, at: int, chance: random.Random) -> None:
    length = chance.choice([1, 4, 8, 44, 100])
    other = chance.randrange(len(data))
    data[at : at + length] = data[other : other + length]


_DAMAGES: tuple[Callable[[bytearray, int, random.Random], None], ...] = (
    *(_flip, _byte, _byte, _int, _int, _int, _double, _double, _cut, _drop, _repeat, _insert, _blank, _move),
)


def damaged_json(content: bytes, chance: random.Random) -> bytes:
    """Return a document with some values or keys replaced."""
    document = json.loads(content)
    for _ in range(chance.choice([1, 1, 2, 4])):
        _replace(document, chance)
    if chance.random() < 0.03:
        depth = chance.choice([50, 600, 20_000])
        return b'{"type":"FeatureCollection","features":' + b"[" * depth + b"]" * depth + b"}"
    text = json.dumps(document)
    if chance.random() < 0.1:
        text = text.replace("0", chance.choice(["1e999", "-", "00", "0" * 400, "1e-999"]), 1)
    return text.encode("utf-8", "surrogatepass")


def _replace(document: Any, chance: random.Random) -> None:
    node = document
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = chance.choice(keys)
        if not isinstance(node[key], dict | list) or not node[key] or chance.random() < 0.15:
            break
        node = node[key]
    how = chance.random()
    if how < 0.7:
        node[key] = json.loads(json.dumps(chance.choice(_ODD)))
    elif how < 0.85:
        del node[key]
    elif isinstance(node, list):
        node.extend(node[key : key + 1] * chance.choice([1, 3, 300]))
    else:
        node[chance.choice(["type", "coordinates", "geometry", "x" * 300, "", "é"])] = node.pop(key)


def damaged_names(parts: Parts, others: Parts, chance: random.Random) -> Parts:
    """Return files of which one is missing, renamed, or taken from another dataset."""
    parts = dict(parts)
    victim = chance.choice(sorted(parts))
    how = chance.randrange(4)
    if how == 0 and len(parts) > 1:
        del parts[victim]
    elif how == 1:
        parts[chance.choice(_NAMES)] = parts.pop(victim)
    elif how == 2:
        parts[chance.choice(_NAMES)] = parts[victim]
    else:
        parts[victim] = others[chance.choice(sorted(others))]
    return parts
