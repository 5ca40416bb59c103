"""Coordinate reference system of a file: detection, plausibility, transformation to EPSG:3347."""

import warnings
from collections.abc import Sequence
from ctypes import ArgumentError
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from django.contrib.gis.gdal import CoordTransform, GDALException, OGRGeometry, SpatialReference, SRSException

from covidtrends_geo.constants import CANADA_EAST, CANADA_NORTH, CANADA_SOUTH, CANADA_WEST
from geography.constants import SRID_STATCAN_LAMBERT
from loader.errors import FileRefused

# The exceptions of GeoDjango's GDAL bindings; neither is a subclass of the other.
GDAL_ERRORS = (GDALException, SRSException)

# Tolerance of a projection parameter, in degrees or metres: .prj files round the central meridian.
_PARAMETER_TOLERANCE = 1e-7


@dataclass(frozen=True, slots=True)
class SourceCrs:
    """The coordinate reference system of a file.

    Attributes:
        description: for the report.
        geographic: True for degrees. Edges are then straight in degrees and are densified before they are projected.
        transform: to EPSG:3347. None for a file in EPSG:3347, whose coordinates are stored bit for bit.
        reference: the CRS, None for EPSG:3347.
    """

    description: str
    geographic: bool
    transform: CoordTransform | None
    reference: SpatialReference | None = None

    def to_lambert(self, wkb: bytes) -> bytes:
        """Return a geometry in EPSG:3347. Raises: GDALException for coordinates outside the domain of the projection."""
        if self.transform is None:
            return wkb
        geometry = OGRGeometry(memoryview(wkb))
        geometry.transform(self.transform)
        return bytes(geometry.wkb)


def source_crs(
    *, declared: SpatialReference | None, assumed_srid: int | None, extent: tuple[float, float, float, float]
) -> SourceCrs:
    """Return the CRS of a file, after checking the declared CRS against the range of the coordinates.

    Args:
        declared: CRS that the file declares; WGS 84 for GeoJSON without one (RFC 7946).
        assumed_srid: SRID of the layer or of --srid. Used only where the file declares no CRS, or declares degrees for
            coordinates that are out of range for degrees.
        extent: west, south, east, north of the coordinates in the file.

    Raises: FileRefused for a file without a CRS where no SRID is assumed, and for coordinates that contradict the CRS.
    """
    looks_like_degrees = are_degrees(extent)
    if declared is not None and declared.geographic and not looks_like_degrees:
        west, south, east, north = extent
        if are_degrees((south, west, north, east)):
            raise FileRefused(
                f"The file is in degrees, and its coordinates reach {_shown(extent)}: latitude comes first. "
                "Write the file again with longitude first, as its format requires."
            )
        if assumed_srid is None:
            raise FileRefused(
                f"The file declares degrees (GeoJSON does so by default), but its coordinates reach {_shown(extent)}: "
                f"they are metres of a projection. Give its code; Statistics Canada's Lambert is --srid {SRID_STATCAN_LAMBERT}."
            )
        declared = None
    if declared is None:
        if assumed_srid is None:
            raise FileRefused(
                f"The file declares no coordinate system (no .prj); its coordinates reach {_shown(extent)}. "
                + (
                    "They are degrees: give --srid 4269 (NAD83, which Statistics Canada uses) or 4326 (WGS 84)."
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
            f"The file declares {declared.name}, and --srid (or the layer) EPSG:{assumed_srid}: one of them is wrong. "
            "If the file is right, leave --srid out; if not, remove its .prj."
        )
    if not (declared.projected or declared.geographic):
        raise FileRefused(
            f"The file's coordinate system ({declared.name}) is neither geographic nor projected: its .prj is wrong. "
            f"Correct it, or remove it and give --srid, {SRID_STATCAN_LAMBERT} if the file comes from Statistics Canada."
        )
    if declared.projected and looks_like_degrees:
        raise FileRefused(
            f"The file declares metres ({declared.name}), but its coordinates reach {_shown(extent)}: they are degrees. "
            "Its .prj is wrong: correct it, or remove it and give --srid 4269."
        )
    if _is_statcan_lambert(declared):
        return SourceCrs(f"EPSG:{SRID_STATCAN_LAMBERT}", geographic=False, transform=None)
    target = SpatialReference(SRID_STATCAN_LAMBERT)
    try:
        return SourceCrs(_described(declared), bool(declared.geographic), CoordTransform(declared, target), declared)
    except GDAL_ERRORS as error:
        raise FileRefused(f"The file's coordinate system ({declared.name}) cannot be projected: {error}.") from error


def _described(srs: SpatialReference) -> str:
    # MapInfo files have no name of the CRS.
    return str(srs.name) if srs.name and srs.name != "unnamed" else str(srs.proj).strip()


def are_degrees(bounds: Sequence[float]) -> bool:
    """Return whether west, south, east, north are in range for degrees. False for NaN."""
    return all(abs(value) <= limit for value, limit in zip(bounds, (360, 90, 360, 90), strict=True))


# Other common CRSs of boundaries of Canada: Canada Atlas Lambert (NAD83, NAD83(CSRS)), Web Mercator, NAD83 degrees.
_USUAL_SRIDS = (SRID_STATCAN_LAMBERT, 3978, 3979, 3857, 4269)
_SHOWN_ROWS = 5


def refuse_outside_canada(boxes: npt.NDArray[np.float64], crs: SourceCrs) -> None:
    """Refuse a file with rows outside Canada, by the centre of each row's bounding box.

    A row that lies in Canada by its centre and reaches beyond is left to the gate `canada`.

    Args:
        boxes: row number, west, south, east, north of each row, in the file's coordinates.

    Raises: FileRefused with the rows outside Canada and, where all of them would lie inside with axes, signs or CRS
        changed, the probable cause.
    """
    middles = (boxes[:, 1:3] + boxes[:, 3:5]) / 2
    degrees = _in_degrees(middles, crs.reference)
    outside = ~_in_canada(degrees)
    if not outside.any():
        return
    if outside.all():
        raise FileRefused(
            f"The file is not in Canada: read as {crs.description}, row {int(boxes[0, 0])} is at "
            f"{_position(degrees[0])}. {_likely(middles, crs)}"
        )
    rows = ", ".join(f"row {int(boxes[at, 0])} ({_position(degrees[at])})" for at in np.flatnonzero(outside)[:_SHOWN_ROWS])
    raise FileRefused(
        f"{int(outside.sum())} of {len(boxes)} rows are not in Canada: {rows}. Correct them or remove them from the file."
    )


def _likely(middles: npt.NDArray[np.float64], crs: SourceCrs) -> str:
    """Return the probable cause, and the remedy, for a file with every row outside Canada."""
    if _in_canada(_in_degrees(middles[:, ::-1], crs.reference)).all():
        first, second = ("latitude", "longitude") if crs.geographic else ("the northing", "the easting")
        return f"With the axes exchanged it would be in Canada: {first} comes first. Write the file again with {second} first."
    if crs.geographic:
        if _in_canada(middles * (-1, 1)).all():
            return "Its longitudes lack the minus sign: west of Greenwich they are negative. Write the file again with it."
        if _in_canada(middles - (360, 0)).all():
            return "Its longitudes run from 0 to 360: write the file again with -180 to 180."
    for srid in _USUAL_SRIDS:
        reference = SpatialReference(srid)
        # Degrees read as metres are near the origin of the projection, which many projections have in Canada.
        if reference.geographic != bool((np.abs(middles) <= (360, 90)).all()):
            continue
        if _in_canada(_in_degrees(middles, reference)).all():
            return (
                f"Read as EPSG:{srid} ({reference.name}) it would be in Canada: if that is right, remove its .prj "
                f"(or the coordinate system that the file names) and give --srid {srid}."
            )
    return "The coordinate system that it (or --srid) declares is wrong, or it is a file of another country."


def _in_degrees(points: npt.NDArray[np.float64], reference: SpatialReference | None) -> npt.NDArray[np.float64]:
    """Return longitude and latitude (NAD83, degrees) of points; infinite outside the domain of the projection."""
    reference = reference or SpatialReference(SRID_STATCAN_LAMBERT)
    if reference.geographic:
        return points
    multipoint = OGRGeometry(memoryview(shapely.to_wkb(shapely.multipoints(points))))
    try:
        multipoint.transform(CoordTransform(reference, SpatialReference(4269)))
    except GDAL_ERRORS:
        # GDAL fails for all points if one of them is outside the domain.
        if len(points) == 1:
            return np.full_like(points, np.inf)
        return np.vstack([_in_degrees(point[None], reference) for point in points])
    return np.asarray(shapely.get_coordinates(shapely.from_wkb(bytes(multipoint.wkb))), dtype=np.float64)


def _in_canada(degrees: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    inside = (degrees >= (CANADA_WEST, CANADA_SOUTH)) & (degrees <= (CANADA_EAST, CANADA_NORTH))
    return np.asarray(inside.all(axis=1))


def _position(degrees: npt.NDArray[np.float64]) -> str:
    longitude, latitude = degrees
    return f"longitude {longitude:,.2f}, latitude {latitude:,.2f}" if np.isfinite(degrees).all() else "no place on Earth"


def _is_statcan_lambert(srs: SpatialReference) -> bool:
    """Return whether a CRS is EPSG:3347 by its parameters: Statistics Canada's .prj files have no code and three names.

    NAD83, NAD83(CSRS) and an unnamed datum on GRS 80 count as the same.
    """
    if srs.srid == SRID_STATCAN_LAMBERT:
        return True
    try:
        parameters = _parameters(pyproj.CRS.from_wkt(srs.wkt))
    except (*GDAL_ERRORS, pyproj.exceptions.CRSError):
        return False
    if parameters.get("datum") != "NAD83" and parameters.get("ellps") != "GRS80":
        return False
    return all(
        abs(parameters.get(name, np.inf) - value) < _PARAMETER_TOLERANCE
        if isinstance(value, float | int)
        else parameters.get(name) == value
        for name, value in _statcan_lambert().items()
    )


@cache
def _statcan_lambert() -> dict[str, Any]:
    """Return method, unit and parameters of EPSG:3347, without its datum."""
    parameters = _parameters(pyproj.CRS.from_epsg(SRID_STATCAN_LAMBERT))
    return {name: parameters[name] for name in ("proj", "units", "lat_0", "lon_0", "lat_1", "lat_2", "x_0", "y_0")}


def _parameters(crs: pyproj.CRS) -> dict[str, Any]:
    """Return the PROJ parameters of a CRS by name."""
    with warnings.catch_warnings():
        # pyproj warns that this form drops names and remarks, which are not compared.
        warnings.simplefilter("ignore", UserWarning)
        return crs.to_dict()


def _shown(extent: tuple[float, float, float, float]) -> str:
    west, south, east, north = extent
    return f"from ({west:,.0f}, {south:,.0f}) to ({east:,.0f}, {north:,.0f})"
