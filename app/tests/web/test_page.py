"""The map page as the server gives it. What it does in a browser: tests/system/browser."""

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
    def test_is_the_one_asked_for_then_the_one_accepted(self, get, query, accepted, language):
        response = get("/", headers={"Accept-Language": accepted} if accepted else None, **query)
        assert response.headers["Content-Language"] == language
        assert f'<html lang="{language}">' in response.content.decode()
        assert "Accept-Language" in response.headers["Vary"]


class TestCaching:
    def test_a_page_that_did_not_change_is_not_sent_again(self, get):
        first = get("/")
        again = get("/", headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert first.headers["Cache-Control"] == "no-cache"
        # A browser takes these for the page's own: any other policy would stop the page that it has.
        for name in ("Content-Security-Policy", "Permissions-Policy", "Cache-Control", "Content-Language", "ETag"):
            assert again.headers[name] == first.headers[name]

    def test_the_other_language_is_another_page(self, get):
        assert get("/", lang="fr").headers["ETag"] != get("/", lang="en").headers["ETag"]

    def test_the_name_of_the_folder_changes_with_every_byte_and_every_name(self, tmp_path):
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
    def test_answers_to_get_and_head_only(self, client):
        assert client.head("/").status_code == 200
        assert client.post("/").status_code == 405

    def test_lets_nothing_in_from_elsewhere_and_nothing_inline(self, get):
        allowed = policy(get("/"))
        assert allowed.pop("img-src") == "'self' data:"
        assert set(allowed.values()) == {"'none'", "'self'"}
        assert allowed["default-src"] == "'none'"

    def test_has_no_script_or_style_of_its_own_and_names_nothing_elsewhere(self, get):
        text = get("/").content.decode()
        assert not re.search(r"<style|\sstyle=|\son\w+=", text)
        assert all("src=" in tag or "application/json" in tag for tag in re.findall(r"<script[^>]*>", text))
        links = {link for link in re.findall(r'(?:src|href)="([^"#?][^"]*)"', text) if "//" in link}
        assert links == {"https://maplibre.org/"}

    def test_names_only_files_that_are_there(self, get):
        files = re.findall(r'(?:src|href)="/static/([^"]+)"', get("/").content.decode())
        assert len(files) > 10
        assert not [name for name in files if not finders.find(name)]

    def test_leads_to_the_documentation(self, get):
        assert f'href="{reverse("docs")}"' in get("/").content.decode()

    def test_holds_its_texts_as_data(self, get):
        (text,) = re.findall(
            r'<script id="settings" type="application/json">(.*?)</script>', get("/", lang="fr").content.decode()
        )
        settings = json.loads(text)
        assert settings["language"] == "fr"
        assert [province["name"] for province in settings["provinces"]][4] == "Québec"

    def test_asks_the_database_nothing(self, get, django_assert_num_queries, db):
        with django_assert_num_queries(0):
            assert get("/").status_code == 200
