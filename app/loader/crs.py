"""Which coordinate reference system a file is in, and the way from there to EPSG:3347."""

import re
from collections.abc import Sequence
from ctypes import ArgumentError
from dataclasses import dataclass

from django.contrib.gis.gdal import CoordTransform, GDALException, OGRGeometry, SpatialReference, SRSException

from geography.conf import SRID_STATCAN_LAMBERT
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
    """

    description: str
    geographic: bool
    transform: CoordTransform | None

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
                f"Give --srid, {SRID_STATCAN_LAMBERT} if it comes from Statistics Canada."
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
        return SourceCrs(str(declared.name), bool(declared.geographic), CoordTransform(declared, target))
    except GDAL_ERRORS as error:
        raise FileRefused(f"The file's coordinate system ({declared.name}) cannot be projected: {error}.") from error


def are_degrees(bounds: Sequence[float]) -> bool:
    """Say whether west, south, east, north can be degrees; NaN cannot."""
    return all(abs(value) <= limit for value, limit in zip(bounds, (360, 90, 360, 90), strict=True))


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
