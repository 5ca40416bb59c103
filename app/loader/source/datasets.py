"""Datasets in a folder or an archive: grouping of files by name, and choice of the dataset to load."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Generic, TypeVar

from loader.errors import FileRefused
from loader.source.formats import ARCHIVES, BY_SUFFIX, EXPECTED, FILE_GEODATABASE, SHAPEFILE, Format

# A file of a folder or a member of an archive.
T = TypeVar("T")

_PART_OF = {part: file_format for file_format in dict.fromkeys(BY_SUFFIX.values()) for part in file_format.parts} | BY_SUFFIX
# Files of a geodatabase that reading needs; locks and indexes for editing are left out.
_GEODATABASE_FILE = re.compile(
    r"a[0-9a-f]{8}\.(gdbtable|gdbtablx|gdbindexes|freelist|horizon|spx|atx)|gdb|timestamps", re.IGNORECASE
)
_PACKED = (".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst")
# Suffixes of formats that GDAL reads and the loader refuses, with reason and remedy.
_REFUSED_SUFFIXES = {
    ".vrt": "a VRT, which refers to other files and addresses: load the file that it refers to",
    ".e00": "an Arc/Info export: convert it with ogr2ogr regions.gpkg FILE.e00",
    ".mdb": "a personal geodatabase: export it as GeoPackage or as File Geodatabase",
    **dict.fromkeys((".sqlite", ".db"), "an SQLite database: convert it with ogr2ogr regions.gpkg FILE"),
    ".lpk": "a layer package: unpack it and load the .gdb inside",
}


@dataclass(frozen=True, slots=True)
class Dataset(Generic[T]):
    """The files of a layer, or a file of several layers.

    Attributes:
        name: path of its main file, relative to the folder or archive.
        format: by the suffix.
        parts: its files by suffix; those of a geodatabase by name.
    """

    name: str
    format: Format
    parts: dict[str, T]

    def is_called(self, wanted: str) -> bool:
        """Return whether a name is the path, the file name or the stem of this dataset; letter case does not matter."""
        path = PurePath(self.name)
        return wanted.lower() in (self.name.lower(), path.name.lower(), path.stem.lower())


def is_clutter(path: PurePath) -> bool:
    """Return whether a file is desktop metadata: `._name.shp` of macOS has the suffix of a layer but contains none."""
    return "__MACOSX" in path.parts or path.name.startswith(".")


def datasets(files: Iterable[tuple[PurePath, T]]) -> list[Dataset[T]]:
    """Return the datasets among files, grouped by folder and stem; letter case does not matter.

    Datasets without their main file are left out; `no_dataset_error` reports them.
    """
    return [
        dataset for dataset in _all(files) if dataset.format is FILE_GEODATABASE or dataset.format.parts[0] in dataset.parts
    ]


def _all(files: Iterable[tuple[PurePath, T]]) -> list[Dataset[T]]:
    databases: dict[str, Dataset[T]] = {}
    groups: dict[tuple[str, str], dict[str, list[tuple[PurePath, T]]]] = {}
    for path, handle in sorted(files, key=lambda file: file[0].as_posix()):
        folder = next((parent for parent in path.parents if parent.suffix.lower() == ".gdb"), None)
        if folder is not None:
            if _GEODATABASE_FILE.fullmatch(path.name) and path.parent == folder:
                name = folder.as_posix()
                databases.setdefault(name, Dataset(name, FILE_GEODATABASE, {})).parts[path.name.lower()] = handle
        elif path.suffix.lower() in _PART_OF and not is_clutter(path):
            group = groups.setdefault((path.parent.as_posix(), path.stem.lower()), {})
            group.setdefault(path.suffix.lower(), []).append((path, handle))
    made = [database for database in databases.values() if "a00000001.gdbtable" in database.parts]
    for group in groups.values():
        stems = {path.stem for same in group.values() for path, _ in same}
        if any(len(same) > 1 for same in group.values()):
            # Names that differ only in letter case: files are grouped by the exact stem.
            for stem in sorted(stems):
                made += _datasets_of_group(
                    {suffix: file for suffix, same in group.items() for file in same if file[0].stem == stem}
                )
        else:
            made += _datasets_of_group({suffix: same[0] for suffix, same in group.items()})
    return sorted(made, key=lambda dataset: dataset.name)


def _datasets_of_group(group: dict[str, tuple[PurePath, T]]) -> list[Dataset[T]]:
    made: dict[tuple[Format, str], Dataset[T]] = {}
    for suffix, (path, _) in group.items():
        file_format = _PART_OF[suffix]
        main = suffix if suffix in BY_SUFFIX else file_format.parts[0]
        if (file_format, main) not in made:
            name = (group[main][0] if main in group else path).as_posix()
            parts = {file_format.parts[0]: group[main][1]} if main in group else {}
            parts |= {part: group[part][1] for part in file_format.parts[1:] if part in group}
            made[file_format, main] = Dataset(name, file_format, parts)
    return list(made.values())


def choose_dataset(candidates: Sequence[Dataset[T]], container: str, wanted: str) -> Dataset[T]:
    """Return the dataset to load; `wanted` is --layer-name, or empty.

    Raises: FileRefused for several datasets of which the name selects none or more than one.
    """
    if len(candidates) > 1 and wanted:
        named = [candidate for candidate in candidates if candidate.is_called(wanted)]
        if not named:
            names = ", ".join(candidate.name for candidate in candidates[:5])
            raise FileRefused(f"{container} has no layer {wanted!r}. It has {names}.")
        candidates = named
    if len(candidates) == 1:
        return candidates[0]
    names = ", ".join(sorted(candidate.name for candidate in candidates)[:5])
    raise FileRefused(f"{container} holds several layers ({names}): name the one to load with --layer-name.")


def refuse_incomplete(dataset: Dataset[T], name: str) -> None:
    """Raise FileRefused for a dataset that lacks one of its files."""
    missing = [part for part in dataset.format.required if part not in dataset.parts]
    if not missing:
        return
    if missing[0] == ".shp":
        raise FileRefused(
            f"{name}: the .shp is missing; there is only {', '.join(sorted(dataset.parts))}, the table without the boundaries. "
            "Download all files (the .shp is the largest)."
        )
    raise FileRefused(f"{name}: {' and '.join(missing)} of the {dataset.format.title} is missing: download all files.")


def no_dataset_error(files: Iterable[tuple[PurePath, T]], container: str) -> FileRefused:
    """Return the refusal of a folder or archive without a dataset, with the reason."""
    files = list(files)
    for dataset in _all(files):
        # The side files of other formats have ambiguous suffixes, such as .map and .dat.
        if dataset.format is SHAPEFILE:
            try:
                refuse_incomplete(dataset, container)
            except FileRefused as refusal:
                return refusal
    for path, _ in files:
        if reason := _unsupported(path):
            return FileRefused(f"{container} holds {path.as_posix()}, {reason}.")
    return FileRefused(f"{container} holds no boundary file: expected {EXPECTED}.")


def _unsupported(path: PurePath) -> str:
    suffix = path.suffix.lower()
    if suffix in (*ARCHIVES, *_PACKED):
        return "another archive: unpack it and load what is inside"
    return _REFUSED_SUFFIXES.get(suffix, "")


def unknown_suffix(name: str) -> FileRefused:
    """Return the refusal of a file by its name."""
    reason = _unsupported(PurePath(name))
    if reason.startswith("another archive"):
        reason = "an archive other than .zip: unpack it and load the folder"
    return FileRefused(f"{name} is not a boundary file: {reason or f'expected {EXPECTED}'}.")
