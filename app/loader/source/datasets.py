"""Datasets in a folder or an archive: which of its files belong together, and which dataset is meant."""

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
# The files of a geodatabase that hold tables; whatever else is there (locks, indexes for editing) is not needed to read it.
_GEODATABASE_FILE = re.compile(
    r"a[0-9a-f]{8}\.(gdbtable|gdbtablx|gdbindexes|freelist|horizon|spx|atx)|gdb|timestamps", re.IGNORECASE
)
_PACKED = (".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst")
# Formats that GDAL reads and that are not accepted, with the reason.
_REFUSED = {
    ".vrt": "a VRT names other files and addresses: give the file that it names",
    ".e00": "an Arc/Info export: convert it with ogr2ogr regions.gpkg FILE.e00",
    ".mdb": "a personal geodatabase: export it as GeoPackage or as File Geodatabase",
    **dict.fromkeys((".sqlite", ".db"), "an SQLite database: convert it with ogr2ogr regions.gpkg FILE"),
    ".lpk": "a layer package: unpack it and load the .gdb inside",
}


@dataclass(frozen=True, slots=True)
class Dataset(Generic[T]):
    """A layer's files, or a file of several layers.

    Attributes:
        name: path of its main file, relative to the folder or archive.
        format: as its suffix says.
        parts: its files, by suffix; those of a geodatabase by name.
    """

    name: str
    format: Format
    parts: dict[str, T]

    def is_called(self, wanted: str) -> bool:
        """Say whether a name means this dataset: its path, its file's name, or that without the suffix; in any case."""
        path = PurePath(self.name)
        return wanted.lower() in (self.name.lower(), path.name.lower(), path.stem.lower())


def is_clutter(path: PurePath) -> bool:
    """Say whether a file was left there by a desktop: `._name.shp` has the name of a layer and is none."""
    return "__MACOSX" in path.parts or path.name.startswith(".")


def datasets(files: Iterable[tuple[PurePath, T]]) -> list[Dataset[T]]:
    """Put files together that belong together, by their names without the suffix; letter case does not matter.

    Incomplete datasets are left out; `incomplete` finds them.
    """
    return [item for item in _all(files) if item.format is FILE_GEODATABASE or item.format.parts[0] in item.parts]


def _all(files: Iterable[tuple[PurePath, T]]) -> list[Dataset[T]]:
    databases: dict[str, Dataset[T]] = {}
    groups: dict[tuple[str, str], dict[str, list[tuple[PurePath, T]]]] = {}
    for path, handle in sorted(files, key=lambda item: item[0].as_posix()):
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
            # Two files whose names differ in nothing but letter case: only what is spelled the same belongs together.
            for stem in sorted(stems):
                made += _datasets_of_group({s: item for s, same in group.items() for item in same if item[0].stem == stem})
        else:
            made += _datasets_of_group({suffix: same[0] for suffix, same in group.items()})
    return sorted(made, key=lambda entry: entry.name)


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
    """Return the dataset that is meant; `wanted` is what --layer-name gave, or empty.

    Raises: FileRefused where there are several and none of them is named.
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
            f"{name}: there is no .shp, only {', '.join(sorted(dataset.parts))}. Those are the table without the boundaries: "
            "get the whole download (the .shp is by far its largest part)."
        )
    raise FileRefused(f"{name}: a {dataset.format.title} needs its {' and '.join(missing)} too; get the whole download.")


def no_dataset_error(files: Iterable[tuple[PurePath, T]], container: str) -> FileRefused:
    """Return the reason why a folder or archive holds no dataset."""
    files = list(files)
    for dataset in _all(files):
        # Other formats' companions have suffixes that mean nothing by themselves, such as .map and .dat.
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
    return _REFUSED.get(suffix, "")


def unknown_suffix(name: str) -> FileRefused:
    """Return the refusal of a file by its name."""
    reason = _unsupported(PurePath(name))
    if reason.startswith("another archive"):
        reason = "packed in a way that is not read: unpack it and load the folder"
    return FileRefused(f"{name} is not a boundary file: {reason or f'expected {EXPECTED}'}.")
