"""Regions of another vintage than that of the figures, and figures of reporting regions, for tests of their conversion."""

from datetime import date

from geography.models import Vintage
from indicators.measures import NOTHING, Element
from indicators.models import Place, PlaceMember
from indicators.queries.figures import Figure
from indicators.statuses import ValueStatus
from tests.support import demo_regions as worlds

WEEK = "2022-01-08"
CODES = ("2406", "3501", "3550", "4701", "4711", "5911", "5912")
MISSING = (None, None, ValueStatus.NOT_REPORTED)


def publish_vintage() -> Vintage:
    """Publish a vintage 2022 in which 3501 is the sum of Toronto (3595) and York (3570)."""
    worlds.coverages()
    vintage = worlds.make_vintage("health-regions", "2022", date(2022, 12, 1))
    places = [
        worlds.Place(code, code[:2], ((step * 1_000, 0, step * 1_000 + 1_000, 1_000),), name_en=f"Region {code}")
        for step, code in enumerate(CODES)
    ]
    worlds.add_places(vintage, places)
    declare_sum("3501")
    return vintage


def declare_sum(code: str) -> None:
    """Declare a region of 2022 as the sum of Toronto (3595) and York (3570)."""
    for part in ("3595", "3570"):
        PlaceMember.objects.create(
            place=Place.objects.get(kind="region", code=part),
            coverage="health-regions",
            vintage_label="2022",
            code=code,
            method="sum",
            basis="test",
        )


def numbers(figure: Figure | None) -> tuple[float | None, float | None, ValueStatus]:
    assert figure is not None
    return figure.element.value, figure.count, figure.element.status


def figure(
    code: str,
    value: float | None,
    count: float | None = None,
    people: int | None = None,
    status: ValueStatus = ValueStatus.REPORTED,
) -> Figure:
    """Return a figure of a reporting region."""
    element = NOTHING if value is None else Element(value, status)
    return Figure(Place.objects.get(kind="region", code=code), date(2022, 1, 8), element, count, people, people and 2022)
