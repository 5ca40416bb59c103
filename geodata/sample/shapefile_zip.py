"""Write polygons as a zipped shapefile in Statistics Canada's form, the same bytes every time."""

import io
import zipfile

import shapefile
import shapely

PRJ = (
    'PROJCS["PCS_Lambert_Conformal_Conic",GEOGCS["GCS_North_American_1983",DATUM["D_North_American_1983",'
    'SPHEROID["GRS_1980",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],'
    'PROJECTION["Lambert_Conformal_Conic"],PARAMETER["False_Easting",6200000.0],PARAMETER["False_Northing",3000000.0],'
    'PARAMETER["Central_Meridian",-91.86666666666666],PARAMETER["Standard_Parallel_1",49.0],'
    'PARAMETER["Standard_Parallel_2",77.0],PARAMETER["Latitude_Of_Origin",63.390675],UNIT["Meter",1.0]]'
)
LDID_WINDOWS_1252 = 0x03
STAMP = (2026, 1, 1, 0, 0, 0)


def write_zip(path, stem, fields, rows, polygons, cpg):
    """Write a zip holding stem/stem.shp, .shx, .dbf and .prj, and a .cpg if an encoding is named.

    Args:
        fields: (name, "C", width) or (name, "N", width, decimals).
        polygons: EPSG:3347 metres, one Polygon or MultiPolygon per row.
        cpg: content of the .cpg and encoding of the table; None means Windows-1252 said by the table's own mark.
    """
    shp, shx, dbf = io.BytesIO(), io.BytesIO(), io.BytesIO()
    with shapefile.Writer(shp=shp, shx=shx, dbf=dbf, shapeType=shapefile.POLYGON, encoding=cpg or "cp1252") as writer:
        for field in fields:
            writer.field(*field)
        for row, polygon in zip(rows, polygons, strict=True):
            writer.poly(_rings(polygon))
            writer.record(*row)
    table = bytearray(dbf.getvalue())
    table[1:4] = STAMP[0] - 1900, STAMP[1], STAMP[2]
    table[29] = 0 if cpg else LDID_WINDOWS_1252
    members = {"shp": shp.getvalue(), "shx": shx.getvalue(), "dbf": bytes(table), "prj": PRJ.encode()}
    if cpg:
        members["cpg"] = cpg.encode()
    with zipfile.ZipFile(path, "w") as archive:
        for suffix, content in members.items():
            entry = zipfile.ZipInfo(f"{stem}/{stem}.{suffix}", STAMP)
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED, 9)


def _rings(polygon):
    """Return all rings as lists of (x, y): shells clockwise, holes counterclockwise, as the format wants."""
    rings = []
    for part in shapely.get_parts(shapely.orient_polygons(polygon, exterior_cw=True)):
        rings += [shapely.get_coordinates(ring).tolist() for ring in (part.exterior, *part.interiors)]
    return rings
