"""Fixtures for tests that load boundary files."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from loader import pipeline
from loader.errors import FileRefused
from loader.pipeline import Acceptance, Outcome
from loader.progress import Steps
from loader.source.archive import open_layer
from tests.support import boundary_files as files

# Ordered by foreign keys.
TABLES = (
    "coverage",
    "vintage",
    "region",
    "region_part",
    "region_level",
    "tile_piece",
    "tile_label",
    "overlap",
    "border",
    "counterpart",
    "change",
)


def load_file(path: Path, coverage: str = "health-regions", **options: Any) -> Outcome:
    """Load a file declared by `tests.support.boundary_files.layer`; other options are those of the pipeline."""
    own = {key: options.pop(key) for key in ("acceptance", "dry_run", "again") if key in options}
    return pipeline.load(files.layer(path, coverage, **options), steps=Steps(quiet=True), **own)


def checksums(where: str = "") -> dict[str, tuple[int, str]]:
    """Return the number of rows of every table and a hash of its content.

    `where` is an SQL condition on the vintage `v` of a row (for relations of two vintages, on both); default: all rows.
    """
    vintage = {
        "coverage": "SELECT t FROM coverage t",
        "vintage": "SELECT t FROM vintage t JOIN vintage v ON v.id = t.id",
        "region": "SELECT t FROM region t JOIN vintage v ON v.id = t.vintage_id",
        "region_part": "SELECT t FROM region_part t JOIN vintage v ON v.id = t.vintage_id",
        "region_level": (
            "SELECT t FROM region_level t JOIN region r ON r.id = t.region_id JOIN vintage v ON v.id = r.vintage_id"
        ),
        "tile_piece": "SELECT t FROM tile_piece t JOIN vintage v ON v.id = t.vintage_id",
        "tile_label": "SELECT t FROM tile_label t JOIN vintage v ON v.id = t.vintage_id",
        "overlap": "SELECT t FROM overlap t JOIN vintage v ON v.id = t.fsa_vintage_id",
        "border": "SELECT t FROM border t JOIN region r ON r.id = t.region_id JOIN vintage v ON v.id = r.vintage_id",
        "counterpart": "SELECT t FROM counterpart t JOIN region r ON r.id = t.region_id JOIN vintage v ON v.id = r.vintage_id",
        "change": "SELECT t FROM change t JOIN region r ON r.id = t.region_id JOIN vintage v ON v.id = r.vintage_id",
    }
    also = {
        "overlap": f" AND EXISTS (SELECT FROM vintage v WHERE v.id = t.health_region_vintage_id AND {where})",
        "counterpart": (
            f" AND EXISTS (SELECT FROM region r JOIN vintage v ON v.id = r.vintage_id WHERE r.id = t.other_id AND {where})"
        ),
        "change": f" AND EXISTS (SELECT FROM vintage v WHERE v.id = t.other_vintage_id AND {where})",
    }
    result = {}
    with connection.cursor() as cursor:
        for table in TABLES:
            if where and table == "coverage":
                continue
            condition = f"WHERE {where}{also.get(table, '')}" if where else ""
            cursor.execute(f"SELECT t::text FROM ({vintage[table]} {condition}) AS s ORDER BY 1")
            rows = [row for (row,) in cursor]
            result[table] = (len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest())
    return result


@pytest.fixture
def load(db: None) -> Callable[..., Outcome]:
    """Return a function that loads a file and publishes it."""
    return load_file


@pytest.fixture
def published(load: Callable[..., Outcome], tmp_path: Path) -> dict[str, tuple[int, str]]:
    """Publish four health regions and four FSAs, and return the checksums of the tables."""
    load(files.shape(tmp_path / "published-hr", files.grid()), vintage="2018")
    load(files.shape(tmp_path / "published-fsa", files.fsa_grid(["R3A", "R3B", "R3C", "R3E"])), "fsa", vintage="2016")
    return checksums()


def accept(*gates: str, because: str = "a test", by: str = "tester") -> Acceptance:
    """Return an acceptance of gates."""
    return Acceptance(frozenset(gates), because, by)


SHAPEFILE = {"layer.shp", "layer.shx", "layer.dbf", "layer.prj", "layer.cpg"}


def refusal(path: Path) -> str:
    """Return the message with which a file is refused."""
    with pytest.raises(FileRefused) as caught, open_layer(path):
        pass
    return str(caught.value)


def unpacked_names(path: Path) -> set[str]:
    """Return the names of the files to which a dataset is unpacked."""
    with open_layer(path) as layer:
        return {file.name for file in layer.path.parent.iterdir() if file.suffix}
