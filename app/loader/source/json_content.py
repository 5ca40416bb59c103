"""Format detection for JSON files (GeoJSON, GeoJSONSeq, Esri JSON, TopoJSON) from their top level.

GDAL reads only the first document of a file. So documents are counted here, and a file with several is rewritten as an RFC 8142
text sequence, with a record separator before each feature.
"""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from loader.errors import FileRefused
from loader.source.formats import ESRI_JSON, GEOJSON, GEOJSON_SEQUENCE, TOPOJSON, Format

_CHUNK = 1 << 20
# The top level of a layer has a few hundred bytes, more with a list of links or fields.
_OUTLINE_MAX_BYTES = 1 << 20
# A collection within a sequence is read into memory.
_DOCUMENT_MAX_BYTES = 256 << 20
_GEOMETRIES = {"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection"}
_TRANSFER_LIMIT = re.compile(rb'"exceededTransferLimit"\s*:\s*true')
_LAST_KEY = re.compile(rb'"([^"]*)"\s*:\s*$')
_QUOTE, _OBJECT, _ARRAY = b'"{['


def _among(characters: bytes) -> npt.NDArray[np.bool_]:
    """Return a table of the 256 bytes, True for these characters: indexing it is faster than `np.isin`."""
    table = np.zeros(256, dtype=bool)
    table[list(characters)] = True
    return table


_OPEN, _CLOSE = _among(b"{["), _among(b"}]")
# Allowed between documents: white space, the record separators of RFC 8142, a byte order mark.
_BETWEEN = _among(b" \t\r\n\x1e\xef\xbb\xbf")


@dataclass(slots=True)
class Outline:
    """The top-level structure of a JSON file.

    Attributes:
        ends: end of each document, in bytes from the beginning of the file.
        top: the members of the first document, without nested values.
        object_counts: number of objects in each array of the first document, by the name of the array.
        stray: text outside of any object.
    """

    ends: list[int] = field(default_factory=list)
    top: dict[str, Any] = field(default_factory=dict)
    object_counts: dict[str, int] = field(default_factory=dict)
    stray: bytes = b""


@dataclass(frozen=True, slots=True)
class JsonLayer:
    """The format of a JSON file, and its number of features (None where only GDAL counts them)."""

    format: Format
    features: int | None
    path: Path


def outline(stream: IO[bytes], name: str) -> Outline:
    """Read a JSON file once, in chunks. Raises: FileRefused for JSON that ends inside a document."""
    scan = _Scan()
    for chunk in _whole_escapes(stream):
        scan.feed(chunk)
    if scan.depth or scan.inside_text:
        raise FileRefused(f"{name} is truncated: its JSON ends inside a document. Download it again.")
    return scan.result(name)


def _whole_escapes(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield chunks that do not end inside an escape sequence."""
    while chunk := stream.read(_CHUNK):
        while (len(chunk) - len(chunk.rstrip(b"\\"))) % 2 and (more := stream.read(1)):
            chunk += more
        yield chunk


class _Scan:
    """State of `outline` between two chunks, vectorised: brackets, quotes and depth of a chunk are NumPy arrays."""

    def __init__(self) -> None:
        self.position = self.depth = 0
        self.inside_text = False
        self.ends: list[int] = []
        self.top = bytearray()
        self.object_counts: dict[str, int] = {}
        self.stray = bytearray()
        self._array = ""
        self._count = 0

    def feed(self, chunk: bytes) -> None:
        # Escape sequences are replaced by text of the same length.
        text = np.frombuffer(chunk.replace(b"\\\\", b"__").replace(b'\\"', b"__"), np.uint8)
        quotes = text == _QUOTE
        parity = (np.cumsum(quotes) + self.inside_text) % 2 == 1
        outside = ~parity & ~quotes
        opens = _OPEN[text] & outside
        closes = _CLOSE[text] & outside
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
            self.stray += bytes(loose[~_BETWEEN[loose]])[:100]

    def _first_document(self, text: Any, depth: Any, opens: Any, closes: Any) -> None:
        """Collect the text that is not nested, and count the objects of each array."""
        start = 0
        for at in np.flatnonzero((opens & (depth == 2)) | (closes & (depth == 1))).tolist():
            self._collect(text[start:at], depth[start:at], opens[start:at])
            if opens[at]:
                match = _LAST_KEY.search(bytes(self.top[-1_000:]))
                self._array = match[1].decode("utf-8", "replace") if match and text[at] == _ARRAY else ""
                self._count = 0
            else:
                self.top += b"null"
                if self._array:
                    self.object_counts[self._array] = self._count
            start = at + 1
        self._collect(text[start:], depth[start:], opens[start:])

    def _collect(self, text: Any, depth: Any, opens: Any) -> None:
        self._count += int(np.count_nonzero(opens & (depth == 3) & (text == _OBJECT)))
        if len(self.top) < _OUTLINE_MAX_BYTES:
            # The closing bracket of the document is at depth 0.
            self.top += bytes(text[depth <= 1])

    def result(self, name: str) -> Outline:
        start = bytes(self.top).find(b"{")
        try:
            top = json.loads(bytes(self.top[start:]).decode("utf-8", "replace")) if start >= 0 else {}
        except ValueError:
            top = {}
        return Outline(self.ends, top if isinstance(top, dict) else {}, self.object_counts, bytes(self.stray))


def is_layer(stream: IO[bytes], name: str) -> bool:
    """Return whether a JSON file holds features, in any of the formats. False for metadata, True for invalid JSON."""
    try:
        result = outline(stream, name)
    except FileRefused:
        return True  # it is refused later, with the reason
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
    """Return format, number of features and path of a JSON file; a file of several documents is rewritten beside it.

    Raises: FileRefused for JSON that is no layer, and for one page of a paged response of a server.
    """
    with path.open("rb") as stream:
        head = stream.read(4096)
    if not head:
        raise FileRefused(f"{name} is not a boundary file: it is empty (0 bytes). Download it again.")
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise FileRefused(f"{name} is in UTF-16, and JSON is UTF-8: save it as UTF-8.")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n\x1e")[:1]
    if start == b"[":
        raise FileRefused(f"{name} is not a boundary file: it is a JSON array. GeoJSON is an object, a FeatureCollection.")
    if start != b"{":
        raise FileRefused(f"{name} is not a boundary file: its content is not JSON.")
    with path.open("rb") as stream:
        result = outline(stream, name)
    _refuse_page(path, result, name)
    if result.stray:
        shown = result.stray[:20].decode("utf-8", "replace")
        raise FileRefused(f"{name} is not valid JSON: there is text outside of its objects ({shown!r}). Download it again.")
    kind = _kind(result)
    if kind is None:
        raise FileRefused(_not_a_layer(result, name))
    if len(result.ends) > 1:
        if kind is not GEOJSON:
            raise FileRefused(f"{name} holds {len(result.ends)} documents of {kind.title}: split it and load one at a time.")
        target = path.with_name(f"sequence{GEOJSON_SEQUENCE.suffix}")
        return JsonLayer(GEOJSON_SEQUENCE, _write_sequence(path, target, result.ends, name), target)
    return JsonLayer(kind, result.object_counts.get("features") if kind in (GEOJSON, ESRI_JSON) else None, path)


def _not_a_layer(result: Outline, name: str) -> str:
    kind = result.top.get("type")
    if "error" in result.top:
        return f"{name} is an error response of a server instead of the layer: open it to see the reason."
    if isinstance(kind, str) and kind in _GEOMETRIES:
        return f"{name} holds a {kind} without code and name: GeoJSON of boundaries is a FeatureCollection."
    members = ", ".join(list(result.top)[:5]) or "none"
    return f"{name} is JSON but not a layer: expected GeoJSON, Esri JSON or TopoJSON (its members: {members})."


def _refuse_page(path: Path, result: Outline, name: str) -> None:
    """Raise FileRefused for one page of a paged response (numberMatched, exceededTransferLimit)."""
    matched = result.top.get("numberMatched")
    returned = result.object_counts.get("features", 0)
    if isinstance(matched, int) and matched > returned:
        raise FileRefused(f"{name} is one page of a server's response: {returned} of {matched} features. Download all pages.")
    size = path.stat().st_size
    with path.open("rb") as stream:
        ends = stream.read(1 << 16)
        stream.seek(max(0, size - (1 << 16)))
        ends += b"\n" + stream.read()
    if _TRANSFER_LIMIT.search(ends):
        raise FileRefused(
            f"{name} is incomplete: the server stopped at its limit (exceededTransferLimit). "
            "Download the other pages too (resultOffset)."
        )


def _write_sequence(path: Path, target: Path, ends: list[int], name: str) -> int:
    """Write every feature of every document after a record separator; return the number of features."""
    count, start = 0, 0
    with path.open("rb") as stream, target.open("wb") as out:
        for end in ends:
            if end - start > _DOCUMENT_MAX_BYTES:
                raise FileRefused(
                    f"{name}: a document of {end - start:,} bytes in a sequence exceeds the limit of {_DOCUMENT_MAX_BYTES:,}. "
                    "Split the file."
                )
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
        raise FileRefused(
            f"{name} is damaged: the text after feature {before} is not valid JSON ({error}). Download it again."
        ) from error
    if kind == "FeatureCollection" and isinstance(document.get("features"), list):
        if "crs" in document and "CRS84" not in str(document["crs"]):
            raise FileRefused(
                f"{name} holds several collections that declare coordinate systems: split it and load one at a time."
            )
        for feature in document["features"]:
            yield json.dumps(feature).encode()
    else:
        raise FileRefused(
            f"{name} is not a sequence of features: after feature {before} there is {kind or 'another type'!r}. Split the file."
        )
