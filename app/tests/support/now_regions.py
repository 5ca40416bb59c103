"""Regions of the tests of /now: health regions in a row from west to east, and FSAs within and across them."""

from datetime import date

from geography.models import Vintage
from tests.support import demo_regions as worlds
from tests.support.lookup_index import build_indexes

# Regions from west to east, 10 km each: Toronto, York, Saguenay, one of Saskatchewan without a relation, Western Nova Scotia,
# and two parts of Interior in British Columbia.
CODES = ("3595", "3570", "2402", "4701", "1201", "5911", "5912")
TORONTO, BORDER, SASKATCHEWAN, NOVA_SCOTIA = (5_000, 5_000), (9_999.5, 5_000), (35_000, 5_000), (45_000, 5_000)
INTERIOR_BORDER = (59_999.5, 5_000)
NOWHERE = {"lat": "0", "lon": "0"}


def publish_regions() -> Vintage:
    """Publish health regions 2022 and FSAs with their indexes: M5V in Toronto, M1A in Toronto (40 %) and York, S7H, A1A."""
    worlds.coverages()
    regions = worlds.make_vintage("health-regions", "2022", date(2022, 1, 1))
    worlds.add_places(
        regions,
        [
            worlds.Place(code, code[:2], ((x, 0, x + 10_000, 10_000),), name_en=f"Region {code}", name_fr=f"Région {code}")
            for x, code in zip(range(0, 70_000, 10_000), CODES, strict=True)
        ],
    )
    fsas = worlds.make_vintage("fsa", "2021", date(2021, 1, 1))
    boxes = {
        "M5V": (0, 8_000),
        "M1A": (8_000, 13_000),
        "S7H": (31_000, 39_000),
        "V1A": (55_000, 65_000),
        "A1A": (80_000, 90_000),
    }
    pruids = {"M": "35", "S": "47", "V": "59", "A": "10"}
    worlds.add_places(
        fsas, [worlds.Place(code, pruids[code[0]], ((west, 0, east, 10_000),)) for code, (west, east) in sorted(boxes.items())]
    )
    worlds.add_overlaps(fsas, regions)
    build_indexes([regions, fsas])
    return regions
