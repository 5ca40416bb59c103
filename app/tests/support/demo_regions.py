"""Demo regions, inserted directly into the tables: a small map with known positions.

Offsets are metres east and north of `ORIGIN`, in EPSG:3347, near Toronto:

    20 km ┌──────────────┬─────────────────────────────┐
          │              │ 3504 (FSA P0L)              │
    10 km ├──────┬───────┴──────┬──────────────────────┤
     ▣    │ 3501 ┊    │  3502 ▢ │  2401 (FSA G7H)      │      ▣ island of 3501 at x = -6 to -4 km
     0    └──────┴────┴─────────┴──────────────────────┘      ▢ 3503, an enclave in 3502
          0      5    10        20                     30

3501 is cut into pieces at x = 5 km. FSA M5V is x = 0 to 8 km, M1A x = 8 to 13 km: 40 % in 3501, 60 % in 3502.
6101 and FSA X1A lie far away, north of 60°. (3504 begins at x = 10 km.)
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

import orjson
from django.contrib.gis.gdal import CoordTransform, SpatialReference
from django.contrib.gis.geos import MultiPolygon, Point, Polygon

from geography.constants import BORDER_TOLERANCE_EXACT_M, LEVELS, SRID_STATCAN_LAMBERT, SRID_WGS84
from geography.models import Coverage, Overlap, Region, RegionLevel, RegionPart, Status, Vintage
from geography.normalize import normalize
from loader.relations.borders import compute_borders
from loader.relations.changes import compute_changes, missing_pairs
from tests.support.table_snapshot import TableSnapshot

ORIGIN = (7_200_000.0, 900_000.0)
# (6,200,000, 3,000,000) of EPSG:3347 is at 63.4° north.
NORTH = (-1_000_000, 2_100_000)

Box = tuple[float, float, float, float]


@cache
def _to(srid: int) -> CoordTransform:
    # Cached: creating a transformation for each geometry would take most of the tests' time.
    return CoordTransform(SpatialReference(SRID_STATCAN_LAMBERT), SpatialReference(srid))


@cache
def lonlat(x: float, y: float) -> tuple[float, float]:
    """Return the WGS 84 position, longitude first, of an offset in metres."""
    point: Any = Point(ORIGIN[0] + x, ORIGIN[1] + y, srid=SRID_STATCAN_LAMBERT).transform(_to(SRID_WGS84), clone=True)
    lon, lat = point.coords
    return lon, lat


def position(x: float, y: float) -> dict[str, str]:
    """Return the query parameters of an offset in metres."""
    lon, lat = lonlat(x, y)
    return {"lat": repr(lat), "lon": repr(lon)}


def _ring(box: Box) -> list[tuple[float, float]]:
    (east, north), (x1, y1, x2, y2) = ORIGIN, box
    corners = [(x1, y1), (x2, y1), (x2, y2), (x1, y2), (x1, y1)]
    return [(east + x, north + y) for x, y in corners]


@dataclass(frozen=True)
class Place:
    """Definition of a region: boxes in metres; `parts` are the pieces for lookups (the boxes if empty)."""

    code: str
    pruid: str
    boxes: tuple[Box, ...]
    hole: Box | None = None
    parts: tuple[Box, ...] = ()
    name_en: str = ""
    name_fr: str = ""
    population: int | None = None
    more: dict[str, Any] = field(default_factory=dict, hash=False)

    @property
    def geom(self) -> MultiPolygon:
        holes = [list(reversed(_ring(self.hole)))] if self.hole else []
        polygons = [Polygon(_ring(box), *(holes if number == 0 else [])) for number, box in enumerate(self.boxes)]
        return MultiPolygon(*polygons, srid=SRID_STATCAN_LAMBERT)


_NORTH_BOX: Box = (NORTH[0], NORTH[1], NORTH[0] + 100_000, NORTH[1] + 100_000)

HEALTH_REGIONS_2022 = (
    Place(
        "2401",
        "24",
        ((20_000, 0, 30_000, 10_000),),
        name_en="Région du Saguenay—Lac-Saint-Jean",
        name_fr="Région du Saguenay—Lac-Saint-Jean",
        population=None,
    ),
    Place(
        "3501",
        "35",
        ((0, 0, 10_000, 10_000), (-6_000, 2_000, -4_000, 4_000)),
        parts=((0, 0, 5_000, 10_000), (5_000, 0, 10_000, 10_000), (-6_000, 2_000, -4_000, 4_000)),
        name_en="West Health Unit",
        name_fr="Circonscription sanitaire de l'Ouest",
        population=1_000,
    ),
    Place(
        "3502",
        "35",
        ((10_000, 0, 20_000, 10_000),),
        hole=(14_000, 4_000, 16_000, 6_000),
        parts=(
            (10_000, 0, 14_000, 10_000),
            (14_000, 0, 16_000, 4_000),
            (14_000, 6_000, 16_000, 10_000),
            (16_000, 0, 20_000, 10_000),
        ),
        name_en="East Health Unit",
        name_fr="Circonscription sanitaire de l'Est",
    ),
    Place("3503", "35", ((14_000, 4_000, 16_000, 6_000),), name_en="Enclave Health Unit", name_fr="Enclave"),
    Place("3504", "35", ((10_000, 10_000, 30_000, 20_000),), name_en="Upper Health Unit", name_fr="Œuvre du Haut"),
    Place("6101", "61", (_NORTH_BOX,), name_en="Northwest Territories", name_fr="Territoires du Nord-Ouest"),
)
# In vintage 2018, region 3501 covers 3501, 3502 and 3503 of vintage 2022.
HEALTH_REGIONS_2018 = (
    Place("2401", "24", ((20_000, 0, 30_000, 10_000),), name_en="Saguenay", name_fr="Saguenay"),
    Place("3501", "35", ((0, 0, 20_000, 10_000),), name_en="Whole Health Unit", name_fr="Circonscription entière"),
)
HEALTH_REGIONS_DEMO = (Place("3501", "35", ((0, 0, 10_000, 10_000),), name_en="Made up", name_fr="Inventée"),)

FSAS_2021 = (
    Place("G7H", "24", ((20_000, 0, 30_000, 10_000),)),
    Place("M1A", "35", ((8_000, 0, 13_000, 10_000),)),
    Place("M5V", "35", ((0, 0, 8_000, 10_000),)),
    Place("P0L", "35", ((10_000, 10_000, 30_000, 20_000),)),
    Place("X1A", "61", (_NORTH_BOX,)),
)
FSAS_DEMO = (Place("M5V", "35", ((0, 0, 8_000, 10_000),)),)
FSAS_EXTRACT = (Place("M5V", "35", ((0, 0, 7_000, 10_000),)),)


@dataclass(frozen=True)
class World:
    """The vintages by (coverage, label)."""

    vintages: dict[tuple[str, str], Vintage]


_snapshots: dict[bool, TableSnapshot] = {}


def build(*, related: bool = False) -> World:
    """Insert the vintages and, with `related`, their borders and changes; return them.

    `2022` and `2021` are in force. The demo vintages are older: only a date or their label selects them. The rows are computed
    once in a process, and restored from a snapshot after that if the tables are empty.
    """
    if Coverage.objects.exists():
        return _compute(related=related)
    if related not in _snapshots:
        world = _compute(related=related)
        _snapshots[related] = TableSnapshot()
        return world
    _snapshots[related].restore()
    vintages = Vintage.objects.select_related("coverage").order_by("pk")
    return World({(vintage.coverage.slug, vintage.label): vintage for vintage in vintages})


def _compute(*, related: bool) -> World:
    coverages()
    vintages = {}
    for slug, label, start, end, places, more in (
        ("health-regions", "2022", date(2022, 1, 1), None, HEALTH_REGIONS_2022, {}),
        ("health-regions", "2018", date(2018, 1, 1), date(2022, 1, 1), HEALTH_REGIONS_2018, {}),
        ("health-regions", "demo", date(2005, 1, 1), None, HEALTH_REGIONS_DEMO, {"demo": True}),
        ("fsa", "2021", date(2021, 1, 1), None, FSAS_2021, {}),
        ("fsa", "demo", date(2005, 1, 1), None, FSAS_DEMO, {"demo": True}),
        ("fsa", "extract", date(2021, 6, 1), None, FSAS_EXTRACT, {"extract": True, "representation": "cartographic"}),
        ("fsa", "draft", date(2022, 6, 1), None, FSAS_DEMO, {"status": Status.STAGED}),
    ):
        vintage = make_vintage(slug, label, start, effective_to=end, region_count=len(places), **more)
        add_places(vintage, places)
        vintages[slug, label] = vintage
    for fsa, health_regions in (("2021", "2022"), ("2021", "2018"), ("demo", "demo"), ("extract", "2022")):
        add_overlaps(vintages["fsa", fsa], vintages["health-regions", health_regions])
    world = World(vintages)
    if related:
        relate(world)
    return world


def relate(world: World) -> None:
    """Add the borders of every published vintage, and the changes between every two vintages."""
    for vintage in world.vintages.values():
        if vintage.status == Status.PUBLISHED:
            compute_borders(vintage, BORDER_TOLERANCE_EXACT_M, _ignore_progress)
            for value, other in missing_pairs(vintage):
                compute_changes(value, other, _ignore_progress)


def _ignore_progress(number: int) -> None:
    """Progress callback that does nothing."""


def coverages() -> None:
    """Create the two coverages unless they exist."""
    for slug, name_en, name_fr in (("health-regions", "Health regions", "Régions sociosanitaires"), ("fsa", "FSAs", "RTA")):
        Coverage.objects.get_or_create(slug=slug, defaults={"name_en": name_en, "name_fr": name_fr})


def make_vintage(coverage: str, label: str, effective_from: date, **more: Any) -> Vintage:
    """Create a published digital vintage without regions."""
    defaults: dict[str, Any] = {
        "status": Status.PUBLISHED,
        "representation": "digital",
        "layer": "test",
        "source_sha256": "0" * 64,
        "product": f"Boundaries {label}",
        "licence": "Open Licence",
        "attribution_en": f"Source: {coverage} {label}",
        "attribution_fr": f"Source : {coverage} {label}",
    }
    return Vintage.objects.create(
        coverage=Coverage.objects.get(slug=coverage), label=label, effective_from=effective_from, **(defaults | more)
    )


def add_places(vintage: Vintage, places: Iterable[Place]) -> list[Region]:
    """Add regions with their pieces and levels."""
    places = tuple(places)
    regions = Region.objects.bulk_create(_region(vintage, place) for place in places)
    RegionPart.objects.bulk_create(
        RegionPart(region=region, vintage=vintage, geom=Polygon(_ring(box), srid=SRID_STATCAN_LAMBERT))
        for region, place in zip(regions, places, strict=True)
        for box in place.parts or place.boxes
    )
    RegionLevel.objects.bulk_create(
        RegionLevel(region=region, **level) for region, place in zip(regions, places, strict=True) for level in _levels(place)
    )
    return regions


def add_overlaps(fsa_vintage: Vintage, health_region_vintage: Vintage) -> None:
    """Add the overlaps of the FSAs of one vintage with the health regions of another."""
    rows = []
    for fsa in fsa_vintage.regions.all():
        for region in health_region_vintage.regions.all():
            shared = fsa.geom.intersection(region.geom).area
            if shared > 1:
                shares = {"share_of_fsa": shared / fsa.geom.area, "share_of_region": shared / region.geom.area}
                rows.append(
                    Overlap(
                        fsa=fsa,
                        health_region=region,
                        fsa_vintage=fsa_vintage,
                        health_region_vintage=health_region_vintage,
                        area_km2=shared / 1e6,
                        **shares,
                    )
                )
    Overlap.objects.bulk_create(rows)


def _region(vintage: Vintage, place: Place) -> Region:
    geom = place.geom
    west, south, east, north = _drawn(place).extent
    name_en, name_fr = place.name_en or place.code, place.name_fr or place.code
    prefix = "A0007" if len(place.code) == 4 else "A0011"
    x1, y1, x2, y2 = place.boxes[0]
    # A tenth of the box from its corner: never in a hole.
    inside = Point(*lonlat(x1 + (x2 - x1) / 10, y1 + (y2 - y1) / 10), srid=SRID_WGS84)
    return Region(
        vintage=vintage,
        code=place.code,
        dguid=f"{vintage.effective_from.year}{prefix}{place.code}",
        name_en=name_en,
        name_fr=name_fr,
        search_text=normalize(f"{name_en} {name_fr} {place.code}"),
        pruid=place.pruid,
        population=place.population,
        geom=geom,
        area_km2=geom.area / 1e6,
        extent=[west, south, east, north],
        rep_point=inside,
    )


@cache
def _drawn(place: Place) -> Any:
    return place.geom.transform(_to(SRID_WGS84), clone=True)


@cache
def _levels(place: Place) -> tuple[dict[str, Any], ...]:
    geom = _drawn(place)
    return tuple(
        {
            "level": level.name,
            "tolerance_m": level.tolerance_m,
            "vertices": geom.num_coords,
            "extent": [round(side, 3 + number) for side in geom.extent],
            "geom": geom,
            # Each level has a different number of decimals, so that tests can tell levels apart.
            "geojson": orjson.dumps({"type": "MultiPolygon", "coordinates": _rounded(geom.coords, 3 + number)}).decode(),
        }
        for number, level in enumerate(LEVELS)
    )


def _rounded(coordinates: Any, decimals: int) -> Any:
    if isinstance(coordinates, float):
        return round(coordinates, decimals)
    return [_rounded(coordinate, decimals) for coordinate in coordinates]
