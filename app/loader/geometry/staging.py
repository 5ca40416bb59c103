"""Writes a file's rows into `region` by COPY, one row in memory at a time."""

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
# derive.subdivide_and_measure fills these in right afterwards, in the same transaction.
_UNMEASURED = ("0", "{0,0,0,0}", "SRID=4326;POINT EMPTY")
_SLICE = 1 << 19
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})

# A repair that moves more of a region than this is not a repair but a guess.
REPAIR_LIMIT_SHARE = 0.01


@dataclass
class Staged:
    """What happened while the rows were read. The lists of text hold entries such as `row 3 (3595): what is wrong`.

    Attributes:
        rows: how many regions were written.
        vertices: of all of them.
        largest: the five regions with the most vertices, as (code, vertices).
        repairs: geometries that were invalid and were mended; big_repairs: those that changed by more than the limit.
        unusable, duplicates: rows that could not be written. outside: rows that do not lie in Canada, left out too.
        malformed, without_province, mojibake: rows that could.
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
    """Copy every usable row into `region` and note what is wrong with the others.

    A row whose geometry cannot be stored, or whose code was there before, is left out and noted, so that the gates can name
    all such rows of a file at once.

    Raises: FileRefused for a file that breaks off.
    Queries: 1.
    """
    staged = Staged()
    pieces = _pieces(features, header, layer, vintage=vintage, staged=staged, on_row=on_row)
    source = _Pieces(pieces)
    try:
        with connection.cursor() as cursor, connection.wrap_database_errors:
            cursor.copy_expert(f"COPY region ({_COLUMNS}) FROM STDIN", source, 1 << 20)
    except DatabaseError:
        # What went wrong on our side of a COPY reaches us as the database's complaint about it.
        if source.error is not None:
            raise source.error from None
        raise
    return staged


def _pieces(
    features: Iterable[RawFeature],
    header: Header,
    layer: Layer,
    *,
    vintage: Vintage,
    staged: Staged,
    on_row: Callable[[], None],
) -> Iterator[bytes]:
    """Yield the lines of a COPY in pieces, so that a geometry's text, twice the size of the geometry, never is there."""
    first_row: dict[str, int] = {}
    for feature in features:
        on_row()
        attributes = normalise(feature.values, header.columns, layer.coverage)
        where = f"row {feature.row} ({attributes.code or 'no code'})"
        _inspect(attributes, layer, where, staged)
        if reason := _cannot_be_requested(attributes.code, layer):
            staged.unusable.append(f"{where[:80]}: {reason}")
            continue
        if attributes.code in first_row:
            staged.duplicates.append(f"{where}: already in row {first_row[attributes.code]}; a region is one row")
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
        # The column gives the SRID: setting it here would copy the geometry.
        repaired, wkb = prepared.repair is not None, shapely.to_wkb(prepared.geometry)
        # The largest regions take hundreds of megabytes: while one is sent, only what is sent is kept.
        del prepared, feature
        yield _line_start(vintage, attributes)
        for start in range(0, len(wkb), _SLICE):
            yield wkb[start : start + _SLICE].hex().encode("ascii")
        del wkb
        yield "\t".join(("", "t" if repaired else "f", *_UNMEASURED)).encode() + b"\n"


def _cannot_be_requested(code: str, layer: Layer) -> str | None:
    """Return why a region of this code could be stored and then not be requested; None where it can be."""
    if reason := code_problem(code):
        return reason
    if layer.coverage.slug == COVERAGE_FSA and not is_fsa(code):
        return "the code is no FSA (letter, digit, letter, of those that postal codes use)"
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
        *(attribute for attribute in attributes.attributes.values() if isinstance(attribute, str)),
    )
    odd = next((text for text in texts if is_mojibake(text)), None)
    if odd is not None:
        staged.mojibake.append(f"{where}: {odd!r}")


def _count(prepared: Prepared, code: str, where: str, staged: Staged) -> None:
    vertices = int(shapely.get_num_coordinates(prepared.geometry))
    staged.rows += 1
    staged.vertices += vertices
    staged.largest = sorted([*staged.largest, (code, vertices)], key=lambda item: -item[1])[:5]
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


class _Pieces:
    """What `copy_expert` reads from: hands on slices of pieces and copies nothing."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")
        self.error: Exception | None = None

    def read(self, size: int) -> bytes:
        while not self._rest:
            try:
                piece = next(self._pieces, None)
            except Exception as error:
                self.error = error
                raise
            if piece is None:
                return b""
            self._rest = memoryview(piece)
        head, self._rest = self._rest[:size], self._rest[size:]
        return bytes(head)
