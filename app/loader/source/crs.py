"""Coordinate reference system of a file, and the transformation to EPSG:3347."""

import re
from collections.abc import Sequence
from ctypes import ArgumentError
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from django.contrib.gis.gdal import CoordTransform, GDALException, OGRGeometry, SpatialReference, SRSException

from geography.constants import SRID_STATCAN_LAMBERT
from geography.coordinates import CANADA_EAST, CANADA_NORTH, CANADA_SOUTH, CANADA_WEST
from loader.errors import FileRefused

# The two that Django's bindings raise; neither is the other's base.
GDAL_ERRORS = (GDALException, SRSException)

# EPSG:3347 as PROJ spells it. The .prj files of Statistics Canada carry no code and three different names.
_STATCAN_LAMBERT = {
    "lat_0": 63.390675,
    "lon_0": -91.8666666666667,
    "lat_1": 49.0,
    "lat_2": 77.0,
    "x_0": 6_200_000.0,
    "y_0": 3_000_000.0,
}


@dataclass(frozen=True, slots=True)
class SourceCrs:
    """The system of a file's coordinates.

    Attributes:
        description: for the report.
        geographic: True for degrees; edges are then straight in degrees and have to be cut before they are projected.
        transform: to EPSG:3347, None where the file is in it already and coordinates stay as they are, to the last bit.
        reference: the system itself, None for EPSG:3347.
    """

    description: str
    geographic: bool
    transform: CoordTransform | None
    reference: SpatialReference | None = None

    def to_lambert(self, wkb: bytes) -> bytes:
        """Return a geometry in EPSG:3347. Raises: GDALException for coordinates that the projection cannot take."""
        if self.transform is None:
            return wkb
        geometry = OGRGeometry(memoryview(wkb))
        geometry.transform(self.transform)
        return bytes(geometry.wkb)


def source_crs(
    *, declared: SpatialReference | None, assumed_srid: int | None, extent: tuple[float, float, float, float]
) -> SourceCrs:
    """Decide what a file's coordinates are, from what it declares and whether that can be true.

    Args:
        declared: the file's own; RFC 7946 makes it WGS 84 for GeoJSON that says nothing.
        assumed_srid: the layer's, used only where the file declares nothing or degrees that cannot be degrees.
        extent: west, south, east, north of the coordinates in the file.

    Raises: FileRefused where nothing is declared or assumed, and where the numbers contradict it.
    """
    looks_like_degrees = are_degrees(extent)
    if declared is not None and declared.geographic and not looks_like_degrees:
        west, south, east, north = extent
        if are_degrees((south, west, north, east)):
            raise FileRefused(
                f"The file is in degrees, and its coordinates reach {_shown(extent)}: latitude comes first. "
                "Write it again with longitude first, as its format asks for."
            )
        if assumed_srid is None:
            raise FileRefused(
                f"The file says (or, being GeoJSON, implies) degrees, but its coordinates reach {_shown(extent)}: "
                f"they are metres of some projection. Statistics Canada's Lambert is --srid {SRID_STATCAN_LAMBERT}."
            )
        declared = None
    if declared is None:
        if assumed_srid is None:
            raise FileRefused(
                f"The file does not say which coordinate system it is in (no .prj); its coordinates reach {_shown(extent)}. "
                + (
                    "They are degrees: give --srid 4269 (NAD83, as Statistics Canada has it) or 4326 (WGS 84)."
                    if looks_like_degrees
                    else f"Give --srid, {SRID_STATCAN_LAMBERT} if it comes from Statistics Canada."
                )
            )
        try:
            declared = SpatialReference(assumed_srid)
        except (*GDAL_ERRORS, OverflowError, ArgumentError):
            raise FileRefused(f"There is no coordinate system EPSG:{assumed_srid}.") from None
    elif assumed_srid is not None and assumed_srid != (
        SRID_STATCAN_LAMBERT if _is_statcan_lambert(declared) else declared.srid
    ):
        raise FileRefused(
            f"The file says that it is in {declared.name}, and EPSG:{assumed_srid} was given: one of them is wrong. "
            "Leave --srid out where the file is right; remove its .prj where it is not."
        )
    if not (declared.projected or declared.geographic):
        raise FileRefused(
            f"The file's coordinate system ({declared.name}) is of no place on Earth: its .prj is wrong. Mend it, or remove it "
            f"and give --srid, {SRID_STATCAN_LAMBERT} if the file comes from Statistics Canada."
        )
    if declared.projected and looks_like_degrees:
        raise FileRefused(
            f"The file says metres ({declared.name}), but its coordinates reach {_shown(extent)}: they are degrees. "
            "Its .prj is wrong: mend it, or remove it and give --srid 4269."
        )
    if _is_statcan_lambert(declared):
        return SourceCrs(f"EPSG:{SRID_STATCAN_LAMBERT}", geographic=False, transform=None)
    target = SpatialReference(SRID_STATCAN_LAMBERT)
    try:
        return SourceCrs(_described(declared), bool(declared.geographic), CoordTransform(declared, target), declared)
    except GDAL_ERRORS as error:
        raise FileRefused(f"The file's coordinate system ({declared.name}) cannot be projected: {error}.") from error


def _described(srs: SpatialReference) -> str:
    # MapInfo names no systems.
    return str(srs.name) if srs.name and srs.name != "unnamed" else str(srs.proj).strip()


def are_degrees(bounds: Sequence[float]) -> bool:
    """Say whether west, south, east, north can be degrees; NaN cannot."""
    return all(abs(value) <= limit for value, limit in zip(bounds, (360, 90, 360, 90), strict=True))


# Where boundaries of Canada are found besides: the atlas, its twin for the web, the web's own projection, degrees.
_USUAL_SRIDS = (SRID_STATCAN_LAMBERT, 3978, 3979, 3857, 4269)
_SHOWN_ROWS = 5


def refuse_outside_canada(boxes: npt.NDArray[np.float64], crs: SourceCrs) -> None:
    """Look at the middle of each row's extent, before anything is read from the row.

    Args:
        boxes: number, west, south, east, north of each row, in the file's coordinates.

    Raises: FileRefused naming rows that lie outside Canada and, where another reading of the numbers puts all of them inside,
    what is probably wrong. A row that only reaches beyond Canada is for the gate `canada`.
    """
    middles = (boxes[:, 1:3] + boxes[:, 3:5]) / 2
    degrees = _in_degrees(middles, crs.reference)
    outside = ~_in_canada(degrees)
    if not outside.any():
        return
    if outside.all():
        raise FileRefused(
            f"The file lies nowhere near Canada: read as {crs.description}, row {int(boxes[0, 0])} is at "
            f"{_position(degrees[0])}. {_likely(middles, crs)}"
        )
    rows = ", ".join(f"row {int(boxes[at, 0])} ({_position(degrees[at])})" for at in np.flatnonzero(outside)[:_SHOWN_ROWS])
    raise FileRefused(
        f"{int(outside.sum())} of {len(boxes)} rows lie nowhere near Canada: {rows}. Mend them or take them out of the file."
    )


def _likely(middles: npt.NDArray[np.float64], crs: SourceCrs) -> str:
    """Return what is probably wrong with a file of which every row lies outside Canada."""
    if _in_canada(_in_degrees(middles[:, ::-1], crs.reference)).all():
        first, second = ("latitude", "longitude") if crs.geographic else ("the northing", "the easting")
        return f"With the axes exchanged it would lie in Canada: {first} comes first. Write it again with {second} first."
    if crs.geographic:
        if _in_canada(middles * (-1, 1)).all():
            return "Its longitudes lack their minus: west of Greenwich they are negative."
        if _in_canada(middles - (360, 0)).all():
            return "Its longitudes run from 0 to 360: write it again with -180 to 180."
    for srid in _USUAL_SRIDS:
        reference = SpatialReference(srid)
        # Degrees taken for metres lie beside a projection's origin, and many have theirs in Canada.
        if reference.geographic != bool((np.abs(middles) <= (360, 90)).all()):
            continue
        if _in_canada(_in_degrees(middles, reference)).all():
            return (
                f"Read as EPSG:{srid} ({reference.name}) it would lie in Canada: if that is what it is, remove its .prj "
                f"(or the name of the coordinate system inside) and give --srid {srid}."
            )
    return "Its coordinate system is another one than it (or --srid) says, or it is a file of another country."


def _in_degrees(points: npt.NDArray[np.float64], reference: SpatialReference | None) -> npt.NDArray[np.float64]:
    """Return longitude and latitude of points; infinite where there is no such place in the system."""
    reference = reference or SpatialReference(SRID_STATCAN_LAMBERT)
    if reference.geographic:
        return points
    cloud = OGRGeometry(memoryview(shapely.to_wkb(shapely.multipoints(points))))
    try:
        cloud.transform(CoordTransform(reference, SpatialReference(4269)))
    except GDAL_ERRORS:
        # One place without an equivalent spoils all.
        return (
            np.full_like(points, np.inf) if len(points) == 1 else np.vstack([_in_degrees(p[None], reference) for p in points])
        )
    return np.asarray(shapely.get_coordinates(shapely.from_wkb(bytes(cloud.wkb))), dtype=np.float64)


def _in_canada(degrees: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    inside = (degrees >= (CANADA_WEST, CANADA_SOUTH)) & (degrees <= (CANADA_EAST, CANADA_NORTH))
    return np.asarray(inside.all(axis=1))


def _position(degrees: npt.NDArray[np.float64]) -> str:
    longitude, latitude = degrees
    return f"longitude {longitude:,.2f}, latitude {latitude:,.2f}" if np.isfinite(degrees).all() else "no place on Earth"


def _is_statcan_lambert(srs: SpatialReference) -> bool:
    if srs.srid == SRID_STATCAN_LAMBERT:
        return True
    try:
        words = dict(re.findall(r"\+(\w+)=(\S+)", srs.proj))
    except GDAL_ERRORS:  # not everything can be said in PROJ's words
        return False
    nad83 = words.get("datum") == "NAD83" or words.get("ellps") == "GRS80"
    same = all(key in words and abs(float(words[key]) - value) < 1e-7 for key, value in _STATCAN_LAMBERT.items())
    return nad83 and same and words.get("proj") == "lcc" and words.get("units") == "m"


def _shown(extent: tuple[float, float, float, float]) -> str:
    west, south, east, north = extent
    return f"from ({west:,.0f}, {south:,.0f}) to ({east:,.0f}, {north:,.0f})"
