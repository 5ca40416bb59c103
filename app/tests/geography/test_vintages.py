"""geography.vintages.resolve and geography.queries.readiness: vintage in force, readiness."""

from datetime import date

import pytest

from geography.errors import NothingPublished, NoVintage, VintageUnknown
from geography.models import Coverage, Status
from geography.queries.readiness import readiness
from geography.vintages.resolve import published_vintages, vintage_during, vintage_in_force
from tests.support import demo_regions as worlds


def in_force(**choice):
    return vintage_in_force(coverage="health-regions", **choice).label


def test_label_precedes_at(world):
    assert in_force(label="2018", at=date(2022, 6, 1)) == "2018"


def test_at_selects_the_vintage_in_force_on_that_day(world):
    assert in_force(at=date(2022, 1, 1)) == "2022"
    assert in_force(at=date(2021, 12, 31)) == "2018"


def test_demo_vintage_is_a_last_resort(world):
    assert in_force(at=date(2010, 1, 1)) == "demo"
    worlds.make_vintage("health-regions", "newer-demo", date(2023, 1, 1), demo=True)
    assert in_force(at=date(2024, 1, 1)) == "2022"


def test_digital_vintage_precedes_cartographic(world):
    worlds.make_vintage("health-regions", "2022-cartographic", date(2022, 1, 1), representation="cartographic")
    assert in_force(at=date(2022, 6, 1)) == "2022"


def test_retired_vintage_is_unknown(world):
    world.vintages["health-regions", "2022"].status = Status.RETIRED
    world.vintages["health-regions", "2022"].save()
    with pytest.raises(VintageUnknown):
        in_force(label="2022")


def test_at_before_first_vintage_raises_no_vintage(world):
    world.vintages["health-regions", "demo"].delete()
    with pytest.raises(NoVintage) as caught:
        in_force(at=date(2017, 1, 1))
    assert str(caught.value.hint) == "Published vintages: 2018 (from 2018-01-01), 2022 (from 2022-01-01)."


@pytest.mark.django_db
def test_empty_database_raises_nothing_published():
    with pytest.raises(NothingPublished):
        in_force()


def test_vintage_in_force_takes_one_query(world, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert vintage_in_force(coverage="fsa").coverage.slug == "fsa"


def test_published_vintages_take_one_query_without_staged(world, django_assert_num_queries):
    with django_assert_num_queries(1):
        labels = [vintage.label for vintage in published_vintages(coverage="fsa") if vintage.coverage.slug == "fsa"]
    assert labels == ["extract", "2021", "demo"]


def test_readiness_with_a_vintage_of_each_coverage(world, django_assert_num_queries):
    with django_assert_num_queries(8):
        result = readiness()
    assert result.ready
    assert result.migrations_missing == 0


@pytest.mark.django_db
def test_empty_database_is_not_ready():
    result = readiness()
    assert not result.ready
    assert result.vintages == {"health-regions": None, "fsa": None}


@pytest.mark.parametrize(
    ("first", "last", "label"),
    [
        (date(2003, 1, 1), date(2004, 1, 1), "a"),
        # None on the last day: the last one before.
        (date(2003, 1, 1), date(2007, 1, 1), "a"),
        (date(2003, 1, 1), date(2010, 1, 1), "b"),
        (date(2003, 1, 1), None, "b"),
        (None, None, "b"),
        # Between the two, before the first, after the last.
        (date(2005, 1, 1), date(2009, 12, 31), None),
        (None, date(1999, 12, 31), None),
        (date(2012, 1, 1), None, None),
    ],
)
def test_vintage_during_an_interval(db, first, last, label):
    Coverage.objects.create(slug="districts", name_en="Districts", name_fr="Districts")
    worlds.make_vintage("districts", "a", date(2000, 1, 1), effective_to=date(2005, 1, 1))
    worlds.make_vintage("districts", "b", date(2010, 1, 1), effective_to=date(2012, 1, 1))
    worlds.make_vintage("districts", "part", date(2006, 1, 1), extract=True)
    vintage = vintage_during(coverage="districts", first=first, last=last)
    assert (vintage and vintage.label) == label
