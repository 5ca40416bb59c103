"""Notice of held figures on the map page and on the page of a region, on the day of a real incident, before and after."""

import urllib.request
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from indicators.models import Issue
from tests.support.processes import wait_until
from tests.system.browser.conftest import PHONE, get_json, serious_violations

# Manitoba is missing from this file of the publisher, the second after the embedded one.
INCIDENT = "cases_hr_2022-11-25T1708Z.csv.gz"
ISSUED = "2022-11-25T17:08:13Z"
NOTICES = {
    "en": "Newer figures, of 25 November 2022, 17:08 UTC, are held for review: no figures for Manitoba",
    "fr": "Des chiffres plus récents, du 25 novembre 2022, 17:08 UTC, sont retenus pour vérification : aucun "
    "chiffre (Manitoba)",
}
SHOWN = {"en": "You see those of 16 November 2022, 23:08 UTC.", "fr": "Vous voyez ceux du 16 novembre 2022, 23:08 UTC."}


def committed(function, *arguments):
    """Call a function in a thread, whose connection is outside the transaction of the test: the service sees its work."""

    def run():
        try:
            function(*arguments)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(run).result()


@pytest.fixture
def incident(service, django_db_blocker):
    """Return a function that loads the file of the incident, which gates hold; the database is as before afterwards."""
    path = Path(settings.GEODATA_DIR) / "series" / "issues" / INCIDENT
    if not path.exists():
        pytest.skip(f"GEODATA_DIR ({settings.GEODATA_DIR}) has no series/issues/{INCIDENT}")
    command = ("load_series", "covid-cases", "--file", str(path), "--issued-at", ISSUED, "--no-downloads", "--verbosity", "0")

    def restore():
        Issue.objects.filter(status="staged").delete()
        if Issue.objects.filter(indicator__slug="cases", status="published").count() > 1:
            call_command("load_series", "--rollback", "covid-cases", "--no-downloads", verbosity=0, stdout=StringIO())

    with django_db_blocker.unblock():
        yield lambda *accept: committed(call_command, *command, *accept)
        committed(restore)


def wait_for_held(service, expected):
    """Wait until the service says whether cases are held; fail if a process does not notice it in time."""
    wait_until(lambda: ("held" in get_json(service, "/indicators/cases")) is expected, "the service notices the held issue", 30)


def hold(service, incident):
    with pytest.raises(CommandError, match="vanished"):
        incident()
    wait_for_held(service, True)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_page_shows_notice_of_held_figures(visit, service, incident, language):
    def figure_and_notice(visitor):
        page = visitor.open("on=2022-11-05", lang=language)
        # In the page from the beginning, with its role: a screen reader announces what appears in it.
        notice = page.get_by_role("status").and_(page.locator("#held"))
        return page.locator(".figure-value").inner_text(), notice

    # Each time another reader, since a browser keeps an answer for a minute.
    figure, notice = figure_and_notice(visit(map_drawn=False))
    assert notice.inner_text() == ""
    hold(service, incident)
    visitor = visit(map_drawn=False)
    shown, notice = figure_and_notice(visitor)
    assert shown == figure
    assert notice.is_visible()
    assert notice.inner_text().startswith(NOTICES[language])
    assert notice.inner_text().endswith(SHOWN[language])
    assert serious_violations(visitor.page) == []
    visitor.go("indicator=deaths")
    assert notice.inner_text() == ""
    visitor.go("place=4601")
    assert notice.inner_text().startswith(NOTICES[language])
    visitor.go("layer=health-regions")
    assert notice.inner_text() == ""
    visitor.go("region=4602")
    assert visitor.page.locator(".latest .held").inner_text().startswith(NOTICES[language])
    incident("--accept", "vanished", "--accept", "national_falls", "--accept", "rewrites", "--because", "a test")
    wait_for_held(service, False)
    published, notice = figure_and_notice(visit(map_drawn=False))
    assert notice.inner_text() == ""
    assert published != figure


def test_open_page_learns_of_held_figures_with_the_next_week(visit, service, incident):
    visitor = visit(map_drawn=False)
    page = visitor.open("on=2022-11-05")
    assert page.locator("#held").inner_text() == ""
    hold(service, incident)
    visitor.go("on=2022-10-29")
    page.locator("#held p").wait_for()
    assert page.locator("#held").inner_text().startswith(NOTICES["en"])
    # After the publication the page shows what it has loaded, and says so.
    incident("--accept", "vanished", "--accept", "national_falls", "--accept", "rewrites", "--because", "a test")
    wait_for_held(service, False)
    with page.expect_response("**/indicators/cases/map?*on=2022-10-22*"):
        visitor.go("on=2022-10-22")
    assert page.locator("#held").inner_text().startswith(NOTICES["en"])


def test_notice_leaves_the_figure_in_view_on_a_phone(visit, service, incident):
    hold(service, incident)
    visitor = visit(map_drawn=False, viewport=PHONE, has_touch=True, is_mobile=True)
    page = visitor.open("on=2022-11-05&place=3595")
    assert page.locator("#held p").is_visible()
    value = page.locator(".figure-value").bounding_box()
    assert value["y"] + value["height"] < PHONE["height"]
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_region_page_shows_notice_of_held_figures(service, incident, language):
    def read(path):
        request = urllib.request.Request(service + path, headers={"Accept-Language": language})
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.read().decode(), response.headers["ETag"]

    path = f"/health-regions/4602.html?lang={language}"
    wait_for_held(service, False)  # not only in the process that the test before asked last
    before, etag = read(path)
    assert 'class="held"' not in before
    hold(service, incident)
    (cases, deaths) = get_json(service, f"/health-regions/4602/indicators?lang={language}")["indicators"]
    assert cases["held"]["notice"].startswith(NOTICES[language])
    assert cases["issue"]["issued_at"] == "2022-11-16T23:08:20+00:00"
    assert "held" not in deaths
    during, other = read(path)
    assert NOTICES[language] in during
    assert SHOWN[language] in during
    assert other != etag
