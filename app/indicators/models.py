"""Tables of health indicators. Column comments are part of the SQL contract, as in `geography.models`."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from indicators.statistics import OVERDISPERSION


class Kind(models.TextChoices):
    """Type of an indicator's values."""

    CUMULATIVE = "cumulative"
    COUNT = "count"
    STOCK = "stock"
    PERCENT = "percent"
    CONCENTRATION = "concentration"


class Indicator(models.Model):
    """A quantity reported by place and period."""

    slug = models.SlugField(max_length=40, unique=True, db_comment="Stable name in URLs: cases, deaths.")
    source = models.CharField(max_length=40, db_comment="Name of the source in geodata/series.toml that supplies it.")
    unit = models.CharField(max_length=40, db_comment="Unit of the values: cases, percent, copies/mL.")
    kind = models.CharField(
        max_length=13, choices=Kind, db_comment="cumulative, count (per period), stock, percent or concentration."
    )
    period = models.CharField(max_length=4, db_comment="day or week: the length of a count's period.")
    from_zero = models.BooleanField(
        default=False, db_comment="True if the cumulative total was 0 before the first day of its series."
    )
    coverage = models.CharField(max_length=40, db_comment="Coverage of the reporting regions; empty for other places.")
    vintage_label = models.CharField(max_length=40, db_comment="Vintage of that coverage.")
    name_en = models.TextField(db_comment="English name.")
    name_fr = models.TextField(db_comment="French name.")
    definition_en = models.TextField(blank=True, db_comment="Definition, English.")
    definition_fr = models.TextField(blank=True, db_comment="Definition, French.")
    good_direction = models.CharField(max_length=4, default="none", db_comment="Direction of an improvement: up, down or none.")
    overdispersion = models.FloatField(
        default=OVERDISPERSION,
        db_default=OVERDISPERSION,
        db_comment="Variance of a weekly count divided by its mean, for the interval of a change.",
    )
    cadence = models.JSONField(default=list, db_comment="Declared reporting cadence by province: from, every, weekday.")
    licence = models.TextField(blank=True, db_comment="Name of the licence of the values.")
    licence_url = models.TextField(blank=True, db_comment="URL of the licence.")
    attribution_en = models.TextField(blank=True, db_comment="Attribution required by the licence, English.")
    attribution_fr = models.TextField(blank=True, db_comment="Attribution required by the licence, French.")

    class Meta:
        db_table = "indicator"
        db_table_comment = "Health indicators: quantities reported by place and period."

    def __str__(self) -> str:
        return self.slug


class PlaceKind(models.TextChoices):
    """Kind of a place."""

    COUNTRY = "country"
    PROVINCE = "province"
    REGION = "region"
    UNASSIGNED = "unassigned"
    SITE = "site"


class Place(models.Model):
    """Subject of a value: a region of a vintage, a province, Canada, an unassigned part or a site."""

    kind = models.CharField(max_length=10, choices=PlaceKind, db_comment="country, province, region, unassigned or site.")
    coverage = models.CharField(max_length=40, blank=True, db_comment="Coverage of the region; empty for other places.")
    vintage_label = models.CharField(max_length=40, blank=True, db_comment="Vintage in which the code identifies this place.")
    code = models.CharField(max_length=80, db_comment="Code within the vintage; 9999: no region assigned, by province.")
    pruid = models.CharField(max_length=2, blank=True, db_comment="Province or territory, Statistics Canada code.")
    key = models.CharField(max_length=80, db_comment="Name in URLs: 3595, ON, CA, NS-9999.")
    name_en = models.TextField(db_comment="English name.")
    name_fr = models.TextField(db_comment="French name.")
    other_names = ArrayField(models.TextField(), default=list, db_comment="Other spellings in files.")
    parent = models.ForeignKey(
        "self", models.SET_NULL, null=True, related_name="children", db_comment="Place that contains it."
    )

    class Meta:
        db_table = "place"
        db_table_comment = "Subjects of values. A code identifies a place only within its coverage and vintage."
        constraints = [
            models.UniqueConstraint(fields=["coverage", "vintage_label", "code", "pruid", "kind"], name="place_once"),
            models.UniqueConstraint(fields=["coverage", "vintage_label", "key", "kind"], name="place_key_once"),
        ]

    def __str__(self) -> str:
        return f"{self.coverage} {self.vintage_label} {self.key}".strip()


class PlaceMember(models.Model):
    """Relation of a place to a region of a vintage. A computed one has shares, a declared one has none."""

    place = models.ForeignKey(Place, models.CASCADE, related_name="members", db_comment="The place.")
    coverage = models.CharField(max_length=40, db_comment="Coverage of the region.")
    vintage_label = models.CharField(max_length=40, db_comment="Vintage of the region.")
    code = models.CharField(max_length=20, db_comment="Code of the region in that vintage.")
    method = models.CharField(max_length=8, db_comment="same, sum, common or part_of.")
    share_of_place = models.FloatField(null=True, db_comment="Share of the place's people who live in the region, 0 to 1.")
    share_of_region = models.FloatField(null=True, db_comment="Share of the region's people who live in the place, 0 to 1.")
    basis = models.TextField(db_comment="Basis of the relation.")

    class Meta:
        db_table = "place_member"
        db_table_comment = "Relations of places to regions of other vintages; declared or computed, never guessed from codes."
        constraints = [models.UniqueConstraint(fields=["coverage", "vintage_label", "code", "place"], name="place_member_once")]

    def __str__(self) -> str:
        return f"{self.place_id}: {self.code} ({self.method})"


class Population(models.Model):
    """Inhabitants of a place in a year."""

    place = models.ForeignKey(Place, models.CASCADE, related_name="populations", db_index=False, db_comment="The place.")
    year = models.SmallIntegerField(db_comment="Calendar year; the estimate is for 1 July.")
    people = models.IntegerField(db_comment="Inhabitants.")
    source = models.TextField(db_comment="Source of the estimate.")

    class Meta:
        db_table = "place_population"
        db_table_comment = "Population by place and year."
        constraints = [models.UniqueConstraint(fields=["place", "year"], name="place_population_once")]

    def __str__(self) -> str:
        return f"{self.place_id}: {self.year}"


class PlaceWeight(models.Model):
    """Part of a place's people who live in a region of another vintage."""

    place = models.ForeignKey(Place, models.CASCADE, related_name="weights", db_index=False, db_comment="The place.")
    coverage = models.CharField(max_length=40, db_comment="Coverage of the region.")
    vintage_label = models.CharField(max_length=40, db_comment="Vintage of the region.")
    code = models.CharField(max_length=20, db_comment="Code of the region in that vintage.")
    share_of_place = models.FloatField(db_comment="Share of the place's people who live in the region, 0 to 1.")
    basis = models.CharField(max_length=12, db_comment="Source of the positions of people: blocks or postal_codes.")

    class Meta:
        db_table = "place_weight"
        db_table_comment = "Population weights: shares of a place's people by region of another vintage."
        constraints = [models.UniqueConstraint(fields=["place", "coverage", "vintage_label", "code"], name="place_weight_once")]

    def __str__(self) -> str:
        return f"{self.place_id}: {self.code} ({self.share_of_place})"


class BlockFile(models.Model):
    """File of dissemination blocks whose people are counted instead of postal codes. At most one."""

    file = models.TextField(db_comment="Name of the file.")
    sha256 = models.CharField(max_length=64, db_comment="SHA-256 of the source files, hexadecimal.")
    loaded_at = models.DateTimeField(db_comment="Time of loading, UTC.")
    report = models.JSONField(default=dict, db_comment="Report of the load: blocks, people, points, gates.")

    class Meta:
        db_table = "block_file"
        db_table_comment = "File of dissemination blocks in use for population weights."

    def __str__(self) -> str:
        return self.file


class BlockPoint(models.Model):
    """People of dissemination blocks at a position."""

    lon = models.FloatField(db_comment="Longitude, WGS 84 degrees.")
    lat = models.FloatField(db_comment="Latitude, WGS 84 degrees.")
    people = models.IntegerField(db_comment="Inhabitants.")

    class Meta:
        db_table = "block_point"
        db_table_comment = "Positions and numbers of people in the block file."

    def __str__(self) -> str:
        return f"{self.lon} {self.lat}: {self.people}"


class IssueStatus(models.TextChoices):
    """State of an issue."""

    STAGED = "staged"
    PUBLISHED = "published"
    ROLLED_BACK = "rolled_back"


class Issue(models.Model):
    """A publication of a source."""

    indicator = models.ForeignKey(Indicator, models.CASCADE, related_name="issues", db_comment="The indicator.")
    source = models.CharField(max_length=40, db_comment="Name of the source in geodata/series.toml.")
    issued_at = models.DateTimeField(db_comment="Time of publication by the source, UTC.")
    loaded_at = models.DateTimeField(db_comment="Time of loading, UTC.")
    sha256 = models.CharField(max_length=64, db_comment="SHA-256 of the file's content and of its declaration.")
    file = models.TextField(db_comment="Name of the file.")
    status = models.CharField(
        max_length=11, choices=IssueStatus, db_comment="published, staged (held by gates, without values) or rolled_back."
    )
    report = models.JSONField(default=dict, db_comment="Report of the load: counts, gates, acceptances.")

    class Meta:
        db_table = "indicator_issue"
        db_table_comment = "Issues: publications of the sources of indicators."
        indexes = [models.Index(fields=["indicator", "status", "issued_at"], name="indicator_issue_in_time")]

    def __str__(self) -> str:
        return f"{self.source} {self.issued_at}"


class Series(models.Model):
    """The values of one indicator for one place."""

    id = models.AutoField(primary_key=True)
    indicator = models.ForeignKey(Indicator, models.CASCADE, related_name="series", db_comment="The indicator.")
    place = models.ForeignKey(Place, models.PROTECT, related_name="series", db_comment="The place.")
    derived = models.BooleanField(default=False, db_comment="True for a total of other series, computed at load.")
    first = models.DateField(null=True, db_comment="First day with a value.")
    last = models.DateField(null=True, db_comment="Last day with a value.")
    last_report = models.DateField(null=True, db_comment="Last day on which the source reported.")
    ended_on = models.DateField(
        null=True, db_comment="Last reporting day, if the series stopped before its source; otherwise null."
    )

    class Meta:
        db_table = "indicator_series"
        db_table_comment = "Series: one indicator for one place."
        constraints = [models.UniqueConstraint(fields=["indicator", "place"], name="indicator_series_once")]

    def __str__(self) -> str:
        return f"{self.indicator_id}: {self.place_id}"


class Value(models.Model):
    """A value as stated by one issue, valid until an issue states another."""

    pk = models.CompositePrimaryKey("series_id", "period", "from_issue_id")
    series = models.ForeignKey(Series, models.CASCADE, related_name="values", db_index=False, db_comment="The series.")
    period = models.DateField(db_comment="Day of the value, or last day of its period; a local calendar day.")
    value = models.FloatField(null=True, db_comment="The value; null if there is none.")
    status = models.SmallIntegerField(
        db_comment="0 reported, 1 carried, 2 not_reported, 3 unassigned, 4 suppressed, 5 capped, 6 withdrawn, 7 estimated."
    )
    from_issue = models.ForeignKey(Issue, models.CASCADE, related_name="+", db_comment="First issue that contains it.")
    to_issue = models.ForeignKey(
        Issue, models.CASCADE, null=True, related_name="+", db_comment="First issue that does not contain it; null: current."
    )

    class Meta:
        db_table = "indicator_value"
        db_table_comment = "Values as published. Current: to_issue_id is null."
        constraints = [
            models.UniqueConstraint(
                fields=["series", "period"],
                condition=Q(to_issue=None),
                include=["value", "status"],
                name="indicator_value_current",
            )
        ]
        indexes = [
            models.Index(
                fields=["period", "series"],
                condition=Q(to_issue=None),
                include=["value", "status"],
                name="indicator_value_by_period",
            )
        ]

    def __str__(self) -> str:
        return f"{self.series_id}: {self.period}"


class Blob(models.Model):
    """A measure of a series by day, derived at publication."""

    series = models.ForeignKey(Series, models.CASCADE, related_name="blobs", db_index=False, db_comment="The series.")
    measure = models.CharField(max_length=12, db_comment="value, cumulative, new_1d, new_7d or rate_7d.")
    start = models.DateField(db_comment="Day of the first element of the arrays; one element a day.")
    values = ArrayField(models.FloatField(null=True), db_comment="The measure; null if there is none.")
    statuses = ArrayField(models.SmallIntegerField(), db_comment="Status of each element, as in indicator_value.")
    lags = ArrayField(models.SmallIntegerField(), db_comment="Days since the report of each element.")
    spans = ArrayField(models.SmallIntegerField(), db_comment="Number of days that each element covers, up to that report.")

    class Meta:
        db_table = "indicator_blob"
        db_table_comment = "Measures by day as arrays, derived at publication."
        constraints = [models.UniqueConstraint(fields=["series", "measure"], name="indicator_blob_once")]

    def __str__(self) -> str:
        return f"{self.series_id}: {self.measure}"


class Note(models.Model):
    """A dated remark of the source about its values."""

    indicator = models.ForeignKey(Indicator, models.CASCADE, related_name="notes", db_comment="The indicator.")
    place = models.ForeignKey(Place, models.CASCADE, null=True, related_name="+", db_comment="The place; null: everywhere.")
    day_from = models.DateField(null=True, db_comment="First day of the remark; null: from the beginning.")
    day_to = models.DateField(null=True, db_comment="Last day of the remark; null: to the end.")
    text_en = models.TextField(db_comment="The remark, English.")
    text_fr = models.TextField(blank=True, db_comment="The remark, French; empty if there is none.")
    url = models.TextField(blank=True, db_comment="URL of the statement by the source.")

    class Meta:
        db_table = "indicator_note"
        db_table_comment = "Dated remarks about the values of an indicator."

    def __str__(self) -> str:
        return f"{self.indicator_id}: {self.day_from} to {self.day_to}"
