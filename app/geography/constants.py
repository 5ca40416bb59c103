"""Constants of geometry, lookups, drawing and comparison, each with its reason."""

import math
from dataclasses import dataclass

from covidtrends_geo.constants import BORDER_EPSILON_M
from geography.translation import Message

SRID_WGS84 = 4326
SRID_WEB_MERCATOR = 3857
SRID_STATCAN_LAMBERT = 3347
# Names of the coordinate reference systems of features, as OGC and EPSG write them. CRS84 is WGS 84 with the longitude first,
# EPSG:4326 with the latitude first.
CRS84 = "CRS84"
EPSG_4326, EPSG_3857, EPSG_3347 = (f"EPSG:{srid}" for srid in (SRID_WGS84, SRID_WEB_MERCATOR, SRID_STATCAN_LAMBERT))
# EPSG:3857: radius of its sphere, and half the width of its square world, in metres.
MERCATOR_RADIUS_M = 6_378_137.0
MERCATOR_HALF_M = math.pi * MERCATOR_RADIUS_M

# Pieces of up to 96 vertices (1.5 kB) stay inside the table's page; larger ones are moved out of line and
# fetched a second time on every lookup. Between 16 and 256 vertices the rate is otherwise alike.
PART_MAX_VERTICES = 96

# Units of EPSG:3347 for a metre on the ground: minimum in Canada.
UNITS_LEAST = 0.96

# Default and maximum distance within which a position off the coast, or beyond the edge of the data, gets the nearest region.
NEAREST_DEFAULT_M = 5_000.0
NEAREST_MAX_M = 50_000.0
ACCURACY_MAX_M = 50_000.0
# A circle that meets many pieces takes long to measure, and one request body can have a hundred thousand positions: a body
# can have at most `INACCURATE_MAX` positions with an accuracy above `ACCURACY_OF_MANY_MAX_M`.
ACCURACY_OF_MANY_MAX_M = 1_000.0
INACCURATE_MAX = 100

# A straight edge of EPSG:3347 is a curve in degrees. Cut to this length, and shorter near the pole (loader.geometry.curves),
# the chord stays within a metre of the curve.
FULL_MAX_SEGMENT_M = 4_000

# Vintages of FSAs and health regions do not follow exactly the same lines, which creates slivers along common borders. An
# overlap with a smaller share of the FSA than this is a sliver; it does not show where people live.
# Copies: data/schema/030_views.sql, web/assets/js/card.js.
SLIVER_SHARE = 0.001

# The width of an overlap with a smaller share of the FSA than this is measured: an overlap that is not wider than the distance
# between the two vintages' lines is an artefact. Larger overlaps always count: the misfit can be a large share of a small FSA.
SLIVER_LARGEST_SHARE = 0.1

# Distances within which two regions have a common border (docs/decisions/0014). In an
# edge-matched layer, neighbours share every vertex, and only the rounding of the pieces separates the lines. In a layer that
# passes the gate `overlaps` without edge matching, 10 m bridge most gaps. In a layer that fails it, gaps reach 250 m.
BORDER_TOLERANCE_EXACT_M = BORDER_EPSILON_M
BORDER_TOLERANCE_NEAR_M = 10.0
BORDER_TOLERANCE_LOOSE_M = 250.0
# A common line shorter than this, or than the tolerance, counts as a common point.
BORDER_SHORTEST_M = 1.0

# Kinds of change of a region between two vintages. `outside`: the other vintage is an extract that does not cover the region.
CHANGE_KINDS = ("kept", "renamed", "recoded", "moved", "split", "merged", "new", "gone", "outside")
# Thresholds of the comparison of two vintages (docs/decisions/0015). A share refers to the part of a region
# that the other vintage covers, so a cartographic and a digital vintage are compared on land.
# At this share or more in both directions, two regions are the same place; smaller differences come from line detail.
CHANGE_SAME_SHARE = 0.95
# At this share or more, a region is entirely inside another.
CHANGE_WHOLE_SHARE = 0.9
# At this share or more in both directions, a region continues another.
CHANGE_MAIN_SHARE = 2 / 3
# Below this share of the larger of two regions with the same code, the code is reused for another place.
CHANGE_REUSED_SHARE = 0.25
# A region with a smaller covered share than this is new or gone. The threshold for an extract is higher: a region that it does
# not cover still exists.
CHANGE_COVERED_SHARE = 0.01
CHANGE_COVERED_BY_EXTRACT_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Level:
    """A level of geometry simplification.

    Attributes:
        name: `low`, `medium`, `high` or `full`.
        tolerance_m: approximate maximum displacement of a line, in metres of EPSG:3347; 0: as published.
        decimals: decimal places of degrees in GeoJSON; 4 is 11 m, 5 is 1.1 m, 6 is 0.11 m.
        max_segment_m: maximum length of a straight edge; longer edges are divided before conversion to degrees.
    """

    name: str
    tolerance_m: float
    decimals: int
    max_segment_m: float


# The coarser levels need four decimals: the smallest FSA is 87 m wide, which is one step of three decimals.
LEVELS: tuple[Level, ...] = (
    Level("low", 2_000, 4, 40_000),
    Level("medium", 200, 4, 20_000),
    Level("high", 25, 5, 8_000),
    Level("full", 0, 6, FULL_MAX_SEGMENT_M),
)
LEVEL_NAMES = tuple(level.name for level in LEVELS)


@dataclass(frozen=True, slots=True)
class TileBand:
    """A range of zooms whose vector tiles are cut from the same simplified geometry.

    Attributes:
        zoom: first zoom of the band; the band ends before the first zoom of the next.
        cell_zoom: zoom of the tiles that are the cells of the stored geometry. A tile reads only its cell, however large a
            region is.
        level: level of the geometry; None for geometry that only tiles use.
        tolerance_m: simplification tolerance in metres if `level` is None; otherwise the level's own applies.
    """

    zoom: int
    cell_zoom: int
    level: str | None
    tolerance_m: float = 0.0


# Up to the last zoom of a band, lines deviate by at most one pixel at the latitudes where people live.
TILE_BANDS: tuple[TileBand, ...] = (
    TileBand(0, 0, None, 10_000),
    TileBand(2, 0, None, 4_000),
    TileBand(4, 0, "low"),
    TileBand(5, 3, "medium"),
    TileBand(8, 6, "high"),
    TileBand(11, 9, "full"),
)
TILE_ZOOM_MAX = 14
# Last zoom in a PMTiles file: the first zoom that is cut from the boundaries as published. A tile unit there is at most 4.8 m,
# a pixel of zoom 14. Each further zoom doubles the size and the time. The demonstration is accurate to 200 m only.
PMTILES_ZOOM_MAX = 11
PMTILES_DEMO_ZOOM_MAX = 7
# Width of a tile in units, and its margin in units: 8 pixels if a tile is displayed with 512.
TILE_EXTENT = 4_096
TILE_BUFFER = 64

COVERAGE_HEALTH_REGIONS = "health-regions"
COVERAGE_FSA = "fsa"
# Names of coverages in messages. Other coverages use their slug.
COVERAGE_WORDS: dict[str, Message] = {COVERAGE_HEALTH_REGIONS: Message("health regions"), COVERAGE_FSA: Message("FSAs")}
