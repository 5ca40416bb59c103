"""Cross-site scripting: markup in the names of a loaded file and in URLs is shown as text."""

import urllib.error
import urllib.request
from html import escape
from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from django.core.management import call_command
from playwright.sync_api import Error

from geography.models import Vintage
from loader.publication import publish
from tests.support import boundary_files as files

RUN = "window.attacked=true;alert(1)"
EVIL = {
    "script": f"<script>{RUN}</script>",
    "image": f'"><img src=x onerror="{RUN}">',
    "title": f"</title></textarea></style></script><script>{RUN}</script>",
    "address": f"javascript:{RUN}",
    "event": f"' onmouseover='{RUN}' onfocus='{RUN}' autofocus x='",
    "svg": f"<svg/onload={RUN}>",
    "frame": f'<iframe srcdoc="<script>parent.{RUN}</script>"></iframe>',
    "template": "{{7*7}}{% debug %}${7*7}",
}
LABEL = "hostile"
# Elements that could run something. The pages themselves have none.
_FOREIGN = """() => [...document.querySelectorAll("*")].filter((item) =>
    [...item.attributes].some(({ name, value }) =>
      name.startsWith("on") || (/^\\s*javascript:/i.test(value) && !["title", "content"].includes(name)))
    || (item.localName === "script" && !item.src && !/json$/.test(item.type))
    || ["iframe", "object", "embed", "base"].includes(item.localName)
    || (item.localName === "img" && item.getAttribute("src") === "x")
  ).map((item) => item.outerHTML.slice(0, 200))"""
_DATA = {"application/json", "application/ld+json"}  # browsers do not run these
_BREACHES = """
  window.breaches = [];
  addEventListener("securitypolicyviolation", (breach) => breaches.push(`${breach.violatedDirective} ${breach.blockedURI}`));
"""


@pytest.fixture(scope="module")
def hostile(demonstration, django_db_blocker, tmp_path_factory):
    """Load an extract of each coverage whose names, titles, licences and attributions are markup."""
    folder = tmp_path_factory.mktemp("hostile")
    evil = list(EVIL.values())
    regions = [
        files.region(f"46{number:02d}", files.cell(number - 1, across=4), name=text, french=text)
        for number, text in enumerate(evil, 1)
    ]
    fsas = [
        files.fsa(f"R{number}A", files.cell(number - 1, across=4), ENGNAME=text, FRENAME=text)
        for number, text in enumerate(evil, 1)
    ]
    details = {
        "title": EVIL["title"], "title_fr": EVIL["script"], "licence": EVIL["image"],
        "attribution": EVIL["svg"], "attribution_fr": EVIL["frame"],
    }  # fmt: skip
    with django_db_blocker.unblock():
        for coverage, rows in (("health-regions", regions), ("fsa", fsas)):
            path = files.shape(folder, rows, name=coverage)
            call_command(
                "load_boundaries",
                *("--accept=change", "--accept=count", f"--because={EVIL['script']}", f"--by={EVIL['image']}", "--extract"),
                *("--representation=digital", "--effective-from=1990-01-01", f"--file={path}"),
                **details,
                coverage=coverage,
                vintage=LABEL,
                verbosity=0,
            )
        # A load refuses these URLs; a row of an older release may have them.
        Vintage.objects.filter(label=LABEL).update(licence_url=EVIL["address"], source_url=EVIL["address"])
    yield
    with django_db_blocker.unblock():
        for vintage in Vintage.objects.filter(label=LABEL):
            publish.delete(vintage)


@pytest.fixture
def guest(visit, hostile, service):
    """Yield a visitor; fails if a dialog opened or the Content-Security-Policy was violated."""
    visitor = visit(map_drawn=False, errors_expected=True)
    page, dialogs = visitor.page, []

    def dismiss(dialog):
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    page.add_init_script(_BREACHES)
    yield visitor
    assert dialogs == []
    # The console also has the missing WebGL and the error responses.
    assert [error for error in visitor.errors if "Content Security Policy" in error or "attacked" in error] == []


def check(page):
    """Check that no injected script ran and that the page has no element that could run a script."""
    assert page.evaluate("[window.attacked, window.breaches ?? []]") == [None, []]
    assert page.evaluate(_FOREIGN) == []


def ask(address, path, accept="text/html,application/xhtml+xml,*/*;q=0.8"):
    """Return status, headers and text of a response, error responses too."""
    request = urllib.request.Request(address + path, headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.headers, response.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode("utf-8", "replace")


class Elements(HTMLParser):
    """Parser that collects the elements of a page that could run something."""

    def __init__(self, html):
        super().__init__()
        self.active = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        by_name = dict(attributes)
        values = [(value or "").lstrip().lower() for value in by_name.values()]
        inline = tag in {"img", "script"} and by_name.get("src", "") in {"", "x"} and by_name.get("type") not in _DATA
        handler = any(name.startswith("on") for name in by_name)
        script_url = any(value.startswith("javascript:") for value in values)
        if tag in {"iframe", "object", "embed", "base"} or inline or handler or script_url:
            self.active.append((tag, attributes))


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_names_of_a_file_are_shown_as_text(guest, lang):
    page = guest.open(f"vintage={LABEL}&fsa_vintage={LABEL}", lang=lang)
    assert EVIL["svg" if lang == "en" else "frame"] in page.locator("#sources").text_content()
    for number, text in enumerate(EVIL.values(), 1):
        guest.go(f"vintage={LABEL}&fsa_vintage={LABEL}&region=46{number:02d}")
        guest.shows(text)
        check(page)


def test_other_texts_of_a_file_are_shown_as_text(guest):
    page = guest.page
    for fragment in ("", "&layer=fsa&fsa=R1A", "&at=62.49,-91.78", "&at=62.49,-91.78&accuracy=3000", "&compare=2018"):
        page.goto("about:blank")
        guest.open(f"vintage={LABEL}&fsa_vintage={LABEL}{fragment}")
        for row in page.locator("#card summary").all():
            row.click()
        if not fragment:
            assert EVIL["script"] in page.locator("#card").inner_text()
        page.locator("#search").fill("script")
        page.wait_for_timeout(300)
        check(page)


@pytest.mark.parametrize("text", EVIL.values(), ids=EVIL)
def test_markup_in_the_fragment_is_ignored(guest, text):
    page = guest.page
    keys = ("vintage", "fsa_vintage", "region", "fsa", "at", "layer", "compare", "accuracy", "map", "nonsense")
    page.goto(f"{guest.address}/?lang={quote(text)}&nonsense={quote(text)}#{'&'.join(f'{key}={quote(text)}' for key in keys)}")
    for key in keys:
        guest.go(f"{key}={quote(text)}")
        check(page)
    page.locator("#search").fill(text)
    page.keyboard.press("Enter")
    guest.settle()
    check(page)


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_page_of_downloads_escapes_markup(guest, lang):
    page = guest.page
    page.goto(f"{guest.address}/downloads?lang={lang}")
    inner_text = page.locator("main").inner_text()
    assert EVIL["svg" if lang == "en" else "frame"] in inner_text
    assert EVIL["image"] in inner_text
    check(page)
    status, headers, html = ask(guest.address, f"/downloads?lang={lang}")
    assert (status, headers["X-Content-Type-Options"]) == (200, "nosniff")
    assert Elements(html).active == []


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_pages_of_regions_escape_markup(guest, lang):
    page = guest.page
    for number, text in enumerate(EVIL.values(), 1):
        page.goto(f"{guest.address}/health-regions/46{number:02d}?vintage={LABEL}&lang={lang}")
        assert page.locator("h1").inner_text() == text
        assert page.evaluate("JSON.parse(document.querySelector('script[type$=json]').textContent).name") == text
        assert EVIL["svg" if lang == "en" else "frame"] in page.locator(".sources").inner_text()
        check(page)
    page.goto(f"{guest.address}/fsa/R1A?vintage={LABEL}&fsa_vintage={LABEL}&lang={lang}")
    assert page.locator("h1").inner_text() == "R1A"
    check(page)


def paths(text):
    """Yield URLs with the text in each part of a path and in query parameters."""
    once, twice = quote(text, safe=""), quote(quote(text, safe=""), safe="")
    for route in (
        "",
        "docs/",
        "downloads/",
        "schema/",
        "static/",
        "static/web/",
        "fsa/",
        "health-regions/",
        "coverages/",
        "tiles/",
    ):
        yield f"/{route}{once}"
        yield f"/{route}{twice}"
    yield from (f"/tiles/fsa/{once}/0/0.mvt", f"/tiles/{once}.json", f"/vintages/fsa/{once}", f"/vintages/{once}/2021")
    yield from (f"/downloads/fsa/{once}/a.csv", f"/downloads/fsa/2021/{once}", f"/downloads/{once}/2021/a.csv")
    for route in (
        "docs",
        "downloads",
        "schema",
        "livez",
        "readyz",
        "metrics",
        "vintages",
        "locate",
        "health-regions",
        "fsa/M5V",
        "fsa",
    ):
        for name in ("lang", "vintage", "q", "province", "format", "lat", once):
            yield f"/{route}?{name}={once}"


@pytest.mark.parametrize("text", EVIL.values(), ids=EVIL)
def test_no_html_response_repeats_markup_of_the_url(service, text):
    for path in paths(text):
        status, headers, body = ask(service, path)
        kind = headers["Content-Type"].partition(";")[0]
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert "Content-Security-Policy" in headers, path
        if status >= 400:
            # A browser gets an HTML page at a URL without a route or with a page, and problem documents everywhere else.
            page = status == 404 or path.startswith(("/fsa/", "/health-regions/", "/downloads"))
            assert kind == "application/problem+json" or (page and kind == "text/html"), (path, status, kind)
        if kind == "text/html":
            assert Elements(body).active == [], path
            # A page of a problem may repeat text without markup.
            assert text not in body or text == escape(text), path


def test_browser_runs_no_markup_of_the_url(guest):
    page = guest.page
    for path in paths(EVIL["title"] + EVIL["image"] + EVIL["svg"]):
        try:
            page.goto(guest.address + path)
        except Error as error:
            assert "Download is starting" in str(error), path  # noqa: PT017 - a download has no page
            continue
        check(page)
