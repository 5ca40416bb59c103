"""HTML of the map page. Its behaviour in a browser: tests/system/browser."""

import json
import re

import pytest
from django.contrib.staticfiles import finders
from django.http import HttpResponse
from django.urls import reverse

from web import assets


def policy(response: HttpResponse) -> dict[str, str]:
    return dict(part.strip().split(" ", 1) for part in response.headers["Content-Security-Policy"].split(";"))


class TestLanguage:
    @pytest.mark.parametrize(
        ("query", "accepted", "language"),
        [
            ({}, None, "en"),
            ({}, "fr-CA,fr;q=0.9,en;q=0.5", "fr"),
            ({"lang": "fr"}, "en", "fr"),
            ({"lang": "en"}, "fr", "en"),
            ({"lang": "de"}, "fr", "fr"),
            ({"lang": ""}, "de", "en"),
        ],
    )
    def test_language_is_lang_parameter_else_accept_language(self, get, query, accepted, language):
        response = get("/", headers={"Accept-Language": accepted} if accepted else None, **query)
        assert response.headers["Content-Language"] == language
        assert f'<html lang="{language}">' in response.content.decode()
        assert "Accept-Language" in response.headers["Vary"]


class TestCaching:
    def test_unchanged_page_is_not_modified(self, get):
        first = get("/")
        again = get("/", headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert first.headers["Cache-Control"] == "no-cache"
        # A browser applies the headers of the 304 to its cached page: another policy would block it.
        for name in ("Content-Security-Policy", "Permissions-Policy", "Cache-Control", "Content-Language", "ETag"):
            assert again.headers[name] == first.headers[name]

    def test_etag_differs_by_language(self, get):
        assert get("/", lang="fr").headers["ETag"] != get("/", lang="en").headers["ETag"]

    def test_asset_digest_changes_with_content_and_file_names(self, tmp_path):
        (tmp_path / "js").mkdir()
        (tmp_path / "js" / "one.js").write_text("1")
        digests = [assets.digest(tmp_path)]
        (tmp_path / "js" / "one.js").write_text("2")
        digests.append(assets.digest(tmp_path))
        (tmp_path / "js" / "one.js").rename(tmp_path / "js" / "two.js")
        digests.append(assets.digest(tmp_path))
        assert len(set(digests)) == 3
        assert assets.digest(tmp_path) == digests[-1]


class TestPage:
    def test_page_allows_get_and_head_only(self, client):
        assert client.head("/").status_code == 200
        assert client.post("/").status_code == 405

    def test_csp_forbids_external_and_inline_content(self, get):
        allowed = policy(get("/"))
        assert allowed.pop("img-src") == "'self' data:"
        assert set(allowed.values()) == {"'none'", "'self'"}
        assert allowed["default-src"] == "'none'"

    def test_page_has_no_inline_script_and_no_external_links(self, get):
        text = get("/").content.decode()
        assert not re.search(r"<style|\sstyle=|\son\w+=", text)
        assert all(
            "src=" in tag or "application/json" in tag or "application/ld+json" in tag
            for tag in re.findall(r"<script[^>]*>", text)
        )
        links = {link for link in re.findall(r'(?:src|href)="([^"#?][^"]*)"', text) if "//" in link}
        links = {link for link in links if not link.startswith("http://testserver/")}
        assert links == {"https://maplibre.org/"}

    def test_static_files_of_the_page_exist(self, get):
        files = re.findall(r'(?:src|href)="/static/([^"]+)"', get("/").content.decode())
        assert len(files) > 10
        assert not [name for name in files if not finders.find(name)]

    def test_page_links_to_documentation(self, get):
        assert f'href="{reverse("docs")}?lang=en"' in get("/").content.decode()

    def test_page_contains_settings_as_json(self, get):
        (text,) = re.findall(
            r'<script id="settings" type="application/json">(.*?)</script>', get("/", lang="fr").content.decode()
        )
        settings = json.loads(text)
        assert settings["language"] == "fr"
        assert [province["name"] for province in settings["provinces"]][4] == "Québec"

    def test_page_sends_no_database_query(self, get, django_assert_num_queries, db):
        with django_assert_num_queries(0):
            assert get("/").status_code == 200


class TestPackReader:
    def test_module_has_a_stable_address_for_other_sites(self, get):
        response = get("/pack.js", headers={"Origin": "https://page.example"})
        assert response.content == (assets.FOLDER / "js" / "pack.js").read_bytes()
        assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert response.headers["Access-Control-Allow-Origin"] == "*"

    def test_module_has_no_dependencies(self):
        text = (assets.FOLDER / "js" / "pack.js").read_text(encoding="utf-8")
        assert not re.search(r"^import|import\(|document|window", text, re.MULTILINE)

    def test_unchanged_module_is_not_modified(self, get):
        first = get("/pack.js")
        again = get("/pack.js", headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["Cache-Control"] == first.headers["Cache-Control"] == "public, max-age=300, must-revalidate"


class TestModules:
    def test_modules_of_the_first_view_are_preloaded_and_those_of_the_map_are_not(self, get):
        preloaded = set(re.findall(r'rel="modulepreload" href="[^"]*/js/([\w-]+\.js)"', get("/").content.decode()))
        scripts = {path.name: path.read_text(encoding="utf-8") for path in (assets.FOLDER / "js").glob("*.js")}
        imported = {
            name: set(re.findall(r'^import [^;]*?"\./([\w-]+\.js)";', text, re.MULTILINE)) for name, text in scripts.items()
        }
        assert preloaded == {"main.js"}.union(*(imported[name] for name in preloaded))
        assert set(scripts) - preloaded == {"map.js", "choropleth.js", "places.js"}

    def test_nothing_of_the_map_precedes_the_list(self, get):
        assert "maplibre" not in get("/").content.decode().split("<body>")[0]
