"""File of named arrays in the format safetensors: a JSON header, then the arrays. Arrays are mapped into memory, not read.

The processes of a machine share the pages of a mapped file, and opening one takes milliseconds whatever its size.
"""

import hashlib
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

_DTYPES = {
    "F64": np.float64,
    "F32": np.float32,
    "U64": np.uint64,
    "U32": np.uint32,
    "I32": np.int32,
    "U16": np.uint16,
    "U8": np.uint8,
}
_NAMES = {np.dtype(dtype): name for name, dtype in _DTYPES.items()}
_HEADER_MAX = 100_000_000
_NO_DIGEST = "0" * 64
_BLOCK = 2**20


class DamagedFile(ValueError):
    """The file is not a lookup index, is truncated, or its content does not have its checksum."""


def write(path: Path, metadata: Mapping[str, str], arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays, which can be mapped, and metadata.

    Args:
        metadata: texts by name. A `sha256` of header and arrays is added.
    """
    # The widest elements first, so that every array is aligned.
    ordered = sorted(arrays.items(), key=lambda item: -item[1].dtype.itemsize)
    header: dict[str, Any] = {"__metadata__": {**metadata, "sha256": _NO_DIGEST}}
    offset = 0
    for name, array in ordered:
        header[name] = {
            "dtype": _NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 8) % 64)
    digest = hashlib.sha256(text)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, array in ordered:
            content = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
            for first in range(0, len(content), _BLOCK):
                block = content[first : first + _BLOCK].tobytes()
                digest.update(block)
                file.write(block)
        file.seek(8)
        file.write(text.replace(_field(_NO_DIGEST), _field(digest.hexdigest()), 1))


def open_mapped(path: Path) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Return metadata and arrays of a file, mapped. Raises: DamagedFile, OSError.

    Checks that the header is whole and the size is right; `verify` checks the content.
    """
    size, header, start = _header(path)
    metadata = header.pop("__metadata__", {})
    arrays, end = {}, 0
    try:
        for name, entry in header.items():
            dtype, (first, last) = np.dtype(_DTYPES[entry["dtype"]]), entry["data_offsets"]
            shape = tuple(entry["shape"])
            if first != end or last - first != dtype.itemsize * int(np.prod(shape)):
                raise DamagedFile(f"{path.name} is damaged: the place of {name} is wrong")
            end = last
            arrays[name] = (
                np.memmap(path, dtype, "r", start + first, shape).view(np.ndarray)
                if last > first
                else np.broadcast_to(dtype.type(0), shape)
            )
    except (KeyError, TypeError, ValueError) as error:
        raise error if isinstance(error, DamagedFile) else DamagedFile(f"{path.name} is not a file of arrays") from error
    if start + end != size:
        raise DamagedFile(f"{path.name} is damaged: {size} bytes instead of {start + end}")
    return metadata, arrays


def verify(path: Path) -> None:
    """Check the content of a file against its checksum. Raises: DamagedFile, OSError."""
    _, header, start = _header(path)
    expected = header.get("__metadata__", {}).get("sha256", "")
    with path.open("rb") as file:
        file.seek(8)
        text = file.read(start - 8)
        digest = hashlib.sha256(text.replace(_field(expected), _field(_NO_DIGEST), 1))
        while block := file.read(_BLOCK):
            digest.update(block)
    if digest.hexdigest() != expected:
        raise DamagedFile(f"{path.name} is damaged: its content does not have its checksum")


def _field(digest: str) -> bytes:
    """Return the member of the header that holds the checksum, which is computed with zeros in its place."""
    return f'"sha256":"{digest}"'.encode()


def _header(path: Path) -> tuple[int, dict[str, Any], int]:
    """Return the size of a file, its header, and where the arrays begin."""
    size = path.stat().st_size
    with path.open("rb") as file:
        prefix = file.read(8)
        length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else 0
        if not 0 < length <= min(size - 8, _HEADER_MAX):
            raise DamagedFile(f"{path.name} is not a file of arrays, or is truncated")
        try:
            header = json.loads(file.read(length))
        except ValueError:
            raise DamagedFile(f"{path.name} is not a file of arrays") from None
    if not isinstance(header, dict) or not isinstance(header.get("__metadata__", {}), dict):
        raise DamagedFile(f"{path.name} is not a file of arrays")
    return size, header, 8 + length
