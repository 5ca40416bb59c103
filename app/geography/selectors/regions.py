"""Regions by code, by what they are called and by where they lie."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from django.db.models import Case, F, FilteredRelation, IntegerField, Q, QuerySet, TextField, Value, When
from django.db.models.expressions import Func, RawSQL

from geography.codes import Province, is_dguid
from geography.conf import COVERAGE_WORDS, SRID_STATCAN_LAMBERT, SRID_WGS84
from geography.coordinates import CANADA_EAST, CANADA_NORTH, CANADA_SOUTH, CANADA_WEST, Bbox, LonLat
from geography.errors import FsaWithoutBoundary, RegionUnknown
from geography.messages import Message, Plural
from geography.models import Region, Status, Vintage
from geography.selectors.positions import position_locate
from geography.selectors.shapes import WHOLE_MAX_BYTES
from geography.text import fold, spellings

# A box follows meridians and parallels, which are no straight lines in the projection.
_BOX_SQL = f"ST_Transform(ST_Segmentize(ST_MakeEnvelope(%s, %s, %s, %s, {SRID_WGS84}), 0.25), {SRID_STATCAN_LAMBERT})"

# Degrees, about a millimetre: a box without width or height is no polygon, and what touches a box must not fall outside
# by a rounding.
_BOX_MARGIN = 1e-8
# Degrees: extents are of curved edges, so hardly anything is missing in them.
_NEAR_BOX = 0.1

# A region whose extent lies inside the box needs no look at its boundary, nor does one whose extent is apart from it; for the
# others the pieces decide.
_IN_BOX_SQL = f"""
    SELECT region.id FROM region, (SELECT {_BOX_SQL} AS geom OFFSET 0) AS box
    WHERE region.vintage_id = %s AND (
        (region.extent[1] >= %s AND region.extent[2] >= %s AND region.extent[3] <= %s AND region.extent[4] <= %s)
        OR (region.extent[3] >= %s AND region.extent[4] >= %s AND region.extent[1] <= %s AND region.extent[2] <= %s
            AND EXISTS (
                SELECT FROM region_part AS part WHERE part.region_id = region.id AND ST_Intersects(part.geom, box.geom)
            ))
    )
"""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list.

    Attributes:
        regions: in the order of their codes. With a level each has its geometry as `drawn` says; without, None.
        matched: how many there are in all.
    """

    regions: Sequence[Region]
    matched: int


def regions_page(
    *,
    vintage: Vintage,
    level: str | None,
    limit: int,
    offset: int = 0,
    province: Province | None = None,
    search: str | None = None,
    bbox: Bbox | None = None,
    position: LonLat | None = None,
) -> Page:
    """Return the regions of a vintage that meet every condition given.

    Args:
        level: `low`, `medium`, `high` or `full` for the geometry, None for none.
        limit, offset: which part of the list; beyond its end the part is empty.
        search: words that all occur in a name or the code; case, accents, hyphens and dashes do not matter.
        bbox: regions that intersect the box; `west > east` crosses the antimeridian.
        position: regions that cover it; all of them on a shared border.

    Queries: 2, and 1 more for a position.
    """
    regions = Region.objects.filter(vintage=vintage)
    if province is not None:
        regions = regions.filter(pruid=province.pruid)
    if search is not None:
        words = fold(search).split()
        regions = regions.filter(*(_holds(word) for word in words)) if words else regions.none()
    if bbox is not None:
        regions = regions.filter(_in_box(vintage, bbox))
    if position is not None:
        (located,) = position_locate(position=position, vintages=[vintage])
        regions = regions.filter(pk__in=[region.id for region in located.covering])
    matched = regions.count()
    return Page(list(drawn(regions.order_by("code"), level)[offset : offset + limit]), matched)


def region_get(*, vintage: Vintage, region_id: str, level: str | None) -> Region:
    """Return one region by its code (HRUID, CFSAUID) or by its DGUID, with `geojson` set as for `Page`.

    Raises: RegionUnknown, naming the other published vintages that do have it: codes come and go.
    Queries: 1, and 1 more to say where it is instead.
    """
    key = region_id.strip().upper()
    # A code of another coverage may look like a DGUID.
    by = Q(code=key) | Q(dguid=key) if is_dguid(key) else Q(code=key)
    region = drawn(Region.objects.filter(by, vintage=vintage), level).first()
    if region is None:
        raise RegionUnknown(
            Message(
                "There is no region '%(code)s' in vintage %(vintage)s of %(coverage)s.",
                code=region_id,
                coverage=COVERAGE_WORDS.get(vintage.coverage.slug, vintage.coverage.slug),
                vintage=vintage.label,
            ),
            parameter="id",
            hint=_elsewhere(by, vintage),
        )
    return region


def fsa_get(*, vintage: Vintage, code: str, level: str | None) -> Region:
    """Return one FSA by its three characters, with `geojson` set as for `Page`.

    Raises: FsaWithoutBoundary for a possible FSA that this vintage holds no polygon of, with those before and after it.
    Queries: 1, and 3 more to say what there is instead.
    """
    fsa = drawn(Region.objects.filter(vintage=vintage, code=code), level).first()
    if fsa is None:
        raise fsa_without_boundary(
            code, vintage, neighbours=_before_and_after(code, vintage), hint=_elsewhere(Q(code=code), vintage)
        )
    return fsa


def fsa_without_boundary(
    code: str, vintage: Vintage, *, neighbours: tuple[str, ...] = (), hint: Message | None = None
) -> FsaWithoutBoundary:
    """Return the error for a possible FSA that a vintage holds no polygon of, to be raised or told. Queries: none."""
    why = (
        Message("that vintage covers a part of the country")
        if vintage.extract
        else Message("Canada Post uses more codes than the census does")
    )
    return FsaWithoutBoundary(
        Message(
            "%(code)s is a possible FSA, but FSA vintage %(vintage)s has no boundary of it: %(why)s.",
            code=code,
            vintage=vintage.label,
            why=why,
        ),
        code=code,
        neighbours=neighbours,
        parameter="code",
        hint=hint,
    )


def _elsewhere(by: Q, vintage: Vintage) -> Message | None:
    labels = (
        Region.objects.filter(by, vintage__coverage=vintage.coverage_id, vintage__status=Status.PUBLISHED)
        .exclude(vintage=vintage)
        .order_by("-vintage__effective_from")
        .values_list("vintage__label", flat=True)
    )
    found = list(labels)
    if not found:
        return None
    return Plural("It is in vintage %(labels)s.", "It is in vintages %(labels)s.", count=len(found), labels=found)


def _before_and_after(code: str, vintage: Vintage) -> tuple[str, ...]:
    """Return the codes next to this one in the order of codes, of the same first letter: at most two."""
    codes = Region.objects.filter(vintage=vintage, code__startswith=code[0])
    before = codes.filter(code__lt=code).order_by("-code").values_list("code", flat=True)[:1]
    after = codes.filter(code__gt=code).order_by("code").values_list("code", flat=True)[:1]
    return (*before, *after)


def drawn(regions: QuerySet[Region], level: str | None) -> QuerySet[Region]:
    """Return the regions without the stored boundary, and with the ready-made text of one level as `geojson`.

    `geojson` is None where `level` is, and where the text is longer than WHOLE_MAX_BYTES: it is then read as a
    `shapes.LongShape` of `geojson_bytes` bytes. `drawn_extent` is the bbox of what is drawn: at a coarse level it may differ
    from the region's own by as much as a line may move. Without a level it is the region's own. Queries: none yet.
    """
    regions = regions.defer("geom", "rep_point", "search_text", "attributes")
    if level is None:
        nothing = {"geojson": RawSQL("NULL::text", ()), "geojson_bytes": Value(0), "drawn_level": Value(None, TextField())}
        return regions.annotate(**nothing, drawn_extent=F("extent"))
    return regions.annotate(
        drawn=FilteredRelation("levels", condition=Q(levels__level=level)),
        drawn_level=F("drawn__level"),
        # How long a stored text is stands beside it: nothing is read to find out.
        geojson_bytes=Func("drawn__geojson", function="octet_length", output_field=IntegerField()),
        geojson=Case(When(geojson_bytes__lte=WHOLE_MAX_BYTES, then=F("drawn__geojson")), output_field=TextField()),
        drawn_extent=F("drawn__extent"),
    )


def _holds(word: str) -> Q:
    return reduce(or_, (Q(search_text__contains=spelling) for spelling in spellings(word)))


def _in_box(vintage: Vintage, bbox: Bbox) -> Q:
    wanted = Q(pk__in=[])
    halves = [(bbox.west, bbox.east)] if bbox.west <= bbox.east else [(bbox.west, 180.0), (-180.0, bbox.east)]
    for west, east in halves:
        # Only around Canada is the projection defined everywhere, and nothing of ours lies outside.
        box = (
            max(west, CANADA_WEST) - _BOX_MARGIN,
            max(bbox.south, CANADA_SOUTH) - _BOX_MARGIN,
            min(east, CANADA_EAST) + _BOX_MARGIN,
            min(bbox.north, CANADA_NORTH) + _BOX_MARGIN,
        )
        around = (box[0] - _NEAR_BOX, box[1] - _NEAR_BOX, box[2] + _NEAR_BOX, box[3] + _NEAR_BOX)
        if box[0] <= box[2] and box[1] <= box[3]:
            wanted |= Q(pk__in=RawSQL(_IN_BOX_SQL, (*box, vintage.pk, *box, *around)))  # noqa: S611 - parameters are bound
    return wanted
