"""Population weights from points: shares of an FSA's people by health region, and of a place's people by region."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property

import numpy as np
import numpy.typing as npt
from django.db import connection, transaction
from django.db.models import Count, Q
from django.utils import timezone

from covidtrends_geo.array_file import DamagedFile
from covidtrends_geo.lookup import Lookup
from covidtrends_geo.lookup_file import open_file
from geography.constants import COVERAGE_HEALTH_REGIONS, SLIVER_SHARE
from geography.download_files import lookup_path
from geography.models import Overlap, Status, Vintage
from indicators.models import Place, PlaceKind, PlaceMember, PlaceWeight
from loader.progress import Steps
from loader.weights.points import Points, read_points
from loader.weights.relations import Joint, Overlay

# Smaller parts of a place come from borders that two vintages draw differently: under 0.5 % of its people.
LEAST_SHARE_OF_PLACE = 0.005

_STORE_SQL = """
    UPDATE overlap SET share_of_people = weights.share, people_basis = %(basis)s
    FROM unnest(%(ids)s::bigint[], %(shares)s::float8[]) AS weights (id, share)
    WHERE overlap.id = weights.id
"""


class Located:
    """Codes of the regions at the points, by vintage. Points are read when they are needed, each vintage is searched once."""

    def __init__(self) -> None:
        self._codes: dict[int, npt.NDArray[np.str_]] = {}

    @cached_property
    def points(self) -> Points:
        """Positions of people. Queries: 1, the first time."""
        return read_points()

    def codes(self, vintage: Vintage) -> npt.NDArray[np.str_]:
        """Return the code of the region that covers each point; empty where none does.

        Raises: OSError, DamagedFile where the vintage has no usable lookup index.
        """
        if vintage.pk not in self._codes:
            lookup = Lookup(open_file(lookup_path(vintage)))
            self._codes[vintage.pk] = lookup.locate(self.points.lon, self.points.lat).code
        return self._codes[vintage.pk]

    def fsas(self, vintage: Vintage) -> npt.NDArray[np.str_]:
        """Return the FSA of each point: as the postal codes say, or that of the vintage which covers it."""
        return self.codes(vintage) if self.points.fsa is None else self.points.fsa


def complete(vintage: Vintage, steps: Steps, *, again: bool = False) -> None:
    """Compute the weights that a vintage lacks, with every other vintage; `again`: those of its places anew.

    One transaction. A vintage without a lookup index gets none: responses then order by area.
    """
    try:
        with transaction.atomic():
            located = Located()
            _compute_all_fsa_shares(vintage, located)
            compute_place_weights(located, renew=vintage if again else None)
    except (OSError, DamagedFile) as error:
        # The next start computes them: `pipeline.complete`.
        steps.say(f"population weights of {vintage} not computed ({error}): shares are of area. Run manage.py export.")


def complete_places() -> None:
    """Compute the weights of places that are missing. A vintage without a lookup index gets none. Queries: as
    `compute_place_weights`.
    """
    with suppress(OSError, DamagedFile):
        compute_place_weights(Located())


def compute_all(located: Located) -> None:
    """Recompute the weights of all published vintages. Raises: as `Located.codes`."""
    PlaceWeight.objects.all().delete()
    Overlap.objects.exclude(people_basis=None).update(share_of_people=None, people_basis=None)
    for vintage in Vintage.objects.filter(coverage__slug=COVERAGE_HEALTH_REGIONS, status=Status.PUBLISHED):
        _compute_all_fsa_shares(vintage, located)
    compute_place_weights(located)


def _compute_all_fsa_shares(vintage: Vintage, located: Located) -> None:
    """Compute the shares of people of every FSA vintage with this one that has none yet. Queries: 3, and 2 for each pair."""
    stored = [pair for pair in _pairs(vintage) if compute_fsa_shares(*pair, located)]
    _stamp(vintage for pair in stored for vintage in pair)


def _pairs(vintage: Vintage) -> list[tuple[Vintage, Vintage]]:
    """Return the (FSA vintage, health-region vintage) pairs of this vintage without weights, both staged or published."""
    usable = Q(fsa_vintage__status=Status.PUBLISHED) & Q(health_region_vintage__status=Status.PUBLISHED)
    own = Q(fsa_vintage=vintage, health_region_vintage__status=Status.PUBLISHED)
    own |= Q(health_region_vintage=vintage, fsa_vintage__status=Status.PUBLISHED)
    rows = Overlap.objects.filter(Q(fsa_vintage=vintage) | Q(health_region_vintage=vintage)).filter(own | usable)
    pairs = rows.values("fsa_vintage", "health_region_vintage").annotate(weights=Count("people_basis")).filter(weights=0)
    ids = sorted((pair["fsa_vintage"], pair["health_region_vintage"]) for pair in pairs)
    vintages = Vintage.objects.select_related("coverage").in_bulk({pk for pair in ids for pk in pair})
    return [(vintages[fsa], vintages[region]) for fsa, region in ids]


def compute_fsa_shares(fsa_vintage: Vintage, region_vintage: Vintage, located: Located) -> bool:
    """Store the share of each FSA's people in each health region that it overlaps.

    Artefacts and slivers get none. Points in a region that the FSA does not overlap are misplaced and left out, as are points
    outside every region, except for an extract. The shares of an FSA sum to 1, in an extract to at most 1; an FSA without a
    point gets none.

    Returns: whether there were shares to store.

    Queries: 2.
    """
    overlaps: dict[str, dict[str, int]] = defaultdict(dict)
    rows = Overlap.objects.filter(fsa_vintage=fsa_vintage, health_region_vintage=region_vintage, artefact="")
    for pk, fsa, region in rows.filter(share_of_fsa__gte=SLIVER_SHARE).values_list("pk", "fsa__code", "health_region__code"):
        overlaps[fsa][region] = pk
    fsas = located.fsas(fsa_vintage)
    mine = np.flatnonzero(np.isin(fsas, list(overlaps)))
    if not len(mine):
        return False
    counts: dict[int, float] = defaultdict(float)
    totals: dict[str, float] = defaultdict(float)
    columns = (fsas[mine], located.codes(region_vintage)[mine], located.points.weight[mine])
    for fsa, region, weight in zip(*(column.tolist() for column in columns), strict=True):
        if region in overlaps[fsa]:
            counts[overlaps[fsa][region]] += weight
        if region in overlaps[fsa] or (not region and region_vintage.extract):
            totals[fsa] += weight
    shares = {pk: counts[pk] / totals[fsa] for fsa, regions in overlaps.items() if totals[fsa] for pk in regions.values()}
    with connection.cursor() as cursor:
        cursor.execute(_STORE_SQL, {"basis": located.points.basis, "ids": [*shares], "shares": [*shares.values()]})
    return bool(shares)


def compute_place_weights(located: Located, *, renew: Vintage | None = None) -> None:
    """Store the missing shares of the people of places by health region of other published vintages.

    The relations that follow from it are stored with it, between places and regions without declared ones.

    Args:
        renew: vintage, published or about to be, whose weights are recomputed.

    Queries: 4, and 6 for each pair of vintages with missing weights.
    """
    published = Q(status=Status.PUBLISHED) | Q(pk=renew.pk if renew else None)
    vintages = list(Vintage.objects.select_related("coverage").filter(published, extract=False).order_by("status", "pk"))
    by_label = {(vintage.coverage.slug, vintage.label): vintage for vintage in vintages}
    if renew is not None:
        by_label[renew.coverage.slug, renew.label] = renew
        mine = {"coverage": renew.coverage.slug, "vintage_label": renew.label}
        PlaceWeight.objects.filter(Q(**mine) | Q(**{f"place__{name}": text for name, text in mine.items()})).delete()
    places: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for pk, coverage, label, code in Place.objects.filter(kind=PlaceKind.REGION).values_list(
        "pk", "coverage", "vintage_label", "code"
    ):
        places[coverage, label][code] = pk
    present = set(
        PlaceWeight.objects.values_list("place__coverage", "place__vintage_label", "coverage", "vintage_label").distinct()
    )
    computed: list[Vintage] = []
    targets = [key for key in by_label if key[0] == COVERAGE_HEALTH_REGIONS]
    for own, by_code in places.items():
        for target in targets:
            if own in by_label and own != target and (*own, *target) not in present:
                joint = _joint_people(located, by_label[own], by_label[target])
                weights = PlaceWeight.objects.bulk_create(_weights(by_code, joint, target, located.points.basis))
                _store_relations(by_label[own], by_label[target], by_code, joint, located.points.basis)
                if weights:
                    computed.append(by_label[target])
    _stamp(computed)


def _stamp(vintages: Iterable[Vintage]) -> None:
    """Mark vintages whose weights have changed, so that processes read them anew. Queries: 1."""
    Vintage.objects.filter(pk__in={vintage.pk for vintage in vintages}).update(weights_at=timezone.now())


def _store_relations(own: Vintage, target: Vintage, places: Mapping[str, int], joint: Joint, basis: str) -> None:
    """Store the computed relations of places to the regions of a vintage in place of former ones. Queries: 3."""
    members = PlaceMember.objects.filter(place__in=places.values(), coverage=target.coverage.slug, vintage_label=target.label)
    members.exclude(share_of_place=None).delete()
    declared = list(members.values_list("place__code", "code"))
    overlay = Overlay(
        {code: joint[code] for code in places if code in joint},
        declared_places={place for place, _ in declared},
        declared_regions={region for _, region in declared},
    )
    PlaceMember.objects.bulk_create(
        PlaceMember(
            place_id=places[relation.place],
            coverage=target.coverage.slug,
            vintage_label=target.label,
            code=relation.region,
            method=relation.method,
            share_of_place=relation.share_of_place,
            share_of_region=relation.share_of_region,
            basis=f"Computed from where people live: {basis}.",
        )
        for relation in overlay.relations()
    )


def _joint_people(located: Located, vintage: Vintage, other: Vintage) -> dict[str, dict[str, float]]:
    """Return the people in each region of a vintage by region of another one."""
    people: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    columns = (located.codes(vintage), located.codes(other), located.points.people)
    for code, other_code, number in zip(*(column.tolist() for column in columns), strict=True):
        if code and other_code:
            people[code][other_code] += number
    return people


def _weights(
    places: Mapping[str, int], joint: Mapping[str, Mapping[str, float]], target: tuple[str, str], basis: str
) -> Iterable[PlaceWeight]:
    for code, place in places.items():
        people = joint.get(code, {})
        least = sum(people.values()) * LEAST_SHARE_OF_PLACE
        large = {region: number for region, number in people.items() if number > 0 and number >= least}
        total = sum(large.values())
        for region, number in large.items():
            yield PlaceWeight(
                place_id=place,
                coverage=target[0],
                vintage_label=target[1],
                code=region,
                share_of_place=number / total,
                basis=basis,
            )
