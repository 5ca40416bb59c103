"""Size of an answer of /now with official boundaries: their attributions and names, and values that were revised."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

import api.responses.now as responses_of_now
from geography.models import Region, Vintage
from geography.vintages import catalogue as boundaries_catalogue
from indicators.models import Indicator, IssueStatus, Series, Value
from indicators.queries import catalogue
from loader.source.declarations import read_sources
from tests.support import demo_regions as worlds
from tests.support.now_regions import BORDER, INTERIOR_BORDER, TORONTO

pytestmark = pytest.mark.usefixtures("official_and_revised")

Get = Callable[..., Any]
LIMIT = 2_000
# The longest name of the official file of 2022.
LONGEST = "North Shore/Coast Garibaldi Health Service Delivery Area"
PART_OF_INTERIOR = (55_000, 5_000)


@pytest.fixture
def official_and_revised(embedded: None, db: None, boundaries: Vintage) -> None:
    """Give the vintages the attributions and names of official ones, and correct the last value of every series."""
    layers = {"health-regions": "health-regions-2023-cartographic", "fsa": "fsa-2021-cartographic"}
    for coverage, name in layers.items():
        layer = read_sources().layer(name)
        texts = {"attribution_en": layer.attribution_en, "attribution_fr": layer.attribution_fr}
        Vintage.objects.filter(coverage__slug=coverage, label__in=("2022", "2021")).update(**texts, weights_at=timezone.now())
    Region.objects.filter(vintage__coverage__slug="health-regions", vintage__label="2022").update(
        name_en=LONGEST, name_fr=LONGEST
    )
    for indicator in Indicator.objects.all():
        (first,) = indicator.issues.filter(status=IssueStatus.PUBLISHED)
        first.pk, first.sha256, first.issued_at = None, "0" * 64, timezone.now()
        first.save()
        for series in Series.objects.filter(indicator=indicator):
            assert series.last_report is not None
            last = Value.objects.filter(series=series, period=series.last_report, to_issue=None)
            corrected = list(last)
            last.update(to_issue=first)
            Value.objects.bulk_create(
                Value(series=series, period=row.period, value=row.value, status=row.status, from_issue=first)
                for row in corrected
            )
    catalogue.clear()
    boundaries_catalogue.clear()
    responses_of_now.clear()


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd"])
@pytest.mark.parametrize("lang", ["en", "fr"])
@pytest.mark.parametrize(
    "where",
    [
        pytest.param(worlds.position(*TORONTO), id="position"),
        pytest.param(worlds.position(*PART_OF_INTERIOR), id="part of a larger place"),
        pytest.param(worlds.position(*BORDER), id="border"),
        pytest.param(worlds.position(*INTERIOR_BORDER), id="border within a larger place"),
        pytest.param({"fsa": "M5V"}, id="FSA"),
        pytest.param({"fsa": "M1A"}, id="split FSA"),
        pytest.param({"fsa": "V1A"}, id="split FSA within a larger place"),
    ],
)
def test_sent_answer_is_below_2_kb(get: Get, where: dict[str, str], lang: str, encoding: str) -> None:
    body = get("/now", **where, lang=lang).json()
    assert "82-402-X" in body["attribution"]
    assert all(item["revised"]["times"] == 1 for item in body["indicators"])
    response = get("/now", **where, lang=lang, headers={"Accept-Encoding": encoding})
    assert response.headers["Content-Encoding"] == encoding
    assert len(response.content) < LIMIT


def test_certain_position_names_the_licences_of_its_region_only(get: Get) -> None:
    certain = get("/now", **worlds.position(*TORONTO)).json()["attribution"]
    assert "82-402-X" in certain
    assert "92-179-X" not in certain
    for where in ({"fsa": "M5V"}, worlds.position(*BORDER)):
        assert "92-179-X" in get("/now", **where).json()["attribution"]
