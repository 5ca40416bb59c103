"""Tables of the domain. Analysts read the column comments in psql and in the generated dictionary."""

import uuid

from django.contrib.gis.db import models
from django.contrib.postgres.fields import ArrayField
from django.db.models import Q

from geography.constants import SRID_STATCAN_LAMBERT, SRID_WEB_MERCATOR, SRID_WGS84


class Coverage(models.Model):
    """A kind of region that fills the country without gaps or overlaps: health regions, FSAs."""

    slug = models.SlugField(max_length=40, unique=True, db_comment="Stable name in URLs: health-regions, fsa.")
    name_en = models.TextField(db_comment="English name.")
    name_fr = models.TextField(db_comment="French name.")

    class Meta:
        db_table = "coverage"
        db_table_comment = "Kinds of regions that fill the country without gaps or overlaps."

    def __str__(self) -> str:
        return self.slug


class Status(models.TextChoices):
    """State of a vintage. Only published vintages are served."""

    STAGED = "staged"
    PUBLISHED = "published"
    RETIRED = "retired"


class Representation(models.TextChoices):
    """Digital boundaries run into the water, cartographic ones end at the shoreline."""

    DIGITAL = "digital"
    CARTOGRAPHIC = "cartographic"


class Vintage(models.Model):
    """Vintage of a coverage's boundaries, with its source and the report of its load."""

    coverage = models.ForeignKey(Coverage, models.PROTECT, related_name="vintages", db_comment="The coverage.")
    label = models.CharField(max_length=40, db_comment="Name of the vintage in URLs, such as 2022.")
    effective_from = models.DateField(db_comment="First day on which this vintage is in force.")
    effective_to = models.DateField(
        null=True, db_comment="First day on which the vintage is no longer in force; null: until a later vintage is published."
    )
    representation = models.CharField(
        max_length=12,
        choices=Representation,
        db_comment="digital (runs into the water) or cartographic (ends at the shoreline).",
    )
    status = models.CharField(max_length=9, choices=Status, default=Status.STAGED, db_comment="staged, published or retired.")
    demo = models.BooleanField(default=False, db_comment="True for demonstration boundaries: not for decisions.")
    extract = models.BooleanField(default=False, db_comment="True for an extract, which covers a part of the country.")
    layer = models.CharField(max_length=80, db_comment="Name of the layer in geodata/sources.toml, or ad-hoc.")
    product = models.TextField(blank=True, db_comment="Title of the source product.")
    source_url = models.TextField(blank=True, db_comment="URL of the source file.")
    source_file = models.TextField(blank=True, db_comment="Name of the source file.")
    source_sha256 = models.CharField(max_length=64, db_comment="SHA-256 of the source file, hexadecimal.")
    licence = models.TextField(blank=True, db_comment="Name of the licence.")
    licence_url = models.TextField(blank=True, db_comment="URL of the licence.")
    attribution_en = models.TextField(blank=True, db_comment="Attribution required by the licence, English.")
    attribution_fr = models.TextField(blank=True, db_comment="Attribution required by the licence, French.")
    region_count = models.IntegerField(default=0, db_comment="Number of regions.")
    misfit_m = models.FloatField(null=True, db_comment="Largest misfit_m of the regions, metres; null if not measured.")
    report = models.JSONField(default=dict, db_comment="Report of the load: counts, repairs, gates, acceptances.")
    load_id = models.UUIDField(
        default=uuid.uuid4,
        unique=True,
        editable=False,
        db_comment="Random identifier of the load. Unlike the primary key it is never reused after a restore.",
    )
    created_at = models.DateTimeField(auto_now_add=True, db_comment="Time of staging.")
    published_at = models.DateTimeField(null=True, db_comment="Time of the last publication.")
    weights_at = models.DateTimeField(
        null=True, db_comment="Time of the last computation of its population weights; null: never."
    )
    retired_by = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        related_name="retirees",
        db_comment="Vintage whose publication retired this vintage; its rollback publishes this vintage again.",
    )

    class Meta:
        db_table = "vintage"
        db_table_comment = "Vintages of boundaries. A code is unique only within its vintage."
        constraints = [
            models.UniqueConstraint(
                fields=["coverage", "label"], condition=Q(status="published"), name="vintage_one_published_per_label"
            ),
            models.CheckConstraint(
                condition=Q(effective_to=None) | Q(effective_to__gt=models.F("effective_from")), name="vintage_dates_in_order"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.coverage.slug} {self.label}"


class Region(models.Model):
    """A health region, an FSA or a region of any other coverage, in one vintage."""

    vintage = models.ForeignKey(Vintage, models.CASCADE, related_name="regions", db_comment="The vintage.")
    code = models.CharField(max_length=20, db_comment="HRUID or CFSAUID; text with leading zeros.")
    dguid = models.CharField(
        max_length=21, null=True, db_comment="Dissemination Geography Unique Identifier; null if the source has none."
    )
    name_en = models.TextField(db_comment="English name.")
    name_fr = models.TextField(db_comment="French name.")
    search_text = models.TextField(db_comment="Both names and the code without accents, case and punctuation.")
    pruid = models.CharField(max_length=2, db_comment="Province or territory, Statistics Canada code (10 to 62).")
    population = models.IntegerField(null=True, db_comment="Inhabitants; null if the source has no number.")
    land_area_km2 = models.FloatField(null=True, db_comment="Land area in km2; null if the source has none.")
    attributes = models.JSONField(default=dict, db_comment="All other fields of the source, unchanged.")
    geom = models.MultiPolygonField(
        srid=SRID_STATCAN_LAMBERT,
        db_comment="Boundary as published, EPSG:3347 (metres), not simplified; repaired only if it was invalid.",
    )
    repaired = models.BooleanField(default=False, db_comment="True if the published geometry was invalid.")
    area_km2 = models.FloatField(db_comment="Area of geom in km2 on the GRS 80 ellipsoid.")
    misfit_m = models.FloatField(
        null=True,
        db_comment="Width of the widest overlap with, or gap to, another region of the vintage, metres; null if not measured.",
    )
    extent = ArrayField(models.FloatField(), size=4, db_comment="West, south, east, north of geom in EPSG:4326 (degrees).")
    rep_point = models.PointField(srid=SRID_WGS84, db_comment="A point on the surface of geom, EPSG:4326.")

    class Meta:
        db_table = "region"
        db_table_comment = "Regions of all vintages with their boundaries as published."
        constraints = [models.UniqueConstraint(fields=["vintage", "code"], name="region_code_unique_in_vintage")]
        indexes = [models.Index(fields=["vintage", "dguid"], name="region_dguid")]

    def __str__(self) -> str:
        return f"{self.code} ({self.vintage_id})"


class RegionPart(models.Model):
    """A piece of a region's geometry for point lookups, small enough for a selective index and a fast test."""

    region = models.ForeignKey(Region, models.CASCADE, related_name="parts", db_comment="Region of the piece.")
    # Copied from the region, so that a lookup filters by vintage without a join. The spatial index drives the search.
    vintage = models.ForeignKey(Vintage, models.CASCADE, related_name="+", db_index=False, db_comment="The region's vintage.")
    geom = models.PolygonField(
        srid=SRID_STATCAN_LAMBERT, db_comment="Piece of region.geom, EPSG:3347 (metres), at most 96 vertices."
    )

    class Meta:
        db_table = "region_part"
        db_table_comment = "Pieces of region.geom for point lookups. Adjacent pieces of a region share their edges."


class RegionLevel(models.Model):
    """Geometry of a region at one level, for drawing only; point lookups never use it."""

    region = models.ForeignKey(Region, models.CASCADE, related_name="levels", db_index=False, db_comment="The region.")
    level = models.CharField(max_length=6, db_comment="low, medium, high or full.")
    tolerance_m = models.FloatField(db_comment="Maximum displacement of a line, metres; 0: as published.")
    vertices = models.IntegerField(db_comment="Number of vertices of geom.")
    extent = ArrayField(models.FloatField(), size=4, db_comment="West, south, east, north of geom in degrees: a GeoJSON bbox.")
    geom = models.MultiPolygonField(
        srid=SRID_WGS84,
        db_comment="EPSG:4326 on the grid of the level; exterior rings counter-clockwise, long edges densified.",
    )
    geojson = models.TextField(db_comment="GeoJSON geometry (RFC 7946) of geom, as text.")

    class Meta:
        db_table = "region_level"
        db_table_comment = "Simplified regions for drawing; all regions of a vintage together, without gaps or overlaps."
        constraints = [models.UniqueConstraint(fields=["region", "level"], name="region_level_once")]


class TilePiece(models.Model):
    """Part of a simplified region in one cell of a tile band and its margin: see `geography.constants.TILE_BANDS`."""

    region = models.ForeignKey(Region, models.CASCADE, related_name="tile_pieces", db_comment="The region.")
    vintage = models.ForeignKey(Vintage, models.CASCADE, related_name="+", db_index=False, db_comment="The region's vintage.")
    zoom = models.SmallIntegerField(db_comment="First zoom of the tiles that use the piece.")
    cell_x = models.IntegerField(db_comment="Column of the cell; a cell is a tile of a lower zoom.")
    cell_y = models.IntegerField(db_comment="Row of the cell.")
    geom = models.MultiPolygonField(
        srid=SRID_WEB_MERCATOR, spatial_index=False, db_comment="Geometry clipped to the cell with a margin, EPSG:3857."
    )

    class Meta:
        db_table = "tile_piece"
        db_table_comment = "Simplified regions cut into cells, the source of vector tiles."
        indexes = [models.Index(fields=["vintage", "zoom", "cell_x", "cell_y"], name="tile_piece_cell")]


class TileLabel(models.Model):
    """Position of a region's name on a map."""

    region = models.OneToOneField(Region, models.CASCADE, related_name="label", db_comment="The region.")
    vintage = models.ForeignKey(Vintage, models.CASCADE, related_name="+", db_comment="The region's vintage.")
    radius_m = models.FloatField(db_comment="Radius of the largest circle around geom within the region, units of EPSG:3857.")
    geom = models.PointField(
        srid=SRID_WEB_MERCATOR,
        spatial_index=False,
        db_comment="Point of the region's largest part that is farthest from its border (pole of inaccessibility), EPSG:3857.",
    )

    class Meta:
        db_table = "tile_label"
        db_table_comment = "Label positions of regions on maps, at most one for each region."


class Artefact(models.TextChoices):
    """Reason why an overlap is not a share: a sliver as wide as the vintages' misfit, or a province the FSA excludes."""

    SLIVER = "sliver"
    PROVINCE = "province"


class Overlap(models.Model):
    """Overlap of an FSA and a health region: area and shares."""

    fsa = models.ForeignKey(Region, models.CASCADE, related_name="health_region_overlaps", db_comment="The FSA.")
    health_region = models.ForeignKey(Region, models.CASCADE, related_name="fsa_overlaps", db_comment="The health region.")
    fsa_vintage = models.ForeignKey(Vintage, models.CASCADE, related_name="+", db_index=False, db_comment="Vintage of the FSA.")
    health_region_vintage = models.ForeignKey(Vintage, models.CASCADE, related_name="+", db_comment="Vintage of the region.")
    area_km2 = models.FloatField(db_comment="Common area, km2 on the GRS 80 ellipsoid.")
    share_of_fsa = models.FloatField(db_comment="Common area as a share of the FSA, 0 to 1.")
    share_of_region = models.FloatField(db_comment="Common area as a share of the health region, 0 to 1.")
    width_m = models.FloatField(
        null=True,
        db_comment="Diameter of the largest circle in the common area, metres; for small shares and across provinces.",
    )
    artefact = models.CharField(
        max_length=8,
        null=True,
        choices=Artefact,
        db_comment="Kind of artefact: sliver or province; empty for a real overlap, null until classified.",
    )
    share_outside = models.FloatField(
        null=True,
        db_comment="Share of the FSA outside all health regions, 0 to 1.",
    )
    share_of_people = models.FloatField(
        null=True, db_comment="Share of the FSA's people who live in the region, 0 to 1; null if not known."
    )
    people_basis = models.CharField(max_length=12, null=True, db_comment="Source of share_of_people: blocks or postal_codes.")

    class Meta:
        db_table = "overlap"
        db_table_comment = "Overlaps of FSAs and health regions, with shares of area and of people."
        constraints = [
            models.UniqueConstraint(fields=["fsa", "health_region"], name="overlap_once"),
            models.UniqueConstraint(
                fields=["fsa_vintage", "health_region_vintage", "fsa", "health_region"], name="overlap_by_vintages"
            ),
        ]


class Border(models.Model):
    """Common line of two regions of a vintage. Each pair has two rows, one in each direction."""

    region = models.ForeignKey(Region, models.CASCADE, related_name="borders", db_index=False, db_comment="The region.")
    neighbour = models.ForeignKey(Region, models.CASCADE, related_name="+", db_comment="Adjacent region.")
    length_km = models.FloatField(db_comment="Length of the border, km on the GRS 80 ellipsoid; 0 for a point.")
    tolerance_m = models.FloatField(db_comment="Maximum distance of the lines of a common border, metres.")

    class Meta:
        db_table = "border"
        db_table_comment = "Adjacent regions of a vintage with the length of their border; a row for each direction."
        constraints = [models.UniqueConstraint(fields=["region", "neighbour"], name="border_once")]


class Kind(models.TextChoices):
    """Kind of change of a region, from its own vintage to another, later or earlier."""

    KEPT = "kept"
    RENAMED = "renamed"
    RECODED = "recoded"
    MOVED = "moved"
    SPLIT = "split"
    MERGED = "merged"
    GONE = "gone"
    OUTSIDE = "outside"


class Change(models.Model):
    """Change of a region between its vintage and another vintage of the coverage."""

    region = models.ForeignKey(Region, models.CASCADE, related_name="changes", db_index=False, db_comment="The region.")
    other_vintage = models.ForeignKey(
        Vintage, models.CASCADE, related_name="+", db_index=False, db_comment="Vintage of the comparison."
    )
    kind = models.CharField(
        max_length=7,
        choices=Kind,
        db_comment="Kind of change from the region's vintage to that vintage: kept, renamed, recoded, moved, split, merged, "
        "gone, or outside (of an extract).",
    )
    share_outside = models.FloatField(db_comment="Share of the region outside all regions of that vintage, 0 to 1.")
    code_reused = models.BooleanField(
        default=False,
        db_comment="True if that vintage uses the code for another area (under a quarter in common).",
    )

    class Meta:
        db_table = "change"
        db_table_comment = "Changes of regions between two vintages, for every published pair in both directions."
        constraints = [models.UniqueConstraint(fields=["other_vintage", "region"], name="change_once")]
        indexes = [models.Index(fields=["region"], name="change_region")]


class Counterpart(models.Model):
    """Common area of regions of two vintages of a coverage. Each pair has two rows, one in each direction."""

    region = models.ForeignKey(Region, models.CASCADE, related_name="counterparts", db_index=False, db_comment="The region.")
    other_region = models.ForeignKey(
        Region, models.CASCADE, related_name="+", db_column="other_id", db_comment="Region of another vintage."
    )
    area_km2 = models.FloatField(db_comment="Common area, km2 on the GRS 80 ellipsoid.")
    share_of_region = models.FloatField(db_comment="Common area as a share of the region, 0 to 1.")
    share_of_other = models.FloatField(db_comment="Common area as a share of the other region, 0 to 1.")

    class Meta:
        db_table = "counterpart"
        db_table_comment = "Overlaps of regions of two vintages of a coverage; a row for each direction."
        constraints = [models.UniqueConstraint(fields=["region", "other_region"], name="counterpart_once")]
