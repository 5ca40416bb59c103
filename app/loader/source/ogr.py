"""OGR bindings in addition to GeoDjango's: iteration without a feature count, curves, WKB over 2 GiB, GDAL's last error."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ctypes import Structure, byref, c_char_p, c_double, c_int, c_size_t, c_ubyte, c_void_p, string_at
from pathlib import Path
from typing import Any

from django.contrib.gis.gdal import DataSource, Driver, GDALException
from django.contrib.gis.gdal.feature import Feature
from django.contrib.gis.gdal.layer import Layer as OgrLayer
from django.contrib.gis.gdal.libgdal import lgdal
from django.contrib.gis.gdal.prototypes import ds as capi

from loader.errors import FileRefused

_FAILURE = 3
_LITTLE_ENDIAN = 1
# Step of arc linearisation. Chords stay within 1/400,000 of the radius (2.4 mm for each km).
ARC_STEP_DEGREES = 0.25
_COARSE_STEP_DEGREES = 4.0
# Linearisation can make a row a hundred times larger.
_LINEAR_MAX_BYTES = 1 << 30

NAMES = {
    0: "Unknown",
    1: "Point",
    2: "LineString",
    3: "Polygon",
    4: "MultiPoint",
    5: "MultiLineString",
    6: "MultiPolygon",
    7: "GeometryCollection",
    8: "CircularString",
    9: "CompoundCurve",
    10: "CurvePolygon",
    11: "MultiCurve",
    12: "MultiSurface",
    13: "Curve",
    14: "Surface",
    15: "PolyhedralSurface",
    16: "TIN",
    17: "Triangle",
    100: "None",
    101: "LinearRing",
}
UNKNOWN, COLLECTION, NONE = 0, 7, 100
SURFACES = frozenset({3, 6, 10, 12, 14})


class Envelope(Structure):
    """OGREnvelope: west, east, south, north."""

    _fields_ = [(name, c_double) for name in ("west", "east", "south", "north")]


def _function(name: str, result: Any, *arguments: Any) -> Any:
    # By index, which returns a new object: the attribute is shared with GeoDjango, which sets its own argument types.
    function = lgdal[name]
    function.restype, function.argtypes = result, list(arguments)
    return function


_set_curves = _function("OGRSetNonLinearGeometriesEnabledFlag", None, c_int)
_curves_enabled = _function("OGRGetNonLinearGeometriesEnabledFlag", c_int)
_reset_error = _function("CPLErrorReset", None)
_last_error_type = _function("CPLGetLastErrorType", c_int)
_last_error = _function("CPLGetLastErrorMsg", c_char_p)
_next_feature = _function("OGR_L_GetNextFeature", c_void_p, c_void_p)
_geometry_ref = _function("OGR_F_GetGeometryRef", c_void_p, c_void_p)
_geometry_type = _function("OGR_G_GetGeometryType", c_int, c_void_p)
_flatten = _function("OGR_GT_Flatten", c_int, c_int)
_layer_type = _function("OGR_L_GetGeomType", c_int, c_void_p)
_is_empty = _function("OGR_G_IsEmpty", c_int, c_void_p)
_envelope = _function("OGR_G_GetEnvelope", None, c_void_p, c_void_p)
_parts = _function("OGR_G_GetGeometryCount", c_int, c_void_p)
_part = _function("OGR_G_GetGeometryRef", c_void_p, c_void_p, c_int)
_has_curves = _function("OGR_G_HasCurveGeometry", c_int, c_void_p, c_int)
_linearize = _function("OGR_G_GetLinearGeometry", c_void_p, c_void_p, c_double, c_void_p)
_destroy = _function("OGR_G_DestroyGeometry", None, c_void_p)
_wkb_size = _function("OGR_G_WkbSizeEx", c_size_t, c_void_p)
_to_wkb = _function("OGR_G_ExportToIsoWkb", c_int, c_void_p, c_int, c_void_p)


def open_source(path: Path, driver_name: str, options: Sequence[str], encoding: str, title: str) -> DataSource:
    """Open a file with one driver only. Raises: FileRefused."""
    driver = Driver(driver_name)
    allowed = (c_char_p * 2)(driver.name.encode(), None)
    with_options = (c_char_p * (len(options) + 1))(*(option.encode() for option in options), None)
    _reset_error()
    try:
        pointer = capi.open_ds(bytes(path), capi.GDAL_OF_VECTOR, allowed, with_options, None)
        return DataSource(pointer, ds_driver=driver.ptr, encoding=encoding)
    except GDALException:
        reason = message()
        raise FileRefused(
            f"The file is damaged: it cannot be opened as {title}{f' ({reason})' if reason else ''}. Download it again."
        ) from None


@contextmanager
def with_curves() -> Iterator[None]:
    """Have GDAL return arcs unchanged: pyogrio, once imported, makes it replace them by chords of four degrees."""
    before = _curves_enabled()
    _set_curves(1)
    try:
        yield
    finally:
        _set_curves(before)


def message() -> str:
    """Return GDAL's last error message; empty for warnings."""
    if _last_error_type() < _FAILURE:
        return ""
    # One line, cut: the message may quote the file.
    return (_last_error() or b"").decode("utf-8", "replace").split("\n")[0][:200]


def layers(source: DataSource) -> list[OgrLayer]:
    """Return the layers of an open file."""
    return [source[index] for index in range(source.layer_count)]


def declared_type(layer: OgrLayer) -> int:
    """Return the flat geometry type that a layer declares, one of NAMES."""
    return int(_flatten(_layer_type(layer.ptr)))


def features(layer: OgrLayer) -> Iterator[Feature]:
    """Yield every feature. Raises: GDALException for errors that GDAL records without failing."""
    capi.reset_reading(layer.ptr)
    while True:
        _reset_error()
        pointer = _next_feature(layer.ptr)
        if reason := message():
            if pointer:
                capi.destroy_feature(pointer)
            raise GDALException(reason)
        if not pointer:
            return
        yield Feature(c_void_p(pointer), layer)


def geometry(feature: Feature) -> int | None:
    """Return the handle of a feature's geometry, valid as long as the feature; None without one."""
    return _geometry_ref(feature.ptr)  # type: ignore[no-any-return]


def flat_type(handle: int) -> int:
    """Return the type of a geometry without Z and M, one of NAMES."""
    return int(_flatten(_geometry_type(handle)))


def kinds(handle: int) -> set[int]:
    """Return the flat type of a geometry, or for a collection those of its parts at any depth."""
    kind = flat_type(handle)
    if kind != COLLECTION:
        return {kind}
    result: set[int] = set()
    pending = [handle]
    while pending:
        collection = pending.pop()
        for index in range(_parts(collection)):
            part = _part(collection, index)
            if flat_type(part) == COLLECTION:
                pending.append(part)
            else:
                result.add(flat_type(part))
    return result


def bounds(handle: int) -> tuple[float, float, float, float] | None:
    """Return west, south, east, north in the file's coordinates, None for an empty geometry."""
    if _is_empty(handle):
        return None
    box = Envelope()
    _envelope(handle, byref(box))
    return box.west, box.south, box.east, box.north


def has_curves(handle: int) -> bool:
    """Return whether a geometry is of a type that may hold arcs."""
    return bool(_has_curves(handle, 0))


def wkb(handle: int, row: int) -> bytes:
    """Return a geometry as ISO WKB; arcs are linearised, within 1/400,000 of their radius.

    Raises: FileRefused for arcs whose linear form would exceed `_LINEAR_MAX_BYTES`.
    """
    if not has_curves(handle):
        return _exported(handle)
    rough = _linearize(handle, _COARSE_STEP_DEGREES, None)
    try:
        grown = _wkb_size(rough) * _COARSE_STEP_DEGREES / ARC_STEP_DEGREES if rough else 0
    finally:
        _destroy(rough)
    linear = _linearize(handle, ARC_STEP_DEGREES, None) if 0 < grown <= _LINEAR_MAX_BYTES else None
    if not linear:
        raise FileRefused(
            f"Row {row} holds arcs that are too large to linearise. Linearise them in the file with "
            "ogr2ogr -nlt CONVERT_TO_LINEAR regions.gpkg FILE."
        )
    try:
        return _exported(linear)
    finally:
        _destroy(linear)


def _exported(handle: int) -> bytes:
    size = _wkb_size(handle)
    buffer = (c_ubyte * size)()
    if _to_wkb(handle, _LITTLE_ENDIAN, byref(buffer)) != 0:
        raise GDALException(message() or "geometry cannot be written as WKB")
    return string_at(buffer, size)
