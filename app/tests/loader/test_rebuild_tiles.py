"""manage.py draw_tiles: creation of tiles for a vintage that has none."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import mapbox_vector_tile
import pytest
from django.core.management import CommandError, call_command
from django.utils.translation import gettext, ngettext

from geography.coordinates import TileAddress
from geography.errors import TilesMissing
from geography.models import TileLabel, TilePiece, Vintage
from geography.queries.tiles import tile_draw
from tests.loader.test_levels import rough
from tests.loader.test_tiles import tiles_around
from tests.support import boundary_files as files

COARSE = (0, 2)
FINE = (4, 5, 8, 11)


@pytest.fixture
def before(load: Callable[..., Any], tmp_path: Path) -> tuple[Vintage, dict[TileAddress, bytes]]:
    """Load a layer, delete its tile pieces, and return the vintage and its tiles as drawn before the deletion."""
    vintage: Vintage = load(files.shape(tmp_path, rough(1))).vintage
    tiles = {}
    for zoom in (*COARSE, *FINE):
        for column, row in tiles_around(vintage, zoom)[:6]:
            address = TileAddress(zoom, column, row)
            tiles[address] = tile_draw(vintage=vintage, address=address)
    assert sum(map(bool, tiles.values())) > 8
    TilePiece.objects.all().delete()
    TileLabel.objects.all().delete()
    return vintage, tiles


def command_output(**options: Any) -> str:
    out = StringIO()
    call_command("draw_tiles", stdout=out, verbosity=0, **options)
    return out.getvalue()


def layers(tile: bytes) -> dict[str, list[str]]:
    read = mapbox_vector_tile.decode(tile) if tile else {}
    return {name: [feature["properties"]["code"] for feature in layer["features"]] for name, layer in read.items()}


def test_missing_tiles_error_names_draw_tiles(before: tuple[Vintage, dict[TileAddress, bytes]]) -> None:
    vintage, tiles = before
    with pytest.raises(TilesMissing) as caught:
        tile_draw(vintage=vintage, address=next(iter(tiles)))
    assert caught.value.hint is not None
    assert "manage.py draw_tiles" in caught.value.hint.render(gettext, ngettext)


def test_draw_tiles_equal_tiles_of_the_load(before: tuple[Vintage, dict[TileAddress, bytes]]) -> None:
    vintage, tiles = before
    name = f"{vintage.coverage.slug}/{vintage.label}"
    assert command_output() == f"{name}: drawn\n"
    for address, tile in tiles.items():
        again = tile_draw(vintage=vintage, address=address)
        if address.zoom in FINE:
            assert layers(again) == layers(tile)
            assert len(again) == pytest.approx(len(tile), abs=8)
        else:
            assert layers(again)["regions"] == layers(tile)["regions"]
    assert command_output() == f"{name} has tiles\n"
    assert command_output(vintage=[name], again=True) == f"{name}: drawn\n"
    assert TileLabel.objects.count() == vintage.regions.count()


def test_draw_tiles_of_unpublished_vintage_is_an_error(before: tuple[Vintage, dict[TileAddress, bytes]]) -> None:
    with pytest.raises(CommandError, match="No vintage fsa/1999 is published"):
        command_output(vintage=["fsa/1999"])
