"""Latest health figures in the cards of health regions and FSAs."""

import pytest

from tests.system.browser.conftest import get_json


def test_health_region_card_shows_latest_figures_with_method(visit, service):
    page = visit(map_drawn=False).open("region=2406")
    latest = get_json(service, "/health-regions/2406/indicators?lang=en")["indicators"]
    rows = page.locator(".latest li")
    assert rows.count() == len(latest) >= 2
    for row, block in zip(rows.all(), latest, strict=True):
        assert block["name"] in row.inner_text()
        assert "Reported for this region itself." in row.inner_text()
        assert "95 % interval" in row.inner_text()
        assert row.locator(".trend").inner_text().startswith(f"{block['trend']['word']} from ")


@pytest.mark.parametrize(
    ("lang", "sentence"),
    [
        ("en", "Rate of a larger reporting region that contains this region"),
        ("fr", "Taux d'une région déclarante plus grande"),
    ],
)
def test_region_in_a_larger_reporting_region_links_to_it(visit, lang, sentence):
    visitor = visit(map_drawn=False)
    page = visitor.open("region=5921", lang=lang)
    row = page.locator(".latest li").first
    assert sentence in row.inner_text().replace("\u2019", "'")
    row.get_by_role("link").click()
    page.locator("#card .figure-value").wait_for()
    assert visitor.fragment == "place=592"


def test_fsa_card_shows_latest_figures_of_its_regions(visit):
    page = visit(map_drawn=False).open("fsa=M5V", lang="fr")
    text = page.locator(".latest").first.inner_text()
    assert "Derniers chiffres" in text
    assert "Cas" in text
    assert "pour 100 000 habitants" in text.replace("\u00a0", " ").replace("\u202f", " ")
