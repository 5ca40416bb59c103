"""Regions by code, name, province, bounding box or position, with pagination; errors for missing regions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from geography.codes import Province, is_dguid, normal_code
from geography.constants import COVERAGE_WORDS
from geography.coordinates import Bbox, LambertBox, LonLat
from geography.errors import FsaWithoutBoundary, OtherVintage, RegionUnknown
from geography.lookup.locate import position_locate
from geography.models import Region, Status, Vintage
from geography.normalize import normalize, spelling_variants
from geography.queries.bbox import bbox_filter
from geography.queries.region_rows import RegionRow, columns_and_join, region_rows, rows
from geography.translation import Message, Plural

_MATCHING_SQL = """
    WITH matching AS MATERIALIZED (SELECT region.id, region.code FROM region WHERE {conditions})
"""
# A region entirely in the box needs no test of its boundary; the pieces decide for all others. An array instead of a join makes
# PostgreSQL combine two indexes in a single scan of the pieces.
_MATCHING_IN_BOX_SQL = """
    WITH near AS MATERIALIZED (
        SELECT region.id, region.code, {inside} AS inside FROM region WHERE {conditions} AND {near}
    ), matching AS MATERIALIZED (
        SELECT id, code FROM near
        WHERE inside OR id IN (
            SELECT part.region_id FROM region_part AS part
            WHERE part.region_id = ANY (ARRAY(SELECT id FROM near WHERE NOT inside)) AND {meets}
        )
    )
"""
_PAGE_SQL = """
    {matching} SELECT {columns}, (SELECT count(*) FROM matching)
    FROM (SELECT id FROM matching ORDER BY code LIMIT %(limit)s OFFSET %(offset)s) AS page
    JOIN region ON region.id = page.id {join}
    ORDER BY region.code
"""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list of regions.

    Attributes:
        regions: in the order of their codes.
        matched: number of regions on all pages.
    """

    regions: Sequence[RegionRow]
    matched: int


def regions_page(
    *,
    vintage: Vintage,
    level: str | None,
    limit: int | None,
    offset: int = 0,
    province: Province | None = None,
    search: str | None = None,
    code: str | None = None,
    bbox: Bbox | LambertBox | None = None,
    position: LonLat | None = None,
    texts: bool = True,
) -> Page:
    """Return the regions of a vintage that meet every condition.

    Args:
        level: `low`, `medium`, `high` or `full`; None: no geometry.
        limit, offset: page of the list; limit None: no limit. A page beyond the end is empty.
        search: words that all occur in a name or the code; case, accents, hyphens and dashes do not matter.
        code: the region with this code.
        bbox: regions that intersect the box; `west > east` of a box in degrees crosses the antimeridian.
        position: regions that cover the position; several on a common border.
        texts: False for rows with the level and the size of the geometry, but without its text.

    Queries: 1, none if no region can meet the conditions; 1 more for a position, and 1 for a page beyond the end.
    """
    selection = _selection(vintage=vintage, province=province, search=search, code=code, bbox=bbox, position=position)
    if selection is None:
        return Page([], 0)
    matching, parameters = selection
    parameters |= {"level": level, "limit": limit, "offset": offset}
    columns, join = columns_and_join(level, texts=texts)
    page = rows(_PAGE_SQL.format(matching=matching, columns=columns, join=join), parameters)
    if page:
        return Page([RegionRow._make(row[:-1]) for row in page], page[0][-1])
    return Page([], rows(f"{matching} SELECT count(*) FROM matching", parameters)[0][0] if offset else 0)


def regions_count(
    *,
    vintage: Vintage,
    province: Province | None = None,
    search: str | None = None,
    code: str | None = None,
    bbox: Bbox | LambertBox | None = None,
    position: LonLat | None = None,
) -> int:
    """Return the number of regions of a vintage that meet every condition of `regions_page`.

    Queries: none without a condition or if no region can meet them, else 1, and 1 more for a position.
    """
    if province is None and search is None and code is None and bbox is None and position is None:
        return vintage.region_count
    selection = _selection(vintage=vintage, province=province, search=search, code=code, bbox=bbox, position=position)
    if selection is None:
        return 0
    matching, parameters = selection
    count: int = rows(f"{matching} SELECT count(*) FROM matching", parameters)[0][0]
    return count


def _selection(
    *,
    vintage: Vintage,
    province: Province | None,
    search: str | None,
    code: str | None,
    bbox: Bbox | LambertBox | None,
    position: LonLat | None,
) -> tuple[str, dict[str, Any]] | None:
    """Return the SQL of a table `matching`, the regions that meet every condition, and its parameters; None for no region."""
    conditions = ["region.vintage_id = %(vintage)s"]
    parameters: dict[str, Any] = {"vintage": vintage.pk}
    if province is not None:
        conditions.append("region.pruid = %(pruid)s")
        parameters["pruid"] = province.pruid
    if search is not None:
        words = normalize(search).split()
        if not words:
            return None
        for word in words:
            conditions.append(_holds(word, parameters))
    if code is not None:
        conditions.append("region.code = %(code)s")
        parameters["code"] = code
    box = None
    if bbox is not None:
        box = bbox_filter(bbox)
        if box is None:
            return None
        parameters |= box.parameters
    if position is not None:
        (located,) = position_locate(position=position, vintages=[vintage])
        conditions.append("region.code = ANY (%(covering)s)")
        parameters["covering"] = [region.code for region in located.covering]
    where = " AND ".join(conditions)
    if box is None:
        return _MATCHING_SQL.format(conditions=where), parameters
    return _MATCHING_IN_BOX_SQL.format(conditions=where, near=box.near, inside=box.inside, meets=box.meets), parameters


def region_codes(vintage: Vintage) -> list[str]:
    """Return the codes of the regions of a vintage, in order. Queries: 1."""
    return list(Region.objects.filter(vintage=vintage).order_by("code").values_list("code", flat=True))


def region_get(*, vintage: Vintage, region_id: str, level: str | None) -> RegionRow:
    """Return one region by its code (HRUID, CFSAUID) or by its DGUID.

    Raises: RegionUnknown, with the other published vintages that have the code.
    Queries: 1, and 1 more for the hint of the error.
    """
    key = normal_code(region_id)
    # A code of another coverage can look like a DGUID; a code takes precedence over another region's DGUID.
    match = "(region.code = %(key)s OR region.dguid = %(key)s)" if is_dguid(key) else "region.code = %(key)s"
    where = f"WHERE region.vintage_id = %(vintage)s AND {match} ORDER BY region.code <> %(key)s, region.id LIMIT 1"
    regions = region_rows(where, {"vintage": vintage.pk, "key": key}, level)
    if not regions:
        elsewhere = _elsewhere(Q(code=key) | Q(dguid=key) if is_dguid(key) else Q(code=key), vintage)
        raise RegionUnknown(
            Message(
                "There is no region '%(code)s' in vintage %(vintage)s of %(coverage)s.",
                code=region_id,
                coverage=COVERAGE_WORDS.get(vintage.coverage.slug, vintage.coverage.slug),
                vintage=vintage.label,
            ),
            parameter="id",
            hint=_elsewhere_hint(elsewhere),
            elsewhere=elsewhere,
        )
    return regions[0]


def fsa_get(*, vintage: Vintage, code: str, level: str | None) -> RegionRow:
    """Return one FSA by its three characters.

    Raises: FsaWithoutBoundary for a possible FSA without a boundary in the vintage, with the previous and next FSA.
    Queries: 1, and 3 more for the hint of the error.
    """
    where = "WHERE region.vintage_id = %(vintage)s AND region.code = %(code)s"
    regions = region_rows(where, {"vintage": vintage.pk, "code": code}, level)
    if not regions:
        raise fsa_missing(code, vintage)
    return regions[0]


def fsa_missing(code: str, vintage: Vintage) -> FsaWithoutBoundary:
    """Return the error for an FSA without a boundary in the vintage, with the previous and next FSA. Queries: 3."""
    return fsa_without_boundary(
        code, vintage, neighbours=_before_and_after(code, vintage), elsewhere=_elsewhere(Q(code=code), vintage)
    )


def fsa_without_boundary(
    code: str, vintage: Vintage, *, neighbours: tuple[str, ...] = (), elsewhere: tuple[OtherVintage, ...] = ()
) -> FsaWithoutBoundary:
    """Return the error for a possible FSA without a boundary in the vintage. Queries: none."""
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
        hint=_elsewhere_hint(elsewhere),
        elsewhere=elsewhere,
    )


def _elsewhere(by: Q, vintage: Vintage) -> tuple[OtherVintage, ...]:
    """Return the regions of other published vintages of the coverage that have a code, the latest vintage first. Queries: 1."""
    regions = (
        Region.objects.filter(by, vintage__coverage=vintage.coverage_id, vintage__status=Status.PUBLISHED)
        .exclude(vintage=vintage)
        .order_by("-vintage__effective_from", "-vintage")
        .values_list("vintage__label", "code", "name_en", "name_fr")
    )
    return tuple(OtherVintage(vintage.coverage.slug, *columns) for columns in regions)


def _elsewhere_hint(elsewhere: tuple[OtherVintage, ...]) -> Message | None:
    if not elsewhere:
        return None
    labels = [other.vintage for other in elsewhere]
    return Plural("It is in vintage %(labels)s.", "It is in vintages %(labels)s.", count=len(labels), labels=labels)


def _before_and_after(code: str, vintage: Vintage) -> tuple[str, ...]:
    """Return the previous and the next code with the same first letter, if any."""
    codes = Region.objects.filter(vintage=vintage, code__startswith=code[0])
    before = codes.filter(code__lt=code).order_by("-code").values_list("code", flat=True)[:1]
    after = codes.filter(code__gt=code).order_by("code").values_list("code", flat=True)[:1]
    return (*before, *after)


def _holds(word: str, parameters: dict[str, Any]) -> str:
    """Return the SQL condition that a normalised word occurs in any of its spellings, and add its parameters."""
    conditions = []
    for spelling in spelling_variants(word):
        name = f"word_{len(parameters)}"
        parameters[name] = spelling
        conditions.append(f"strpos(region.search_text, %({name})s) > 0")
    return f"({' OR '.join(conditions)})"
