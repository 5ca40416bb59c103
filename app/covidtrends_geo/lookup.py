"""Lookup in one vintage, for programs and notebooks: one position, arrays of them, or a table."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, overload
from urllib.parse import urlsplit
from urllib.request import urlopen

import numpy as np
import numpy.typing as npt

from covidtrends_geo import array_file
from covidtrends_geo.answers import COVERS, MATCHES, Answers
from covidtrends_geo.columns import Placed, locate_placed
from covidtrends_geo.constants import NO_REGION
from covidtrends_geo.lookup_file import LookupFile, Region, open_file

DISTANCE_MAX_M = 50_000.0
# The official FSA file of 2021 in its cartographic vintage, 18.5 million vertices, has 0.5 GB.
DOWNLOAD_MAX_BYTES = 4 * 2**30
_TIMEOUT_S = 60.0
_BLOCK = 2**20


class Location(NamedTuple):
    """Answer for one position.

    Attributes:
        region: the region that covers the position, or the nearest within `max_distance_m`; None without one.
        match: `covers`, `nearest` or `none`.
        certain: whether no other region is within `uncertainty_m`; with `none`, whether no region is.
        distance_m: to the region, metres on the ellipsoid: 0 where it covers, None without one.
        uncertainty_m: metres by which position and border may be off together; None for an invalid position.
        neighbour, distance_to_border_m: nearest other region and its distance, with `border`, where a region covers.
        status: `ok`, or `coordinate-invalid` for a position that is not finite, out of range, or very likely swapped or without
            its sign. It has match `none` and is not certain.
    """

    region: Region | None
    match: str
    certain: bool
    distance_m: float | None
    uncertainty_m: float | None
    neighbour: Region | None
    distance_to_border_m: float | None
    status: str


class Locations(NamedTuple):
    """Answers for arrays of positions, one element each: as `Location`, with empty texts and NaN in place of None.

    Attributes:
        code, neighbour: codes of regions.
    """

    code: npt.NDArray[np.str_]
    match: npt.NDArray[np.str_]
    certain: npt.NDArray[np.bool_]
    distance_m: npt.NDArray[np.float64]
    uncertainty_m: npt.NDArray[np.float64]
    neighbour: npt.NDArray[np.str_]
    distance_to_border_m: npt.NDArray[np.float64]
    status: npt.NDArray[np.str_]


class Lookup:
    """Lookup in the compiled file of a vintage. Immutable, so threads share it.

    Attributes:
        file: the open file.
    """

    def __init__(self, file: LookupFile) -> None:
        self.file = file

    @classmethod
    def read(cls, source: str | Path, *, verify: bool = True, sha256: str | None = None) -> "Lookup":
        """Return the lookup of a file. A local file is mapped into memory; one at an address is downloaded to a temporary file.

        Args:
            source: path, or http: or https: address.
            verify: whether to check the content of a local file against the checksum in it: 0.1 s for 100 MB. What was
                downloaded is always checked.
            sha256: checksum that the file's bytes must have, as `/downloads` lists it.

        Raises: array_file.DamagedFile for a file that is damaged, truncated, too large or not a lookup file, or has another
        checksum; lookup_file.NewerFormat; OSError.
        """
        if str(source).lower().startswith(("http://", "https://")):
            return _download(str(source), lambda path: cls._open(path, verify=True, sha256=sha256))
        return cls._open(Path(source), verify=verify, sha256=sha256)

    @classmethod
    def _open(cls, path: Path, *, verify: bool, sha256: str | None) -> "Lookup":
        file = open_file(path)
        if verify:
            array_file.verify(path)
        if sha256 is not None:
            with path.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
            if digest != sha256.lower():
                raise array_file.DamagedFile(f"{path.name} has the SHA-256 {digest} instead of {sha256}")
        return cls(file)

    def __repr__(self) -> str:
        return f"<Lookup {self.metadata.get('coverage', '')} {self.vintage}: {len(self.regions)} regions>"

    @property
    def regions(self) -> Sequence[Region]:
        """Return the regions of the vintage, ordered by code."""
        return self.file.regions

    @property
    def vintage(self) -> str:
        """Return the label of the vintage."""
        return self.metadata.get("vintage", "")

    @property
    def metadata(self) -> Mapping[str, str]:
        """Return texts by name: coverage, vintage, source, licence, checksum."""
        return {name: text for name, text in self.file.metadata.items() if name != "regions"}

    @overload
    def locate(
        self, lon: float, lat: float, *, accuracy_m: float = ..., max_distance_m: float = ..., border: bool = ...
    ) -> Location: ...
    @overload
    def locate(
        self,
        lon: npt.ArrayLike,
        lat: npt.ArrayLike,
        *,
        accuracy_m: float = ...,
        max_distance_m: float = ...,
        border: bool = ...,
    ) -> Locations: ...
    def locate(
        self, lon: Any, lat: Any, *, accuracy_m: float = 0.0, max_distance_m: float = 0.0, border: bool = False
    ) -> Location | Locations:
        """Return the region at a position, or at each of many, in their order.

        Args:
            lon, lat: WGS 84 (EPSG:4326) decimal degrees, longitude first: numbers, or arrays of one length and dimension.
            accuracy_m: radius around a position that contains the true position in 95 of 100 cases.
            max_distance_m: greatest distance of the nearest region where none covers; 0 to 50,000.
            border: whether to find the nearest other region of positions that a region covers, and its distance. Takes
                several times as long.

        Raises: ValueError for distances out of range, and arrays of different lengths. Positions raise nothing: see `status`.
        """
        single = np.ndim(lon) == np.ndim(lat) == 0
        lons, lats = (np.atleast_1d(np.asarray(values, dtype=np.float64)) for values in (lon, lat))
        if lons.shape != lats.shape or lons.ndim != 1:
            raise ValueError("lon and lat must be numbers, or arrays of one dimension and the same length")
        placed = Placed.of_plausible(lons, lats)
        answers = self.answers(placed, accuracy_m=accuracy_m, max_distance_m=max_distance_m, border=border)
        if single:
            return self._location(answers, bool(placed.valid[0]))
        codes = np.array([*(region.code for region in self.regions), ""])
        return Locations(
            codes[answers.region],
            np.array(MATCHES)[answers.match],
            answers.certain,
            answers.distance_m,
            answers.uncertainty_m,
            codes[answers.neighbour],
            answers.distance_to_border_m,
            np.where(placed.valid, "ok", "coordinate-invalid"),
        )

    def answers(self, placed: Placed, *, accuracy_m: float = 0.0, max_distance_m: float = 0.0, border: bool = False) -> Answers:
        """Return the answers for columns of positions, with regions as numbers: as `locate`."""
        for name, metres in (("accuracy_m", accuracy_m), ("max_distance_m", max_distance_m)):
            if not 0 <= metres <= DISTANCE_MAX_M:
                raise ValueError(f"{name} is {metres}: it must be 0 to {DISTANCE_MAX_M:g} metres")
        return locate_placed(self.file.engine, placed, accuracy_m=accuracy_m, max_distance_m=max_distance_m, border=border)

    def locate_batch(
        self,
        table: Any,
        *,
        lon: str = "lon",
        lat: str = "lat",
        accuracy_m: float = 0.0,
        max_distance_m: float = 0.0,
        border: bool = False,
    ) -> Any:
        """Return an Arrow table (arro3) with the columns of a table and those of the answers: `bulk.layers.Layers`.

        Args:
            table: anything with the Arrow interface: of pandas, polars, pyarrow, DuckDB, arro3.
            lon, lat: names of its columns with the positions, of any numeric type. A missing number is an invalid position.
            accuracy_m, max_distance_m, border: as `locate`.

        Raises: ImportError without the extra `files`; ValueError for a missing column, and as `locate`.
        """
        from covidtrends_geo.bulk.arrow import locate_table  # noqa: PLC0415 - needs the extra
        from covidtrends_geo.bulk.layers import Layers, Options  # noqa: PLC0415

        options = Options(accuracy_m=accuracy_m, max_distance_m=max_distance_m, border=border)
        return locate_table(table, Layers([self], options), lon=lon, lat=lat)

    def _location(self, answers: Answers, valid: bool) -> Location:
        region, neighbour = int(answers.region[0]), int(answers.neighbour[0])
        match = int(answers.match[0])
        return Location(
            region=None if region == NO_REGION else self.regions[region],
            match=MATCHES[match],
            certain=bool(answers.certain[0]),
            distance_m=None if region == NO_REGION else float(answers.distance_m[0]),
            uncertainty_m=float(answers.uncertainty_m[0]) if valid else None,
            neighbour=None if neighbour == NO_REGION else self.regions[neighbour],
            distance_to_border_m=(
                float(answers.distance_to_border_m[0]) if match == COVERS and neighbour != NO_REGION else None
            ),
            status="ok" if valid else "coordinate-invalid",
        )


def _download(address: str, use: Callable[[Path], Lookup]) -> Lookup:
    """Return the result of `use` for the file at an address. The file is deleted; its pages stay mapped."""
    name = Path(urlsplit(address).path).name or "lookup"
    folder = Path(tempfile.mkdtemp(prefix="covidtrends-geo-lookup-"))
    try:
        path = folder / name
        with urlopen(address, timeout=_TIMEOUT_S) as response, path.open("wb") as file:  # noqa: S310 - http or https: see `read`
            received = 0
            while block := response.read(_BLOCK):
                received += len(block)
                if received > DOWNLOAD_MAX_BYTES:
                    raise array_file.DamagedFile(f"{name} has more than {DOWNLOAD_MAX_BYTES} bytes")
                file.write(block)
        return use(path)
    finally:
        # Where an open file cannot be deleted (Windows), the system's own cleaning has to.
        shutil.rmtree(folder, ignore_errors=True)
