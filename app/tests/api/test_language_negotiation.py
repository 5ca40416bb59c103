"""Content negotiation of the language: `lang`, Accept-Language, and the translation of notices."""

import pytest

pytestmark = pytest.mark.usefixtures("world")


@pytest.mark.parametrize(
    ("query", "accept", "expected"),
    [
        ("lang=fr&lat=x&lon=y", "en", "fr"),
        ("lat=x&lon=y&lang=FR", None, "fr"),
        ("nonsense=1&lang=en", "fr", "en"),
        ("lang=fr&lang=fr", "en", "en"),
        ("lang=fr&lang=en", "fr-CA", "fr"),
        ("lang=fr&lang=en", None, "en"),
        ("lang=de", "fr", "fr"),
        ("lang=", "fr", "fr"),
        ("lang=de", None, "en"),
        ("lat=x", "fr-CA,fr;q=0.9,en;q=0.5", "fr"),
        ("lat=x", "de,en;q=0.2,fr;q=0.1", "en"),
        ("lat=x", "fr;q=0,en;q=0.1", "en"),
        ("lat=x", "fr;q=0", "en"),
        ("lat=x", "*", "en"),
        ("lat=x", "fr;q=nonsense,,;;", "en"),
        ("&".join(f"a{number}=1" for number in range(1_001)) + "&lang=fr", "fr", "fr"),
    ],
)
def test_lang_precedes_accept_language(client, query, accept, expected):
    response = client.get(f"/locate?{query}", headers={"Accept-Language": accept} if accept else None)
    assert response.status_code == 400
    assert response.headers["Content-Language"] == expected
    french = {"Paramètre non valide", "Coordonnées non valides", "Requête incorrecte"}
    assert (response.json()["title"] in french) == (expected == "fr")


def test_cookie_does_not_select_the_language(client):
    client.cookies["django_language"] = "fr"
    assert client.get("/nowhere").headers["Content-Language"] == "en"


def test_language_does_not_leak_to_next_request(client):
    assert client.get("/nowhere?lang=fr").json()["title"] == "Route introuvable"
    assert client.get("/nowhere").json()["title"] == "Route not found"


def test_demo_notice_is_translated(get):
    english, french = (get("/health-regions", lang=language, vintage="demo").json()["notice"] for language in ("en", "fr"))
    assert english.startswith("Demonstration boundaries:")
    assert french.startswith("Limites de démonstration\u00a0:")
