"""Pages of health regions and FSAs: negotiation, caching, content, links, problems."""

import json
import re
from html import escape

import pytest

from geography.models import Region, Status, Vintage
from geography.vintages import catalogue

pytestmark = pytest.mark.usefixtures("cache_folder")

CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"
HTML, GEOJSON, JSON = "text/html; charset=utf-8", "application/geo+json", "application/json"
PATHS = ["/health-regions/3501", "/fsa/M5V", "/fsa/M5V3L9", "/health-regions/3501/"]
# Accept header and media type of the response; None: no header.
ACCEPTS = [
    (None, GEOJSON),
    ("*/*", GEOJSON),
    ("application/*", GEOJSON),
    ("application/json", JSON),
    ("application/geo+json", GEOJSON),
    ("application/geo+json, application/json", GEOJSON),
    ("text/html", HTML),
    (CHROME, HTML),
    ("text/html;q=0.9, application/json;q=0.8", HTML),
    ("text/html;q=0.3, */*;q=0.2", HTML),
    ("text/*, */*;q=0.1", HTML),
    # Equal or lower qualities: a program.
    ("text/html, application/json", JSON),
    ("application/json, text/html", JSON),
    ("text/html, */*", GEOJSON),
    ("text/html;q=0.8, application/json;q=0.9", JSON),
    ("text/html;q=0, */*", GEOJSON),
    ("text/html;q=0.1, application/geo+json", GEOJSON),
    ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", GEOJSON),
    ("text/html, image/gif, image/jpeg, */*; q=0.2", GEOJSON),
]


def ask(client, path, accept=None, **headers):
    return client.get(path, headers=headers | ({} if accept is None else {"Accept": accept}))


def links(html, rel):
    return re.findall(rf'<link rel="{rel}"[^>]* href="([^"]+)"', html)


class TestNegotiation:
    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize(("accept", "media_type"), ACCEPTS)
    def test_accept_header_chooses_page_or_document(self, client, world, path, accept, media_type):
        for _ in range(2):  # the second from the fast path, where it can answer
            response = ask(client, path, accept)
            assert (response.status_code, response.headers["Content-Type"]) == (200, media_type)
            assert {"Accept", "Accept-Language"} <= {name.strip() for name in response.headers["Vary"].split(",")}
            assert response.content.startswith(b"<!doctype html>" if media_type == HTML else b'{"')

    @pytest.mark.parametrize("path", PATHS)
    def test_all_orders_of_requests_get_their_own_format(self, client, world, path):
        for accepts in (ACCEPTS, ACCEPTS[::-1], ACCEPTS[::2] + ACCEPTS[1::2]):
            for accept, media_type in accepts:
                assert ask(client, path, accept).headers["Content-Type"] == media_type

    @pytest.mark.parametrize("accept", [accept for accept, _ in ACCEPTS])
    @pytest.mark.parametrize("path", ["/health-regions/3501", "/fsa/M5V"])
    def test_suffix_overrides_the_accept_header(self, client, world, path, accept):
        assert ask(client, f"{path}.html", accept).headers["Content-Type"] == HTML
        response = ask(client, f"{path}.json", accept)
        assert response.headers["Content-Type"] == JSON
        assert response.content == ask(client, path, JSON).content

    @pytest.mark.parametrize("accept", [None, "*/*", "text/html", CHROME, JSON])
    @pytest.mark.parametrize("path", ["/health-regions/3501", "/fsa/M5V"])
    def test_head_has_the_headers_of_get(self, client, world, path, accept):
        got = ask(client, path, accept)
        head = client.head(path, headers={} if accept is None else {"Accept": accept})
        assert head.content == b""
        for name in ("Content-Type", "ETag", "Cache-Control", "Vary", "Content-Security-Policy"):
            assert head.headers.get(name) == got.headers.get(name)

    def test_etag_of_one_format_is_not_current_in_the_other(self, client, world):
        etags = {accept: ask(client, "/health-regions/3501", accept).headers["ETag"] for accept in (GEOJSON, JSON, CHROME)}
        assert len(set(etags.values())) == 3
        for accept in etags:
            for other, etag in etags.items():
                status = ask(client, "/health-regions/3501", accept, **{"If-None-Match": etag}).status_code
                assert status == (304 if other == accept else 200)

    def test_layers_and_sublists_have_no_page(self, client, world):
        for path in (
            "/health-regions",
            "/fsa",
            "/health-regions/3501/fsa",
            "/fsa/M5V/boundary",
            "/locate?lat=43.65&lon=-79.38",
        ):
            assert ask(client, path, CHROME).headers["Content-Type"] == GEOJSON


class TestCaching:
    def test_region_page_is_cached_and_revalidated_without_a_query(self, client, world, django_assert_num_queries, monkeypatch):
        monkeypatch.setattr(catalogue, "MAX_AGE_S", 60.0)
        first = ask(client, "/health-regions/3501", CHROME)
        assert first.headers["Cache-Control"].startswith("public, max-age=60,")
        with django_assert_num_queries(0):
            assert ask(client, "/health-regions/3501", CHROME).content == first.content
            again = ask(client, "/health-regions/3501", CHROME, **{"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["Content-Security-Policy"] == first.headers["Content-Security-Policy"]

    @pytest.mark.parametrize("path", ["/fsa/M5V", "/fsa/M5V.html", "/fsa/m5v-3l9", "/fsa/M5V.json", "/fsa/K9K.html"])
    def test_fsa_page_is_never_stored(self, client, world, path, cache_folder):
        response = ask(client, path, CHROME)
        assert response.headers["Cache-Control"] == "private, no-store"
        assert "ETag" not in response.headers
        assert not [file for file in cache_folder.rglob("*") if file.is_file()]

    def test_page_changes_when_another_vintage_is_retired(self, client, related):
        first = ask(client, "/health-regions/3501.html")
        assert "<dt>2018</dt>" in first.content.decode()
        Vintage.objects.filter(coverage__slug="health-regions", label="2018").update(status=Status.RETIRED)
        second = ask(client, "/health-regions/3501.html", **{"If-None-Match": first.headers["ETag"]})
        assert second.status_code == 200
        assert "<dt>2018</dt>" not in second.content.decode()

    def test_pages_of_two_hosts_name_their_own_host(self, client, world, settings):
        settings.ALLOWED_HOSTS = ["one.example", "two.example"]
        for host in settings.ALLOWED_HOSTS:
            html = ask(client, "/health-regions/3501.html", Host=host).content.decode()
            assert links(html, "canonical") == [f"http://{host}/health-regions/3501.html?lang=en"]


class TestPage:
    @pytest.mark.parametrize(
        ("lang", "name", "other"),
        [
            ("en", "West Health Unit", "Circonscription sanitaire de l&#x27;Ouest"),
            ("fr", "Circonscription sanitaire de l&#x27;Ouest", "West Health Unit"),
        ],
    )
    def test_region_page_has_both_names_and_its_facts(self, client, related, lang, name, other):
        html = ask(client, f"/health-regions/3501.html?lang={lang}").content.decode()
        assert f'<html lang="{lang}">' in html
        assert f'<h1 class="name">{name}</h1>' in html
        assert f'lang="{"en" if lang == "fr" else "fr"}">{other}</p>' in html
        assert "Ontario" in html
        assert f'href="/fsa/M5V.html?lang={lang}"' in html
        assert f'href="/health-regions/3502.html?lang={lang}"' in html
        assert f'href="/?lang={lang}#region=3501"' in html
        assert re.search(r'<path class="this" d="M[\d.]+ [\d.]+L', html)

    def test_history_is_in_words_with_links_to_the_vintage(self, client, related):
        html = ask(client, "/health-regions/3501.html").content.decode()
        assert "<dt>2018</dt>" in html
        assert "A part of:" in html
        assert 'href="/health-regions/3501.html?lang=en&amp;vintage=2018"' in html
        earlier = ask(client, "/health-regions/3501.html?vintage=2018").content.decode()
        assert "Divided among:" in earlier
        assert "East Health Unit (3502)" in earlier

    def test_fsa_page_lists_regions_with_shares(self, client, related):
        html = ask(client, "/fsa/M1A.html").content.decode()
        assert "In 2 health regions." in html
        assert re.search(r'href="/health-regions/3502.html\?lang=en">East Health Unit</a></div><span class="number">60', html)
        assert 'href="/?lang=en#locate"' in html
        whole = ask(client, "/fsa/M5V.html").content.decode()
        assert "Wholly in" in whole
        assert "#locate" not in whole

    def test_page_of_a_postal_code_is_that_of_its_fsa(self, client, world):
        html = ask(client, "/fsa/M5V%203L9", CHROME).content.decode()
        assert links(html, "canonical") == ["http://testserver/fsa/M5V.html?lang=en"]
        assert "3L9" not in html

    @pytest.mark.parametrize(
        ("path", "canonical"),
        [
            ("/health-regions/3501", "/health-regions/3501.html?lang=en"),
            ("/health-regions/3501.html?lang=fr", "/health-regions/3501.html?lang=fr"),
            ("/health-regions/2022A00073501", "/health-regions/3501.html?lang=en"),
            ("/health-regions/3501?vintage=2022", "/health-regions/3501.html?lang=en"),
            ("/health-regions/3501?vintage=2018", "/health-regions/3501.html?lang=en&amp;vintage=2018"),
            ("/health-regions/3501?at=2019-01-01", "/health-regions/3501.html?lang=en&amp;vintage=2018"),
            ("/fsa/m5v", "/fsa/M5V.html?lang=en"),
            ("/fsa/M5V?vintage=2018", "/fsa/M5V.html?lang=en&amp;vintage=2018"),
        ],
    )
    def test_canonical_address_names_language_and_a_vintage_that_is_not_in_force(self, client, world, path, canonical):
        html = ask(client, path, CHROME).content.decode()
        assert links(html, "canonical") == [f"http://testserver{canonical}"]
        alternates = dict(re.findall(r'<link rel="alternate" hreflang="([^"]+)" href="([^"]+)"', html))
        assert set(alternates) == {"en", "fr", "x-default"}
        for language in ("en", "fr"):
            address = alternates[language].replace("&amp;", "&").removeprefix("http://testserver")
            assert f"lang={language}" in address
            assert ask(client, address).headers["Content-Language"] == language

    def test_structured_data_is_json_and_cannot_end_its_element(self, client, world):
        Region.objects.filter(vintage=world.vintages["health-regions", "2022"], code="3501").update(name_en="</script><b>&")
        html = ask(client, "/health-regions/3501.html").content.decode()
        (text,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', html)
        data = json.loads(text)
        assert (data["@type"], data["name"], data["identifier"]) == ("AdministrativeArea", "</script><b>&", "3501")
        south, west, north, east = map(float, data["geo"]["box"].split())
        assert west < east and south < north and west < 0 < south  # noqa: PT018
        assert "<b>&" not in html

    @pytest.mark.parametrize("path", ["/health-regions/3501.html", "/fsa/M1A.html"])
    def test_page_loads_nothing_from_elsewhere_and_needs_no_inline_code(self, client, related, path):
        response = ask(client, path)
        html = response.content.decode()
        policy = dict(part.strip().split(" ", 1) for part in response.headers["Content-Security-Policy"].split(";"))
        assert set(policy.values()) == {"'none'", "'self'"}
        assert policy["default-src"] == "'none'"
        assert not re.search(r"<style|\sstyle=|\son\w+=", html)
        assert all("src=" in tag or "ld+json" in tag for tag in re.findall(r"<script[^>]*>", html))
        assert all(address.startswith("/") for address in re.findall(r' src="([^"]+)"', html))

    def test_every_link_of_a_page_answers(self, client, related):
        for path in (
            "/health-regions/3501.html?vintage=2018",
            "/fsa/M1A.html?vintage=2018&lang=fr",
            "/health-regions/3502.html",
        ):
            html = ask(client, path).content.decode()
            addresses = {link.replace("&amp;", "&") for link in re.findall(r'<a [^>]*href="(/[^"#]*)', html)}
            assert len(addresses) > 5
            assert {link: status for link in addresses if (status := ask(client, link, CHROME).status_code) != 200} == {}

    @pytest.mark.parametrize("lang", ["en", "fr"])
    @pytest.mark.parametrize("path", ["/health-regions/3501", "/fsa/M1A"])
    def test_descriptions_for_previews_have_numbers_with_no_break_spaces(self, client, world, path, lang):
        html = ask(client, f"{path}.html?lang={lang}").content.decode()
        described = re.findall(r'<meta (?:name|property)="(?:og:)?description" content="([^"]+)"', html)
        assert len(described) == 2
        for text in described:
            assert re.search("\\d\N{NO-BREAK SPACE}(km²|%)", text)
            assert "\\" not in text


class TestProblems:
    @pytest.mark.parametrize(
        ("path", "status", "slug"),
        [
            ("/health-regions/3599", 404, "region-unknown"),
            ("/health-regions/3599.html", 404, "region-unknown"),
            ("/fsa/K9K", 404, "fsa-without-boundary"),
            ("/fsa/MOV", 400, "fsa-malformed"),
            ("/fsa/M5V?vintage=2099", 404, "vintage-unknown"),
            ("/health-regions/3501?colour=red", 400, "parameter-invalid"),
        ],
    )
    @pytest.mark.parametrize(("lang", "back"), [("en", "Back to the map"), ("fr", "Retour à la carte")])
    def test_browser_gets_a_page_and_a_program_the_document(
        self, client, world, assert_problem, path, status, slug, lang, back
    ):
        headers = {"Accept-Language": lang}
        page = ask(client, path, CHROME, **headers)
        html = page.content.decode()
        assert (page.status_code, page.headers["Content-Type"], page.headers["Content-Language"]) == (status, HTML, lang)
        assert page.headers["Cache-Control"] == "private, no-store"
        assert "style-src 'self'" in page.headers["Content-Security-Policy"]
        assert back in html
        assert f"/problems/{slug}" in html
        if not path.endswith(".html"):
            body = assert_problem(ask(client, path, "*/*", **headers), status, slug)
            assert body["detail"].replace("'", "&#x27;") in html

    @pytest.mark.parametrize(("lang", "name"), [("en", "East Health Unit"), ("fr", "Circonscription sanitaire de l'Est")])
    @pytest.mark.parametrize("path", ["/health-regions/3502", "/health-regions/3502.html", "/health-regions/2022A00073502"])
    def test_code_of_another_vintage_links_to_it(self, client, world, path, lang, name):
        html = ask(client, f"{path}?vintage=2018&lang={lang}", CHROME).content.decode()
        link = f'<a href="/health-regions/3502.html?lang={lang}&amp;vintage=2022">2022</a>: {escape(name)} (3502)</li>'
        assert html.count(link) == 1
        assert ask(client, f"/health-regions/3502.html?lang={lang}&vintage=2022").status_code == 200
        # The other language is about the same vintage.
        other = "en" if lang == "fr" else "fr"
        assert f'href="?vintage=2018&amp;lang={other}"' in html

    def test_document_of_a_code_of_another_vintage_names_its_addresses(self, client, world, assert_problem):
        for path in ("/health-regions/3502?vintage=2018", "/health-regions/3502.json?vintage=2018"):
            body = assert_problem(ask(client, path, "*/*"), 404, "region-unknown")
            (other,) = body["elsewhere"]
            assert (other["vintage"], other["code"], other["name"]) == ("2022", "3502", "East Health Unit")
            for address in (other["href"], other["page"]):
                assert ask(client, address, CHROME).headers["Content-Type"] == HTML
            assert ask(client, other["href"], "*/*").json()["properties"]["hruid"] == "3502"

    @pytest.mark.parametrize("lang", ["en", "fr"])
    def test_fsa_of_another_vintage_links_to_it(self, client, world, assert_problem, lang):
        Region.objects.filter(vintage=world.vintages["fsa", "2021"], code="M1A").delete()
        region = Region.objects.get(vintage=world.vintages["fsa", "demo"], code="M5V")
        Region.objects.filter(pk=region.pk).update(code="M1A")
        body = assert_problem(ask(client, f"/fsa/M1A?lang={lang}", "*/*"), 404, "fsa-without-boundary")
        assert [other["href"] for other in body["elsewhere"]] == ["/fsa/M1A?fsa_vintage=demo"]
        html = ask(client, f"/fsa/M1A.html?lang={lang}").content.decode()
        assert f'<a href="/fsa/M1A.html?lang={lang}&amp;fsa_vintage=demo">demo</a>' in html
        assert ask(client, body["elsewhere"][0]["page"]).status_code == 200

    def test_code_of_no_vintage_links_to_none(self, client, world, assert_problem):
        assert "elsewhere" not in assert_problem(ask(client, "/health-regions/3599", "*/*"), 404, "region-unknown")
        Vintage.objects.filter(coverage__slug="health-regions", label="2022").update(status=Status.RETIRED)
        assert "elsewhere" not in assert_problem(ask(client, "/health-regions/3502?vintage=2018"), 404, "region-unknown")

    def test_json_suffix_of_an_unknown_code_is_a_document(self, client, world, assert_problem):
        assert_problem(ask(client, "/health-regions/3599.json", CHROME), 404, "region-unknown")

    def test_unpublished_boundaries_are_a_page_with_retry_after(self, client, db):
        response = ask(client, "/health-regions/3501", CHROME)
        assert (response.status_code, response.headers["Retry-After"]) == (503, "30")
        assert response.headers["Content-Type"] == HTML
