"""Unpacking of a source (zip, folder or file) into a temporary folder, under fixed file names.

GDAL detects formats by names and content, and follows references in them. So the loader never opens a file under its original
name:
after a check of its content, a dataset is copied or linked as `layer.shp`, `layer.gpkg`, `layer.gdb` and so on.
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

# The largest official boundary file unpacks to 0.4 GB.
MAX_UNPACKED_BYTES = 8 * 2**30
# Compression ratio: 2 to 3 for shapes, 40 for their tables; far more for a zip bomb.
MAX_RATIO = 200
RATIO_MATTERS_FROM_BYTES = 50 * 2**20
MAX_MEMBERS = 10_000

_CHUNK = 1 << 20
# Exceptions of zipfile and its decompressors for corrupt data. NotImplementedError is a RuntimeError, so it is caught first.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, NotImplementedError, ValueError, IndexError, OverflowError),
)


@dataclass(frozen=True, slots=True)
class LayerFiles:
    """A dataset in a temporary folder, ready to be opened.

    Attributes:
        path: `layer.shp`, `layer.gpkg` and so on in the temporary folder.
        display_name: name of the source, for messages.
        sha256: hexadecimal digest of the archive or the single file, or of several files in order of name.
        declared_encoding: content of the .cpg of a shapefile, None without one.
        format: format by content; its driver opens the file.
        dataset: original name of the dataset's main file.
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
        """Return whether a name is that of the dataset; see Dataset.is_called."""
        return Dataset(self.dataset, self.format, {}).is_called(layer_name)


@contextmanager
def open_layer(source: Path, layer_name: str = "") -> Iterator[LayerFiles]:
    """Unpack or link the dataset of `source` into a temporary folder.

    Args:
        source: a file of a format of loader.source.formats, or a zip or folder with one (a folder may hold one zip).
        layer_name: name of the dataset, where there are several.

    Raises: FileRefused for a source that is missing, damaged, ambiguous or unsafe.
    """
    if source.is_dir() and source.suffix.lower() != FILE_GEODATABASE.suffix:
        dataset, source = _in_folder(source, layer_name)
    elif source.exists():
        dataset = None if _is_archive(source) else _of_file(source)
    else:
        raise FileRefused(f"{source} does not exist. Check the path.")
    with temporary_directory() as folder:
        if dataset is None:
            _check_readable([source])
            dataset_name, file_format = _unzip(source, folder, layer_name)
            sha256 = _sha256([source])
        else:
            _check_readable(dataset.parts.values())
            dataset_name, file_format = dataset.name, dataset.format
            for part, path in dataset.parts.items():
                target = _target(folder, file_format, part)
                target.parent.mkdir(exist_ok=True)
                target.symlink_to(path.resolve())
            sha256 = _sha256([dataset.parts[part] for part in sorted(dataset.parts)])
        path, file_format, rows = _identify(folder, file_format, source.name)
        cpg = folder / "layer.cpg"
        declared = _first_line(cpg) if cpg.exists() else None
        yield LayerFiles(path, source.name, sha256, declared, file_format, dataset_name, rows)


def _target(folder: Path, file_format: Format, part: str) -> Path:
    return folder / "layer.gdb" / part if file_format is FILE_GEODATABASE else folder / f"layer{part}"


def _is_archive(path: Path) -> bool:
    return path.is_file() and (path.suffix.lower() in ARCHIVES or zipfile.is_zipfile(path))


def _check_readable(paths: Iterable[Path]) -> None:
    for path in paths:
        try:
            path.open("rb").close()
        except OSError as error:
            raise FileRefused(f"{path} cannot be read: {error.strerror}. Check the path and its permissions.") from error


def _first_line(cpg: Path) -> str:
    with cpg.open("rb") as file:
        return file.read(100).decode("ascii", errors="replace").strip()


def _in_folder(folder: Path, layer_name: str) -> tuple[Dataset[Path] | None, Path]:
    """Return the dataset in a folder and its main file, or None and the archive in the folder."""
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
    """Return the dataset of one file and its side files."""
    suffix = source.suffix.lower()
    beside = source.iterdir() if source.is_dir() else source.parent.iterdir()
    names = ((path.relative_to(source.parent), path) for path in beside if path.is_file() or path.is_symlink())
    if source.is_dir():
        candidates = datasets(names)
    else:
        same = [(name, path) for name, path in names if name.stem.lower() == source.stem.lower()]
        exact = [(name, path) for name, path in same if name.stem == source.stem]
        # The exact name wins over names that differ in letter case.
        candidates = [
            dataset
            for group in (exact, same)
            for dataset in datasets(group)
            if dataset.parts and source in (*dataset.parts.values(),)
        ]
        candidates.sort(key=lambda dataset: -len(dataset.parts))
        if not candidates and suffix in SHAPEFILE.parts:
            raise no_dataset_error(same, source.name)
    if not candidates:
        raise unknown_suffix(source.name)
    refuse_incomplete(candidates[0], source.name)
    return candidates[0]


def _layers(candidates: list[Dataset[T]], opened: Callable[[T], IO[bytes]]) -> list[Dataset[T]]:
    """Return the candidates without JSON and KML that have no features (metadata of a layer), unless there is only one."""

    def is_layer(dataset: Dataset[T]) -> bool:
        if dataset.format not in (GEOJSON, KML):
            return True
        with opened(dataset.parts[dataset.format.suffix]) as stream:
            return json_content.is_layer(stream, dataset.name) if dataset.format is GEOJSON else has_placemarks(stream)

    return candidates if len(candidates) < 2 else [candidate for candidate in candidates if is_layer(candidate)]


def _unzip(source: Path, folder: Path, layer_name: str) -> tuple[str, Format]:
    """Unpack the dataset of an archive; return its name in the archive and its format."""
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
        raise FileRefused(f"{source.name} is damaged or truncated ({error}): download it again.") from error
    except OSError as error:
        if error.errno is None:  # bz2 reports corrupt data as an OSError without errno
            raise FileRefused(f"{source.name} is damaged or truncated ({error}): download it again.") from error
        raise FileRefused(f"{source.name} cannot be unpacked into {folder.parent}: {error.strerror}.") from error
    except RuntimeError as error:  # zipfile: the archive needs a password
        raise FileRefused(f"{source.name} is encrypted: unpack it and load the folder.") from error


def _in_archive(archive: zipfile.ZipFile, name: str, layer_name: str) -> Dataset[zipfile.ZipInfo]:
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise FileRefused(f"{name} holds {len(members):,} files; the limit is {MAX_MEMBERS:,}. Load the boundary file alone.")
    files: list[tuple[PurePath, zipfile.ZipInfo]] = []
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        # Members are never written under their own names; an archive with path traversal is refused anyway.
        if path.is_absolute() or ".." in path.parts or any(":" in part for part in path.parts):
            raise FileRefused(
                f"{name} holds {member.filename!r}, a path that leaves the archive (path traversal): it is unsafe to read."
            )
        if not member.is_dir() and not is_clutter(path):
            files.append((path, member))
    candidates = _layers(datasets(files), lambda member: _bounded(archive, member, name))
    if not candidates:
        raise no_dataset_error(files, name)
    dataset = choose_dataset(candidates, name, layer_name)
    refuse_incomplete(dataset, name)
    return dataset


def _bounded(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> IO[bytes]:
    """Open a member for inspection, within the limits of size. Raises: FileRefused for a zip bomb."""
    if member.file_size > RATIO_MATTERS_FROM_BYTES and member.file_size > MAX_RATIO * max(member.compress_size, 1):
        raise FileRefused(
            f"{name}: {member.filename} exceeds the limits of unpacked size or compression ratio; it looks like a zip bomb."
        )
    return archive.open(member)


def _unpack(packed: IO[bytes], out: IO[bytes], member: zipfile.ZipInfo, name: str, allowed: int) -> int:
    """Copy a member and return its size; the limits apply to the bytes unpacked, not to the sizes that the archive declares."""
    written = 0
    while chunk := packed.read(_CHUNK):
        written += len(chunk)
        dense = written > RATIO_MATTERS_FROM_BYTES and written > MAX_RATIO * max(member.compress_size, 1)
        if written > allowed or dense:
            raise FileRefused(
                f"{name}: {member.filename} exceeds the limits of unpacked size or compression ratio; it looks like a zip bomb."
            )
        out.write(chunk)
    return written


def _identify(folder: Path, file_format: Format, name: str) -> tuple[Path, Format, int | None]:
    """Return the file to open, its format by content, and its number of rows where it is counted without GDAL."""
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
        raise FileRefused(f"{name} is open in another program, with changes not yet written to it (WAL): close it there.")
    return path, file_format, None


def _sha256(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()
