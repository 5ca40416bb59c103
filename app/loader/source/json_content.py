"""JSON files of boundaries: GeoJSON, GeoJSONSeq, Esri JSON, TopoJSON or neither, by reading their top level.

GDAL reads the first document of a file and drops what follows. So the documents are counted here, and a file that holds several
is written again as RFC 8142 has it, with a record separator before each feature.
"""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from loader.errors import FileRefused
from loader.source.formats import ESRI_JSON, GEOJSON, GEOJSON_SEQUENCE, TOPOJSON, Format

_CHUNK = 1 << 20
# The top level of a layer is a few hundred bytes; a list of links or of fields can stand there too.
_OUTLINE_MAX_BYTES = 1 << 20
# A document of a sequence that is itself a collection is read as a whole.
_DOCUMENT_MAX_BYTES = 256 << 20
_GEOMETRIES = {"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection"}
_CUT_BY_SERVER = re.compile(rb'"exceededTransferLimit"\s*:\s*true')
_LAST_KEY = re.compile(rb'"([^"]*)"\s*:\s*$')
_QUOTE, _OPEN, _CLOSE = ord('"'), np.frombuffer(b"{[", np.uint8), np.frombuffer(b"}]", np.uint8)


@dataclass(slots=True)
class Outline:
    """The top level of a JSON file.

    Attributes:
        ends: where each document ends, in bytes from the beginning of the file.
        top: the members of the first document; what is nested in them is left out.
        items: number of objects in each array of the first document, by the array's name.
        stray: text that stands outside of any object.
    """

    ends: list[int] = field(default_factory=list)
    top: dict[str, Any] = field(default_factory=dict)
    items: dict[str, int] = field(default_factory=dict)
    stray: bytes = b""


@dataclass(frozen=True, slots=True)
class JsonLayer:
    """The format of a JSON file, and how many features it holds (None where GDAL's count is the only one)."""

    format: Format
    features: int | None
    path: Path


def outline(stream: IO[bytes], name: str) -> Outline:
    """Read a JSON file once, in chunks. Raises: FileRefused for JSON that ends inside a document."""
    scan = _Scan()
    for chunk in _whole_escapes(stream):
        scan.feed(chunk)
    if scan.depth or scan.inside_text:
        raise FileRefused(f"{name} is cut short: it cannot be opened as GeoJSON, since its JSON ends inside a document.")
    return scan.result(name)


def _whole_escapes(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield chunks that do not end between a backslash and the character that it escapes."""
    while chunk := stream.read(_CHUNK):
        while (len(chunk) - len(chunk.rstrip(b"\\"))) % 2 and (more := stream.read(1)):
            chunk += more
        yield chunk


class _Scan:
    """State of `outline` between two chunks."""

    def __init__(self) -> None:
        self.position = self.depth = 0
        self.inside_text = False
        self.ends: list[int] = []
        self.top = bytearray()
        self.items: dict[str, int] = {}
        self.stray = bytearray()
        self._array = ""
        self._count = 0

    def feed(self, chunk: bytes) -> None:
        # The same length, without escapes.
        text = np.frombuffer(chunk.replace(b"\\\\", b"__").replace(b'\\"', b"__"), np.uint8)
        quotes = text == _QUOTE
        parity = (np.cumsum(quotes) + self.inside_text) % 2 == 1
        outside = ~parity & ~quotes
        opens = np.isin(text, _OPEN) & outside
        closes = np.isin(text, _CLOSE) & outside
        depth = self.depth + np.cumsum(opens.astype(np.int32) - closes)
        ends = np.flatnonzero(closes & (depth == 0))
        self._stray(text, depth, closes)
        if not self.ends:
            last = int(ends[0]) + 1 if len(ends) else len(text)
            self._first_document(text[:last], depth[:last], opens[:last], closes[:last])
        self.ends += (ends + self.position + 1).tolist()
        self.inside_text, self.depth = bool(parity[-1]), int(depth[-1])
        self.position += len(chunk)

    def _stray(self, text: Any, depth: Any, closes: Any) -> None:
        if len(self.stray) < 100:
            loose = text[(depth < 0) | ((depth == 0) & ~closes)]
            # White space, the separators of RFC 8142 and a byte order mark stand between documents.
            self.stray += bytes(loose[~np.isin(loose, np.frombuffer(b" \t\r\n\x1e\xef\xbb\xbf", np.uint8))])[:100]

    def _first_document(self, text: Any, depth: Any, opens: Any, closes: Any) -> None:
        """Keep what is not nested, and count the objects of each array."""
        before = 0
        for at in np.flatnonzero((opens & (depth == 2)) | (closes & (depth == 1))).tolist():
            self._keep(text[before:at], depth[before:at], opens[before:at])
            if opens[at]:
                match = _LAST_KEY.search(bytes(self.top[-1_000:]))
                self._array = match[1].decode("utf-8", "replace") if match and text[at] == _OPEN[1] else ""
                self._count = 0
            else:
                self.top += b"null"
                if self._array:
                    self.items[self._array] = self._count
            before = at + 1
        self._keep(text[before:], depth[before:], opens[before:])

    def _keep(self, text: Any, depth: Any, opens: Any) -> None:
        self._count += int(np.count_nonzero(opens & (depth == 3) & (text == _OPEN[0])))
        if len(self.top) < _OUTLINE_MAX_BYTES:
            # The last closing bracket is at depth 0.
            self.top += bytes(text[depth <= 1])

    def result(self, name: str) -> Outline:
        start = bytes(self.top).find(b"{")
        try:
            top = json.loads(bytes(self.top[start:]).decode("utf-8", "replace")) if start >= 0 else {}
        except ValueError:
            top = {}
        return Outline(self.ends, top if isinstance(top, dict) else {}, self.items, bytes(self.stray))


def is_layer(stream: IO[bytes], name: str) -> bool:
    """Say whether a JSON file holds features, in whichever kind of JSON; metadata do not."""
    try:
        result = outline(stream, name)
    except FileRefused:
        return True  # to be refused with its reason
    return _kind(result) is not None


def _kind(result: Outline) -> Format | None:
    top = result.top
    if top.get("type") in ("FeatureCollection", "Feature"):
        return GEOJSON
    if top.get("type") == "Topology":
        return TOPOJSON
    if "features" in top and any(
        key in top for key in ("geometryType", "fieldAliases", "spatialReference", "objectIdFieldName")
    ):
        return ESRI_JSON
    return None


def identify(path: Path, name: str) -> JsonLayer:
    """Return how a JSON file is to be read; a file of several documents is written again beside it.

    Raises: FileRefused for JSON that is no layer, and for one page of a longer answer of a server.
    """
    with path.open("rb") as stream:
        head = stream.read(4096)
    if not head:
        raise FileRefused(f"{name} is not a boundary file: it is empty (0 bytes). Download it again.")
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise FileRefused(f"{name} is in UTF-16, and JSON is UTF-8: save it as UTF-8.")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n\x1e")[:1]
    if start == b"[":
        raise FileRefused(f"{name} is not a boundary file: a JSON array. GeoJSON is an object, a FeatureCollection.")
    if start != b"{":
        raise FileRefused(f"{name} is not a boundary file: its content is no geojson.")
    with path.open("rb") as stream:
        result = outline(stream, name)
    _refuse_page(path, result, name)
    if result.stray:
        shown = result.stray[:20].decode("utf-8", "replace")
        raise FileRefused(f"{name} cannot be opened as GeoJSON: {shown!r} stands outside of its objects.")
    kind = _kind(result)
    if kind is None:
        raise FileRefused(_what_it_is(result, name))
    if len(result.ends) > 1:
        if kind is not GEOJSON:
            raise FileRefused(
                f"{name} holds {len(result.ends)} documents of {kind.title} one after the other: load one at a time."
            )
        target = path.with_name(f"sequence{GEOJSON_SEQUENCE.suffix}")
        return JsonLayer(GEOJSON_SEQUENCE, _write_sequence(path, target, result.ends, name), target)
    return JsonLayer(kind, result.items.get("features") if kind in (GEOJSON, ESRI_JSON) else None, path)


def _what_it_is(result: Outline, name: str) -> str:
    kind = result.top.get("type")
    if "error" in result.top:
        return f"{name} is the answer of a server that did not send the layer (an error): open it to see why."
    if isinstance(kind, str) and kind in _GEOMETRIES:
        return f"{name} holds a {kind} without code and name: GeoJSON of boundaries is a FeatureCollection."
    members = ", ".join(list(result.top)[:5]) or "none"
    return f"{name} is JSON but no layer: it is no GeoJSON, Esri JSON or TopoJSON (its members: {members})."


def _refuse_page(path: Path, result: Outline, name: str) -> None:
    """Raise FileRefused where a server says that there is more."""
    matched = result.top.get("numberMatched")
    returned = result.items.get("features", 0)
    if isinstance(matched, int) and matched > returned:
        raise FileRefused(f"{name} is one page of a server's answer: {returned} of {matched} features. Download all of them.")
    size = path.stat().st_size
    with path.open("rb") as stream:
        ends = stream.read(1 << 16)
        stream.seek(max(0, size - (1 << 16)))
        ends += b"\n" + stream.read()
    if _CUT_BY_SERVER.search(ends):
        raise FileRefused(
            f"{name} is incomplete: the server that sent it stopped at its limit (exceededTransferLimit). "
            "Download the rest too, by pages (resultOffset)."
        )


def _write_sequence(path: Path, target: Path, ends: list[int], name: str) -> int:
    """Write every feature of every document after a record separator; return how many."""
    count, start = 0, 0
    with path.open("rb") as stream, target.open("wb") as out:
        for end in ends:
            if end - start > _DOCUMENT_MAX_BYTES:
                raise FileRefused(f"{name}: a document of {end - start:,} bytes among others is more than is read at once.")
            text = stream.read(end - start).lstrip(b" \t\r\n\x1e\xef\xbb\xbf")
            start = end
            for feature in _features(text, name, count):
                out.write(b"\x1e" + feature + b"\n")
                count += 1
    return count


def _features(text: bytes, name: str, before: int) -> Iterator[bytes]:
    kind = outline(io.BytesIO(text), name).top.get("type")
    if kind == "Feature":
        yield text
        return
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileRefused(f"{name} is damaged: what follows feature {before} is no JSON ({error}).") from error
    if kind == "FeatureCollection" and isinstance(document.get("features"), list):
        if "crs" in document and "CRS84" not in str(document["crs"]):
            raise FileRefused(f"{name} holds several collections that name coordinate systems: load one at a time.")
        for feature in document["features"]:
            yield json.dumps(feature).encode()
    else:
        raise FileRefused(f"{name} is no sequence of features: what follows feature {before} is {kind or 'something else'!r}.")
