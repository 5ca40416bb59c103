"""From whatever a person has (zip, folder, .shp, .gpkg, .geojson) to files under names of our own.

GDAL guesses formats from names and contents and, before 3.9, follows what it finds there to the network. So it never sees a
name that somebody else chose: what is to be read is laid in a new folder as `layer.shp`, `layer.gpkg` or `layer.geojson`,
after a look at its first bytes.
"""

import hashlib
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import IO

from loader.errors import FileRefused
from loader.workspace import working_folder

# Far beyond any boundary file (the largest official one unpacks to 0.4 GB), far below a disk.
MAX_UNPACKED_BYTES = 8 * 2**30
# Shapefiles shrink to a half or a third, their tables to a fortieth; a bomb is denser by far.
MAX_RATIO = 200
RATIO_MATTERS_FROM_BYTES = 50 * 2**20
MAX_MEMBERS = 10_000

_SHAPEFILE = (".shp", ".shx", ".dbf", ".prj", ".cpg")
_REQUIRED = (".shp", ".shx", ".dbf")
_SINGLE = {".gpkg": ".gpkg", ".geojson": ".geojson", ".json": ".geojson"}
_CHUNK = 1 << 20
# What zipfile and its decompressors raise on bytes that make no sense. NotImplementedError is a RuntimeError: it comes first.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, NotImplementedError, ValueError, IndexError, OverflowError),
)


@dataclass(frozen=True, slots=True)
class LayerFiles:
    """A layer, ready to be opened.

    Attributes:
        path: `layer.shp`, `layer.gpkg` or `layer.geojson` in a folder that vanishes afterwards.
        display_name: what the user would call it.
        sha256: of its content, hexadecimal: of the archive or the single file, or of a shapefile's parts in order of name.
        declared_encoding: content of the .cpg beside a shapefile, None where there is none.
    """

    path: Path
    display_name: str
    sha256: str
    declared_encoding: str | None


@contextmanager
def open_layer(source: Path) -> Iterator[LayerFiles]:
    """Lay the one layer that `source` holds into a temporary folder.

    A folder may hold the parts of one shapefile, one .gpkg, one .geojson or one zip; a zip may hold folders.

    Raises: FileRefused for anything that is missing, damaged, ambiguous or unsafe.
    """
    source = _the_one_in(source) if source.is_dir() else source
    if not source.is_file():
        raise FileRefused(f"{source} does not exist.")
    _readable([source])
    with working_folder() as folder:
        if zipfile.is_zipfile(source) or source.suffix.lower() == ".zip":
            _unzip(source, folder)
            sha256 = _sha256([source])
        else:
            parts = _shapefile_parts(source) if source.suffix.lower() in _SHAPEFILE else _single(source)
            _readable(parts.values())
            for suffix, path in parts.items():
                (folder / f"layer{suffix}").symlink_to(path.resolve())
            sha256 = _sha256([parts[suffix] for suffix in sorted(parts)])
        path = _checked(folder, source)
        cpg = folder / "layer.cpg"
        declared = _first_line(cpg) if cpg.exists() else None
        yield LayerFiles(path, source.name, sha256, declared)


def _readable(paths: Iterable[Path]) -> None:
    for path in paths:
        try:
            path.open("rb").close()
        except OSError as error:
            raise FileRefused(f"{path} cannot be read: {error.strerror}.") from error


def _first_line(cpg: Path) -> str:
    with cpg.open("rb") as file:
        return file.read(100).decode("ascii", errors="replace").strip()


def _the_one_in(folder: Path) -> Path:
    """Return the file in a folder (or in its only subfolder of the kind) that the layer is read from."""
    wanted = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix.lower() in (".shp", ".zip", *_SINGLE) and not _is_clutter(path.relative_to(folder))
    ]
    if len(wanted) > 1:
        names = ", ".join(str(path.relative_to(folder)) for path in wanted[:5])
        raise FileRefused(f"{folder} holds several layers ({names}): name the one to load.")
    if wanted:
        return wanted[0]
    tables = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix.lower() in (".dbf", ".shx"))
    if tables:
        return tables[0]
    raise FileRefused(f"{folder} holds no .shp, .zip, .gpkg or .geojson.")


def _is_clutter(path: PurePath) -> bool:
    """Say whether a file was left there by a desktop: `._name.shp` has the name of a layer and is none."""
    return "__MACOSX" in path.parts or path.name.startswith(".")


def _shapefile_parts(source: Path) -> dict[str, Path]:
    parts = {
        path.suffix.lower(): path
        for path in sorted(source.parent.iterdir())
        if path.stem == source.stem and path.suffix.lower() in _SHAPEFILE
    }
    _require(parts, source.name)
    return parts


def _single(source: Path) -> dict[str, Path]:
    suffix = _SINGLE.get(source.suffix.lower())
    if suffix is None:
        raise FileRefused(
            f"{source.name} is not a boundary file: expected a .zip, .shp, .gpkg or .geojson (or a folder that holds one)."
        )
    return {suffix: source}


def _require(parts: Mapping[str, object], name: str) -> None:
    missing = [suffix for suffix in _REQUIRED if suffix not in parts]
    if ".shp" in missing:
        raise FileRefused(
            f"{name}: there is no .shp, only {', '.join(sorted(parts))}. Those are the table without the boundaries: "
            "get the whole download (the .shp is by far its largest part)."
        )
    if missing:
        raise FileRefused(f"{name}: a shapefile needs its {' and '.join(missing)} too; get the whole download.")


def _unzip(source: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(source) as archive:
            members = _layer_members(archive, source.name)
            total = 0
            for suffix, member in members.items():
                with archive.open(member) as packed, (folder / f"layer{suffix}").open("wb") as out:
                    total += _unpack(packed, out, member, source.name, MAX_UNPACKED_BYTES - total)
    except _DAMAGE as error:
        raise FileRefused(f"{source.name} is damaged or cut short ({error}): download it again.") from error
    except OSError as error:
        if error.errno is None:  # how bz2 says that its stream is damaged
            raise FileRefused(f"{source.name} is damaged or cut short ({error}): download it again.") from error
        raise FileRefused(f"{source.name} cannot be unpacked into {folder.parent}: {error.strerror}.") from error
    except RuntimeError as error:  # how zipfile says that a password is needed
        raise FileRefused(f"{source.name} is encrypted: unpack it and load the folder.") from error


def _layer_members(archive: zipfile.ZipFile, name: str) -> dict[str, zipfile.ZipInfo]:
    """Return the members of the one layer in an archive by suffix."""
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise FileRefused(f"{name} holds {len(members)} files: that is no boundary file.")
    layers: dict[str, dict[str, zipfile.ZipInfo]] = {}
    nested = []
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        # Nothing is ever written under a member's own name, but an archive that tries this is not one to trust.
        if path.is_absolute() or ".." in path.parts or any(":" in part for part in path.parts):
            raise FileRefused(f"{name} holds {member.filename!r}, a path that leaves the archive: it is not safe to read.")
        if member.is_dir() or _is_clutter(path):
            continue
        suffix = path.suffix.lower()
        suffix = _SINGLE.get(suffix, suffix)
        if suffix in (*_SHAPEFILE, ".gpkg", ".geojson"):
            layers.setdefault(str(path.with_suffix("")), {})[suffix] = member
        elif suffix == ".zip":
            nested.append(member.filename)
    complete = [(stem, suffix) for stem, parts in layers.items() for suffix in (".shp", ".gpkg", ".geojson") if suffix in parts]
    if len(complete) > 1:
        names = ", ".join(sorted(stem + suffix for stem, suffix in complete)[:5])
        raise FileRefused(f"{name} holds several layers ({names}): unpack it and name one.")
    if complete:
        ((stem, suffix),) = complete
        if suffix != ".shp":
            return {suffix: layers[stem][suffix]}
        _require(layers[stem], name)
        return layers[stem]
    if layers:
        _require(next(iter(layers.values())), name)
    if nested:
        raise FileRefused(f"{name} holds another archive ({nested[0]}): unpack it and load what is inside.")
    raise FileRefused(f"{name} holds no .shp, .gpkg or .geojson: it is not a boundary file.")


def _unpack(packed: IO[bytes], out: IO[bytes], member: zipfile.ZipInfo, name: str, allowed: int) -> int:
    """Copy a member, trusting only the bytes that really come out; return how many."""
    written = 0
    while chunk := packed.read(_CHUNK):
        written += len(chunk)
        dense = written > RATIO_MATTERS_FROM_BYTES and written > MAX_RATIO * max(member.compress_size, 1)
        if written > allowed or dense:
            raise FileRefused(f"{name}: {member.filename} unpacks to more than any boundary file; it looks like a zip bomb.")
        out.write(chunk)
    return written


def _checked(folder: Path, source: Path) -> Path:
    """Return the file to open if its first bytes are what its name says."""
    for suffix, looks_right in ((".shp", _is_shp), (".gpkg", _is_gpkg), (".geojson", _is_json_object)):
        path = folder / f"layer{suffix}"
        if path.exists():
            with path.open("rb") as file:
                head = file.read(4096)
            if not looks_right(head):
                raise FileRefused(f"{source.name} is not a boundary file: its content is no {suffix[1:]}.")
            if suffix == ".shp":
                _refuse_cut_short(folder)
            return path
    raise FileRefused(f"{source.name} is not a boundary file.")


def _refuse_cut_short(folder: Path) -> None:
    """Compare the sizes of a shapefile's parts with what their headers promise: GDAL reads the rows beyond as empty."""
    for suffix in _REQUIRED:
        path = folder / f"layer{suffix}"
        with path.open("rb") as file:
            head = file.read(100)
        if suffix == ".dbf":
            rows, names, row = struct.unpack("<IHH", head[4:12]) if len(head) >= 32 else (1, 32, 0)
            promised = names + rows * row
        else:
            promised = 2 * int.from_bytes(head[24:28], "big") if len(head) == 100 else 100
        size = path.stat().st_size
        if size < promised:
            raise FileRefused(f"The {suffix} is cut short ({size:,} of {promised:,} bytes): download it again.")


def _is_shp(head: bytes) -> bool:
    return len(head) >= 100 and head[:4] == b"\x00\x00\x27\x0a"


def _is_gpkg(head: bytes) -> bool:
    return head[:16] == b"SQLite format 3\x00"


def _is_json_object(head: bytes) -> bool:
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{"


def _sha256(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()
