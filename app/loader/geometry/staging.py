"""Staging: COPY of the rows of a file into `region`, with one row in memory at a time."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import shapely
from django.db import DatabaseError, connection

from geography.codes import code_problem, is_fsa
from geography.constants import COVERAGE_FSA
from geography.models import Vintage
from loader.geometry.limits import degrees_box, is_in_canada
from loader.geometry.repair import GeometryProblem, Prepared, prepare_geometry
from loader.source.attributes import Attributes, is_mojibake, normalise
from loader.source.declarations import Layer
from loader.source.reader import Header, RawFeature

_COLUMNS = (
    "vintage_id, code, dguid, name_en, name_fr, search_text, pruid, population, land_area_km2, attributes, geom, repaired, "
    "area_km2, extent, rep_point"
)
# Placeholders: subdivide_and_measure sets these columns later in the same transaction.
_UNMEASURED = ("0", "{0,0,0,0}", "SRID=4326;POINT EMPTY")
_CHUNK_BYTES = 1 << 19
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})

# A repair that changes more than this share of the area is reported to the gate `repairs`.
REPAIR_LIMIT_SHARE = 0.01


@dataclass
class Staged:
    """Counts and findings of the staging. Findings are text such as `row 3 (3595): reason`.

    Attributes:
        rows: number of regions written.
        vertices: number of vertices of all regions.
        largest: the five regions with the most vertices, as (code, vertices).
        repairs: invalid geometries that were repaired. big_repairs: those with a change of area above the limit.
        unusable, duplicates, outside: rows that were left out; `outside` are those outside Canada.
        malformed, without_province, mojibake: rows that were written, for the gates.
    """

    rows: int = 0
    vertices: int = 0
    largest: list[tuple[str, int]] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)
    big_repairs: list[str] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    malformed: list[str] = field(default_factory=list)
    without_province: list[str] = field(default_factory=list)
    mojibake: list[str] = field(default_factory=list)


def stage(
    features: Iterable[RawFeature], *, header: Header, layer: Layer, vintage: Vintage, on_row: Callable[[], None]
) -> Staged:
    """Copy every usable row into `region` and collect the findings for the gates.

    Rows with an unusable geometry or a duplicate code are left out and recorded, so that the gates list all of them at once.

    Raises: FileRefused for a file that cannot be read to its end.
    Queries: 1.
    """
    staged = Staged()
    source = _ChunkReader(_chunks(features, header, layer, vintage=vintage, staged=staged, on_row=on_row))
    try:
        with connection.cursor() as cursor, connection.wrap_database_errors:
            cursor.copy_expert(f"COPY region ({_COLUMNS}) FROM STDIN", source, 1 << 20)
    except DatabaseError:
        # An exception of the chunk iterator arrives as a database error of the COPY.
        if source.error is not None:
            raise source.error from None
        raise
    return staged


def _chunks(
    features: Iterable[RawFeature],
    header: Header,
    layer: Layer,
    *,
    vintage: Vintage,
    staged: Staged,
    on_row: Callable[[], None],
) -> Iterator[bytes]:
    """Yield the lines of a COPY in chunks, so that the hexadecimal text of a geometry (twice its size) is never in memory."""
    first_row: dict[str, int] = {}
    for feature in features:
        on_row()
        attributes = normalise(feature.values, header.columns, layer.coverage)
        where = f"row {feature.row} ({attributes.code or 'no code'})"
        _inspect(attributes, layer, where, staged)
        if reason := _code_problem(attributes.code, layer):
            staged.unusable.append(f"{where[:80]}: {reason}")
            continue
        if attributes.code in first_row:
            staged.duplicates.append(f"{where}: duplicate of row {first_row[attributes.code]}; a region is one row")
            continue
        first_row[attributes.code] = feature.row
        try:
            prepared = prepare_geometry(feature.wkb, header.crs)
        except GeometryProblem as problem:
            staged.unusable.append(f"{where}: {problem}")
            continue
        if not is_in_canada(prepared.geometry):
            box = ", ".join(f"{side:.2f}" for side in degrees_box(prepared.geometry))
            staged.outside.append(f"{where}: {box}")
            continue
        _count(prepared, attributes.code, where, staged)
        # The SRID comes from the column: setting it here would copy the geometry.
        repaired, wkb = prepared.repair is not None, shapely.to_wkb(prepared.geometry)
        # The largest regions have hundreds of megabytes: during the COPY only the WKB stays in memory.
        del prepared, feature
        yield _line_start(vintage, attributes)
        for start in range(0, len(wkb), _CHUNK_BYTES):
            yield wkb[start : start + _CHUNK_BYTES].hex().encode("ascii")
        del wkb
        yield "\t".join(("", "t" if repaired else "f", *_UNMEASURED)).encode() + b"\n"


def _code_problem(code: str, layer: Layer) -> str | None:
    """Return why a code cannot be used in URLs and lookups; None for a usable code."""
    if reason := code_problem(code):
        return reason
    if layer.coverage.slug == COVERAGE_FSA and not is_fsa(code):
        return "the code is not an FSA (letter, digit, letter, of those used in postal codes)"
    return None


def _inspect(attributes: Attributes, layer: Layer, where: str, staged: Staged) -> None:
    if not layer.coverage.code_pattern.fullmatch(attributes.code):
        staged.malformed.append(f"{where}: the code does not match {layer.coverage.code_pattern.pattern}")
    if not attributes.name_en:
        staged.malformed.append(f"{where}: no name")
    if not attributes.pruid and layer.coverage.province != "none":
        staged.without_province.append(f"{where}: no province")
    texts = (
        attributes.name_en,
        attributes.name_fr,
        *(text for text in attributes.attributes.values() if isinstance(text, str)),
    )
    garbled = next((text for text in texts if is_mojibake(text)), None)
    if garbled is not None:
        staged.mojibake.append(f"{where}: {garbled!r}")


def _count(prepared: Prepared, code: str, where: str, staged: Staged) -> None:
    vertices = int(shapely.get_num_coordinates(prepared.geometry))
    staged.rows += 1
    staged.vertices += vertices
    staged.largest = sorted([*staged.largest, (code, vertices)], key=lambda region: -region[1])[:5]
    if prepared.repair:
        staged.repairs.append(f"{where}: {prepared.repair}")
        if prepared.changed_share > REPAIR_LIMIT_SHARE:
            staged.big_repairs.append(f"{where}: {prepared.repair}")


def _line_start(vintage: Vintage, attributes: Attributes) -> bytes:
    values = (
        vintage.pk,
        attributes.code,
        attributes.dguid,
        attributes.name_en,
        attributes.name_fr,
        attributes.search_text,
        attributes.pruid,
        attributes.population,
        attributes.land_area_km2,
        json.dumps(attributes.attributes),
    )
    return ("\t".join("\\N" if value is None else str(value).translate(_ESCAPES) for value in values) + "\t").encode()


class _ChunkReader:
    """File-like object over an iterator of chunks, for `copy_expert`. Keeps the exception of the iterator in `error`."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")
        self.error: Exception | None = None

    def read(self, size: int) -> bytes:
        while not self._rest:
            try:
                chunk = next(self._chunks, None)
            except Exception as error:
                self.error = error
                raise
            if chunk is None:
                return b""
            self._rest = memoryview(chunk)
        head, self._rest = self._rest[:size], self._rest[size:]
        return bytes(head)
