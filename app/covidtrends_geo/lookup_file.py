"""Lookup file of a vintage: the compiled spatial index with its regions, source and licence. Written once, never changed."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple

import numpy as np
import shapely

from covidtrends_geo import array_file
from covidtrends_geo.array_file import DamagedFile
from covidtrends_geo.boxes import Nodes
from covidtrends_geo.compiler import compile_tree
from covidtrends_geo.engine import Engine
from covidtrends_geo.grids import Grids, build_grids
from covidtrends_geo.search import TreeSearch
from covidtrends_geo.tree import Tree, nodes_of, smallest
from covidtrends_geo.vertices import Vertices, pack
from covidtrends_geo.zones import build_zones

FORMAT = "covidtrends-geo-lookup"
# A reader refuses files of a newer version. A change that older readers would misread takes the next number.
# 2: grids and zones. 3: packed vertices, grids and zones.
VERSION = 3


class NewerFormat(DamagedFile):
    """The file was written by a newer version of this package."""


class Region(NamedTuple):
    """A region of a vintage.

    Attributes:
        code: its HRUID or CFSAUID.
        dguid: None where the source has none.
        pruid: code of its province.
        misfit_m: distance in metres by which its border may be off in its vintage; 0 where that was not measured.
    """

    code: str
    dguid: str | None
    name_en: str
    name_fr: str
    pruid: str
    misfit_m: float = 0.0


class LookupFile(NamedTuple):
    """An open lookup file. The number of a region is its index in `regions`.

    Attributes:
        metadata: texts by name: coverage, vintage, source, licence.
        regions: ordered by code.
    """

    metadata: Mapping[str, str]
    regions: Sequence[Region]
    engine: Engine


def write(
    path: Path,
    *,
    regions: Iterable[tuple[Region, shapely.Geometry]],
    metadata: Mapping[str, str],
    advance: Callable[[int], None] = lambda _: None,
) -> None:
    """Compile regions into a lookup file.

    Takes about three seconds of processor for a million vertices, and memory for the largest region.

    Args:
        regions: ordered by code, with valid polygons in EPSG:3347 (metres), as published.
        metadata: texts to store.
        advance: called with the number of vertices read or written; each vertex counts twice.
    """
    described: list[Region] = []

    def geometries() -> Iterable[shapely.Geometry]:
        for region, geometry in regions:
            described.append(region)
            yield geometry

    with TemporaryFile(dir=path.parent) as vertices:
        tree = compile_tree(geometries(), vertices, folder=path.parent, advance=advance)
        count = vertices.tell() // 16
        vertices.flush()
        written = np.memmap(vertices, np.float64, "r", shape=(count, 2)) if count else np.empty((0, 2))
        packed = pack(written, path.parent)
    nodes = nodes_of(tree)
    search = TreeSearch(tree, nodes, packed)
    grids = build_grids(search)
    arrays = {
        **tree.compact()._asdict(),
        **packed.arrays(),
        "boxes": nodes.boxes,
        "owners": smallest(nodes.owners, len(described)),
        **{f"grid_{name}": array for name, array in grids._asdict().items()},
        "zones": build_zones(search, np.array([region.misfit_m for region in described])),
    }
    texts = {"format": FORMAT, "version": str(VERSION), "crs": "EPSG:3347", **metadata, "regions": json.dumps(described)}
    array_file.write(path, texts, arrays)


def open_file(path: Path) -> LookupFile:
    """Return an open file. Takes milliseconds; `array_file.verify` checks the content.

    Raises: DamagedFile for a file that is truncated or no lookup file; NewerFormat; OSError.
    """
    metadata, arrays = array_file.open_mapped(path)
    if metadata.get("format") != FORMAT:
        raise DamagedFile(f"{path.name} is not a lookup file")
    version = metadata.get("version", "")
    if version.isdecimal() and int(version) > VERSION:
        raise NewerFormat(f"{path.name} has format version {version}; this version reads {VERSION}")
    if version != str(VERSION):
        raise DamagedFile(f"{path.name} has no format version that this version reads")
    try:
        tree = Tree(*(arrays[name] for name in Tree._fields))
        nodes = Nodes(arrays["boxes"], arrays["owners"])
        regions = tuple(Region(*row) for row in json.loads(metadata["regions"]))
        grids = Grids(*(arrays[f"grid_{name}"] for name in Grids._fields))
        search = TreeSearch(tree, nodes, Vertices.of_arrays(arrays), grids)
        engine = Engine(search, [region.misfit_m for region in regions], arrays["zones"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise DamagedFile(f"{path.name} is damaged ({type(error).__name__})") from error
    return LookupFile(metadata, regions, engine)
