"""The numbers the service is built on, each with its reason."""

from dataclasses import dataclass

from geography.translation import Message

SRID_WGS84 = 4326
SRID_WEB_MERCATOR = 3857
SRID_STATCAN_LAMBERT = 3347

# Pieces of up to 96 vertices (1.5 kB) stay inside the table's page; larger ones are moved out of line and
# fetched a second time on every lookup. Between 16 and 256 vertices the rate is otherwise alike.
PART_MAX_VERTICES = 96

# A point this near a border is on it: transforming to EPSG:3347 and back moves a point by a few nanometres, and cutting a
# polygon into pieces moves its edge by about as much. Nothing measured on the ground is as exact as a millimetre.
BORDER_EPSILON_M = 0.001

# Positions come in WGS 84 and boundaries in NAD83. The two frames are up to 2 m apart in Canada and the transformation
# between them is taken as null, so nearer to a border than this the side that a point is on is unknown.
DATUM_UNCERTAINTY_M = 2.0

# What a device reports as accuracy is the radius that the true position is within in 95 of 100 cases (W3C Geolocation API).
# Of an error that is normal in both directions, 1.5 times that radius holds 99.88 of 100; how often an answer is wrong
# all the same, benchmarks/certainty.py measures.
ACCURACY_FACTOR = 1.5

# Units of EPSG:3347 to a metre on the ground: at least so many in Canada, at most so many from 40 degrees north to
# `POLAR_LATITUDE`, and at most so many from there to a millimetre off the pole, where the projection stretches without limit.
UNITS_LEAST = 0.96
UNITS_MOST = 1.1
UNITS_MOST_POLAR = 12.0
POLAR_LATITUDE = 84.5

# A circle around a position is drawn with this many sides a quarter: its area is 0.04 % short of a circle's.
CIRCLE_QUARTER_SEGMENTS = 32
# How far off the coast, or beyond the edge of the data, the nearest region still is an answer: by default, and at most.
NEAREST_DEFAULT_M = 5_000.0
NEAREST_MAX_M = 50_000.0
ACCURACY_MAX_M = 50_000.0
# A circle of many pieces takes long to measure, and of positions in one body there may be a hundred thousand: over so many
# metres only so many are answered.
ACCURACY_OF_MANY_MAX_M = 1_000.0
INACCURATE_MAX = 100

# A straight edge of EPSG:3347 is a curve in degrees. Cut to this length, and shorter near the pole (loader.geometry.curves),
# the chord stays within a metre of the curve.
FULL_MAX_SEGMENT_M = 4_000


# Vintages of FSAs and health regions are not drawn along the same lines: where they should meet, slivers overlap. An overlap
# with less than this part of an FSA is one of them and no statement about where people live.
SLIVER_SHARE = 0.001

# Overlaps with less than this part of an FSA are measured: one no wider than the two vintages' lines are apart is an artefact.
# Larger ones always count, however narrow: in a small FSA the lines' misfit is a large part.
SLIVER_LARGEST_SHARE = 0.1

# What counts as the border of two regions (docs/decisions: what a border between two regions is). Where neighbours share
# every vertex, the lines are one line but for the rounding of the pieces. Where a layer passes the gate `overlaps` without
# being edge-matched, 10 m bridge most of what parts its lines; in one that fails it, neighbours are up to 250 m apart.
BORDER_TOLERANCE_EXACT_M = BORDER_EPSILON_M
BORDER_TOLERANCE_NEAR_M = 10.0
BORDER_TOLERANCE_LOOSE_M = 250.0
# A common line shorter than this, or than the tolerance, is a point at which regions meet.
BORDER_SHORTEST_M = 1.0

# What can become of a region from one vintage to another. `outside`: the other vintage is an extract and does not say.
CHANGE_KINDS = ("kept", "renamed", "recoded", "moved", "split", "merged", "new", "gone", "outside")
# How two vintages are compared (docs/decisions: what became of a region). Shares are of that part of a region which the other
# vintage covers: one that ends at the shoreline is compared with one that runs into the water on land.
# From here up, both ways, two regions are one place: what differs less is how finely lines are drawn.
CHANGE_SAME_SHARE = 0.95
# From here up, a region lies whole in another.
CHANGE_WHOLE_SHARE = 0.9
# From here up, both ways, a region continues another.
CHANGE_MAIN_SHARE = 2 / 3
# Below this part of the larger of the two, the same code means another place.
CHANGE_REUSED_SHARE = 0.25
# A region of which the other vintage covers less than this has nothing there to be compared with: it is new or gone. Of an
# extract it takes more, since what it leaves out is not gone.
CHANGE_COVERED_SHARE = 0.01
CHANGE_COVERED_BY_EXTRACT_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Level:
    """How a region is drawn at one level of detail.

    Attributes:
        name: `low`, `medium`, `high` or `full`.
        tolerance_m: how far, roughly, a line may move, in metres of EPSG:3347; 0 is as published.
        decimals: of the degrees in GeoJSON; 4 is 11 m, 5 is 1.1 m, 6 is 0.11 m.
        max_segment_m: longer straight edges are cut before they are turned into degrees.
    """

    name: str
    tolerance_m: float
    decimals: int
    max_segment_m: float


# Four decimals at the coarser levels: the smallest FSA is 87 m across, which is one step of three decimals.
LEVELS: tuple[Level, ...] = (
    Level("low", 2_000, 4, 40_000),
    Level("medium", 200, 4, 20_000),
    Level("high", 25, 5, 8_000),
    Level("full", 0, 6, FULL_MAX_SEGMENT_M),
)
LEVEL_NAMES = tuple(level.name for level in LEVELS)


@dataclass(frozen=True, slots=True)
class TileBand:
    """The zooms of the vector tiles that are cut from one drawing.

    Attributes:
        zoom: the first of them; the last is the one before the next band's first.
        cell_zoom: the drawing is stored cut along the tiles of this zoom, so that a tile reads what is near it, however large
            a region is.
        level: the level that is cut, None for a drawing that only tiles use.
        tolerance_m: of that drawing; the level's own otherwise.
    """

    zoom: int
    cell_zoom: int
    level: str | None
    tolerance_m: float = 0.0


# A line is off by a pixel at most, at the latitudes where people live, up to the next band's first zoom.
TILE_BANDS: tuple[TileBand, ...] = (
    TileBand(0, 0, None, 10_000),
    TileBand(2, 0, None, 4_000),
    TileBand(4, 0, "low"),
    TileBand(5, 3, "medium"),
    TileBand(8, 6, "high"),
    TileBand(11, 9, "full"),
)
TILE_ZOOM_MAX = 14
# In a file of all tiles: the first zoom that is drawn from the boundaries as published. A unit is at most 4.8 m there, a pixel
# of zoom 14, and each zoom beyond doubles the file and the time. What is made up is drawn within 200 m.
PMTILES_ZOOM_MAX = 11
PMTILES_DEMO_ZOOM_MAX = 7
# Units across a tile, and how far beyond its edge it reaches: 8 pixels of the 512 that a tile is drawn with.
TILE_EXTENT = 4_096
TILE_BUFFER = 64

COVERAGE_HEALTH_REGIONS = "health-regions"
COVERAGE_FSA = "fsa"
# What messages call them. Any other coverage goes by its slug.
COVERAGE_WORDS: dict[str, Message] = {COVERAGE_HEALTH_REGIONS: Message("health regions"), COVERAGE_FSA: Message("FSAs")}
