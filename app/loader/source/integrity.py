"""Row counts of shapefile, MapInfo MIF and FlatGeobuf from their records, not from headers."""

import struct
from pathlib import Path

from loader.errors import FileRefused

_SHP_HEADER, _RECORD_HEADER, _SHX_RECORD = 100, 8, 8
_DELETED = b"*"[0]
_CHUNK_ROWS_BYTES = 1 << 20
_FGB_MAGIC_BYTES = 8
_FGB_NODE_BYTES = 40
# Fields of the header's table, in the order of FlatGeobuf's schema.
_FGB_FEATURES_COUNT, _FGB_INDEX_NODE_SIZE = 8, 9


def shapefile_rows(shp: Path) -> int:
    """Return the number of rows that are not marked as deleted, after a comparison of .shp, .shx and .dbf.

    Raises: FileRefused for a truncated part, and for parts with different numbers of rows.
    """
    shapes, index, table = shp, shp.with_suffix(".shx"), shp.with_suffix(".dbf")
    in_index = _index_records(index)
    in_table, deleted = _table_rows(table)
    in_shapes = _shapes(shapes, index, in_index)
    if not in_shapes == in_index == in_table:
        raise FileRefused(
            f"The parts of the shapefile do not belong together: the .shp holds {in_shapes:,} shapes, the .shx lists "
            f"{in_index:,}, and the .dbf has {in_table:,} rows. Download all parts again, or export the file again."
        )
    return in_table - deleted


def _truncated(suffix: str, size: int, declared: int) -> FileRefused:
    return FileRefused(f"The {suffix} is truncated ({size:,} of {declared:,} bytes): download it again.")


def _index_records(index: Path) -> int:
    size = index.stat().st_size
    with index.open("rb") as file:
        head = file.read(_SHP_HEADER)
    declared = 2 * int.from_bytes(head[24:28], "big") if len(head) == _SHP_HEADER else _SHP_HEADER
    if size < declared:
        raise _truncated(".shx", size, declared)
    # By file size: an interrupted program leaves a wrong length in the header.
    return (size - _SHP_HEADER) // _SHX_RECORD


def _table_rows(table: Path) -> tuple[int, int]:
    """Return the number of rows of a .dbf, and how many of them are marked as deleted."""
    size = table.stat().st_size
    with table.open("rb") as file:
        head = file.read(32)
        rows, start, width = struct.unpack("<IHH", head[4:12]) if len(head) == 32 else (0, 32, 0)
        if size < start + rows * width or len(head) < 32:
            raise _truncated(".dbf", size, max(32, start + rows * width))
        if width == 0:
            return rows, 0
        file.seek(start)
        deleted = 0
        for first in range(0, rows, step := max(1, _CHUNK_ROWS_BYTES // width)):
            marks = file.read(min(step, rows - first) * width)[::width]
            deleted += marks.count(_DELETED)
        # Rows that the header does not count: a row begins with a space or an asterisk, the end of the table with 0x1A.
        while (row := file.read(width)) and len(row) == width and row[:1] in (b" ", b"*"):
            rows += 1
    return rows, deleted


def _shapes(shapes: Path, index: Path, in_index: int) -> int:
    """Return the number of shapes in a .shp: those that the .shx lists, and those that follow the last of them.

    An edited shape is written at the end of the file and leaves a gap, so unlisted bytes between shapes are not counted.
    """
    size = shapes.stat().st_size
    with shapes.open("rb") as file, index.open("rb") as listing:
        head = file.read(_SHP_HEADER)
        declared = 2 * int.from_bytes(head[24:28], "big")
        if size < declared:
            raise _truncated(".shp", size, declared)
        listing.seek(_SHP_HEADER)
        last = _SHP_HEADER
        for row in range(1, in_index + 1):
            offset, length = (2 * number for number in struct.unpack(">II", listing.read(_SHX_RECORD)))
            end = offset + _RECORD_HEADER + length
            file.seek(offset)
            record = file.read(_RECORD_HEADER)
            if (
                end > size
                or offset < _SHP_HEADER
                or len(record) < _RECORD_HEADER
                or record[4:8] != (length // 2).to_bytes(4, "big")
            ):
                raise FileRefused(
                    f"The .shx does not belong to the .shp: row {row} is not where it says. Get the whole "
                    "download, or export it again."
                )
            last = max(last, end)
        count = in_index
        while last + _RECORD_HEADER <= size:
            file.seek(last)
            number, words = struct.unpack(">II", file.read(_RECORD_HEADER))
            last += _RECORD_HEADER + 2 * words
            if number != count + 1 or last > size:
                break
            count += 1
    return count


def mif_rows(mid: Path) -> int:
    """Return the number of rows of a MapInfo interchange file: the lines of its .mid. Quoted text may span lines.

    The .mif has no end mark: a truncated one has fewer objects than the .mid has rows.
    """
    rows, inside_text, blank = 0, False, True
    with mid.open("rb") as file:
        for line in file:
            inside_text ^= line.count(b'"') % 2 == 1
            blank = blank and not line.strip()
            if not inside_text:
                rows += not blank
                blank = True
    return rows + (not blank)


def flatgeobuf_rows(path: Path) -> int:
    """Return the number of features in a FlatGeobuf, by their size prefixes.

    Raises: FileRefused for a file that ends inside a feature, and for another number in the header.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(_FGB_MAGIC_BYTES)
        header = file.read(4)
        length = int.from_bytes(header, "little")
        header = file.read(length) if length < size else b""
        if len(header) < length or length < 8:
            raise FileRefused("The FlatGeobuf is truncated inside its header: download it again.")
        declared, node_size = _fgb_number(header, _FGB_FEATURES_COUNT, 8, 0), _fgb_number(header, _FGB_INDEX_NODE_SIZE, 2, 16)
        position = _FGB_MAGIC_BYTES + 4 + length + (_fgb_index_bytes(declared, node_size) if declared else 0)
        if position > size:
            raise FileRefused("The FlatGeobuf is truncated inside its index: download it again.")
        count = 0
        while position < size:
            file.seek(position)
            position += 4 + int.from_bytes(file.read(4), "little")
            if position > size:
                raise FileRefused(f"The FlatGeobuf is truncated after {count} features: download it again.")
            count += 1
    # Zero: the writer did not know the number.
    if declared not in (0, count):
        raise FileRefused(f"The FlatGeobuf declares {declared:,} features and holds {count:,}: download it or export it again.")
    return count


def _fgb_number(header: bytes, field: int, width: int, default: int) -> int:
    """Return an integer field of the header's FlatBuffers table."""
    try:
        (root,) = struct.unpack_from("<I", header, 0)
        (back,) = struct.unpack_from("<i", header, root)
        vtable = root - back
        (vtable_bytes,) = struct.unpack_from("<H", header, vtable)
        if 4 + 2 * field + 2 > vtable_bytes:
            return default
        (offset,) = struct.unpack_from("<H", header, vtable + 4 + 2 * field)
    except struct.error:
        raise FileRefused("The FlatGeobuf is damaged: its header cannot be read. Download it again.") from None
    return int.from_bytes(header[root + offset : root + offset + width], "little") if offset else default


def _fgb_index_bytes(features: int, node_size: int) -> int:
    """Return the size in bytes of the packed R-tree before the features; 0 where a node holds fewer than two (no index)."""
    if node_size < 2:
        return 0
    level = nodes = features
    while level > 1:
        level = -(-level // node_size)
        nodes += level
    return nodes * _FGB_NODE_BYTES
