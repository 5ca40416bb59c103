"""From whatever a person has (zip, folder, file) to files under names of our own.

GDAL guesses formats from names and contents, and follows what it finds there. So it never sees a name that somebody else chose:
what is to be read is laid in a new folder as `layer.shp`, `layer.gpkg`, `layer.gdb` and so on, after a look at its content.
"""

import hashlib
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import IO

from loader.errors import FileRefused
from loader.source import integrity, json_content, parquet
from loader.source.datasets import (
    Dataset,
    T,
    choose_dataset,
    datasets,
    is_clutter,
    no_dataset_error,
    refuse_incomplete,
    unknown_suffix,
)
from loader.source.formats import (
    ARCHIVES,
    FILE_GEODATABASE,
    FLATGEOBUF,
    GEOJSON,
    GEOPACKAGE,
    GEOPARQUET,
    KML,
    MAPINFO_MIF,
    SHAPEFILE,
    Format,
    check_content,
    has_placemarks,
    refuse_too_large,
)
from loader.tempdir import temporary_directory

# Far beyond any boundary file (the largest official one unpacks to 0.4 GB), far below a disk.
MAX_UNPACKED_BYTES = 8 * 2**30
# Shapefiles shrink to a half or a third, their tables to a fortieth; a bomb is denser by far.
MAX_RATIO = 200
RATIO_MATTERS_FROM_BYTES = 50 * 2**20
MAX_MEMBERS = 10_000

_CHUNK = 1 << 20
# What zipfile and its decompressors raise on bytes that make no sense. NotImplementedError is a RuntimeError: it comes first.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, NotImplementedError, ValueError, IndexError, OverflowError),
)


@dataclass(frozen=True, slots=True)
class LayerFiles:
    """A dataset, ready to be opened.

    Attributes:
        path: `layer.shp`, `layer.gpkg` or the like in a folder that vanishes afterwards.
        display_name: what the user would call it.
        sha256: of its content, hexadecimal: of the archive or the single file, or of several files in order of name.
        declared_encoding: content of the .cpg beside a shapefile, None where there is none.
        format: decides which driver may open it.
        dataset: name of the dataset's main file, as the user or the archive calls it.
        rows: number of rows in the file where it was counted without GDAL, else None.
    """

    path: Path
    display_name: str
    sha256: str
    declared_encoding: str | None
    format: Format
    dataset: str
    rows: int | None

    def is_called(self, layer_name: str) -> bool:
        """Say whether a name means the dataset; see Dataset.is_called."""
        return Dataset(self.dataset, self.format, {}).is_called(layer_name)


@contextmanager
def open_layer(source: Path, layer_name: str = "") -> Iterator[LayerFiles]:
    """Lay the dataset that `source` holds into a temporary folder.

    Args:
        source: a file of any format of loader.source.formats, a zip or a folder that holds one (or one zip).
        layer_name: which dataset, where there are several.

    Raises: FileRefused for anything that is missing, damaged, ambiguous or unsafe.
    """
    if source.is_dir() and source.suffix.lower() != FILE_GEODATABASE.suffix:
        dataset, source = _in_folder(source, layer_name)
    elif source.exists():
        dataset = None if _is_archive(source) else _of_file(source)
    else:
        raise FileRefused(f"{source} does not exist.")
    with temporary_directory() as folder:
        if dataset is None:
            _readable([source])
            dataset_name, file_format = _unzip(source, folder, layer_name)
            sha256 = _sha256([source])
        else:
            _readable(dataset.parts.values())
            dataset_name, file_format = dataset.name, dataset.format
            for part, path in dataset.parts.items():
                target = _target(folder, file_format, part)
                target.parent.mkdir(exist_ok=True)
                target.symlink_to(path.resolve())
            sha256 = _sha256([dataset.parts[part] for part in sorted(dataset.parts)])
        path, file_format, rows = _checked(folder, file_format, source.name)
        cpg = folder / "layer.cpg"
        declared = _first_line(cpg) if cpg.exists() else None
        yield LayerFiles(path, source.name, sha256, declared, file_format, dataset_name, rows)


def _target(folder: Path, file_format: Format, part: str) -> Path:
    return folder / "layer.gdb" / part if file_format is FILE_GEODATABASE else folder / f"layer{part}"


def _is_archive(path: Path) -> bool:
    return path.is_file() and (path.suffix.lower() in ARCHIVES or zipfile.is_zipfile(path))


def _readable(paths: Iterable[Path]) -> None:
    for path in paths:
        try:
            path.open("rb").close()
        except OSError as error:
            raise FileRefused(f"{path} cannot be read: {error.strerror}.") from error


def _first_line(cpg: Path) -> str:
    with cpg.open("rb") as file:
        return file.read(100).decode("ascii", errors="replace").strip()


def _in_folder(folder: Path, layer_name: str) -> tuple[Dataset[Path] | None, Path]:
    """Return the dataset in a folder and its file, or None and the archive that it holds."""
    files: list[tuple[PurePath, Path]] = [
        (path.relative_to(folder), path) for path in sorted(folder.rglob("*")) if path.is_file() or path.is_symlink()
    ]
    archives = [
        Dataset(name.as_posix(), FILE_GEODATABASE, {"": path})
        for name, path in files
        if path.suffix.lower() in ARCHIVES and not is_clutter(name)
    ]
    candidates = _layers([*datasets(files), *archives], lambda path: path.open("rb"))
    if not candidates:
        raise no_dataset_error(files, str(folder))
    dataset = choose_dataset(candidates, str(folder), layer_name)
    if dataset in archives:
        return None, dataset.parts[""]
    refuse_incomplete(dataset, PurePath(dataset.name).name)
    return dataset, folder / dataset.name


def _of_file(source: Path) -> Dataset[Path]:
    """Return the dataset of one file and those beside it that belong to it."""
    suffix = source.suffix.lower()
    beside = source.iterdir() if source.is_dir() else source.parent.iterdir()
    names = ((path.relative_to(source.parent), path) for path in beside if path.is_file() or path.is_symlink())
    if source.is_dir():
        candidates = datasets(names)
    else:
        same = [(name, path) for name, path in names if name.stem.lower() == source.stem.lower()]
        exact = [item for item in same if item[0].stem == source.stem]
        # The one that was named, where another has the same name but for letter case.
        candidates = [
            dataset
            for group in (exact, same)
            for dataset in datasets(group)
            if dataset.parts and source in (*dataset.parts.values(),)
        ]
        candidates.sort(key=lambda entry: -len(entry.parts))
        if not candidates and suffix in SHAPEFILE.parts:
            raise no_dataset_error(same, source.name)
    if not candidates:
        raise unknown_suffix(source.name)
    refuse_incomplete(candidates[0], source.name)
    return candidates[0]


def _layers(candidates: list[Dataset[T]], opened: Callable[[T], IO[bytes]]) -> list[Dataset[T]]:
    """Leave out JSON and KML without features, where there is something else: metadata lie beside a layer."""

    def is_layer(item: Dataset[T]) -> bool:
        if item.format not in (GEOJSON, KML):
            return True
        with opened(item.parts[item.format.suffix]) as stream:
            return json_content.is_layer(stream, item.name) if item.format is GEOJSON else has_placemarks(stream)

    return candidates if len(candidates) < 2 else [candidate for candidate in candidates if is_layer(candidate)]


def _unzip(source: Path, folder: Path, layer_name: str) -> tuple[str, Format]:
    """Unpack the dataset of an archive; return its name in there and its format."""
    try:
        with zipfile.ZipFile(source) as archive:
            dataset = _in_archive(archive, source.name, layer_name)
            total = 0
            for part, member in dataset.parts.items():
                target = _target(folder, dataset.format, part)
                target.parent.mkdir(exist_ok=True)
                with archive.open(member) as packed, target.open("wb") as out:
                    total += _unpack(packed, out, member, source.name, MAX_UNPACKED_BYTES - total)
            return dataset.name, dataset.format
    except _DAMAGE as error:
        raise FileRefused(f"{source.name} is damaged or cut short ({error}): download it again.") from error
    except OSError as error:
        if error.errno is None:  # how bz2 says that its stream is damaged
            raise FileRefused(f"{source.name} is damaged or cut short ({error}): download it again.") from error
        raise FileRefused(f"{source.name} cannot be unpacked into {folder.parent}: {error.strerror}.") from error
    except RuntimeError as error:  # how zipfile says that a password is needed
        raise FileRefused(f"{source.name} is encrypted: unpack it and load the folder.") from error


def _in_archive(archive: zipfile.ZipFile, name: str, layer_name: str) -> Dataset[zipfile.ZipInfo]:
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise FileRefused(f"{name} holds {len(members)} files: that is no boundary file.")
    files: list[tuple[PurePath, zipfile.ZipInfo]] = []
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        # Nothing is ever written under a member's own name, but an archive that tries this is not one to trust.
        if path.is_absolute() or ".." in path.parts or any(":" in part for part in path.parts):
            raise FileRefused(f"{name} holds {member.filename!r}, a path that leaves the archive: it is not safe to read.")
        if not member.is_dir() and not is_clutter(path):
            files.append((path, member))
    candidates = _layers(datasets(files), lambda member: _bounded(archive, member, name))
    if not candidates:
        raise no_dataset_error(files, name)
    dataset = choose_dataset(candidates, name, layer_name)
    refuse_incomplete(dataset, name)
    return dataset


def _bounded(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> IO[bytes]:
    """Open a member that is only looked at."""
    if member.file_size > RATIO_MATTERS_FROM_BYTES and member.file_size > MAX_RATIO * max(member.compress_size, 1):
        raise FileRefused(f"{name}: {member.filename} unpacks to more than any boundary file; it looks like a zip bomb.")
    return archive.open(member)


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


def _checked(folder: Path, file_format: Format, name: str) -> tuple[Path, Format, int | None]:
    """Return the file to open, its format by its content, and its number of rows where GDAL need not be asked for it."""
    path = folder / f"layer{file_format.suffix}"
    if file_format is GEOJSON:
        layer = json_content.identify(path, name)
        if layer.format.in_memory:
            refuse_too_large(path, layer.format, name)
        return layer.path, layer.format, layer.features
    check_content(path, file_format, name)
    if file_format is SHAPEFILE:
        return path, file_format, integrity.shapefile_rows(path)
    if file_format is FLATGEOBUF:
        return path, file_format, integrity.flatgeobuf_rows(path)
    if file_format is MAPINFO_MIF:
        return path, file_format, integrity.mif_rows(path.with_suffix(".mid"))
    if file_format is GEOPARQUET:
        target = folder / f"layer{GEOPACKAGE.suffix}"
        return target, GEOPACKAGE, parquet.to_geopackage(path, target, name, MAX_UNPACKED_BYTES)
    wal = folder / "layer.gpkg-wal"
    if wal.exists() and wal.stat().st_size:
        raise FileRefused(f"{name} is open in another program, which has not written all changes into it yet: close it there.")
    return path, file_format, None


def _sha256(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()
