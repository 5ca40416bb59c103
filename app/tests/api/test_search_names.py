"""/search with the embedded localities: names with accents, found with and without them."""

import pytest


@pytest.mark.parametrize("spelling", ["Trois-Rivières", "trois rivieres", "TROIS RIVIERES QC", "Cap-de-la-Madeleine"])
def test_names_of_quebec_have_their_accents_and_are_found_without_them(get, world, spelling):
    for lang in ("en", "fr"):
        results = get("/search", q=spelling, lang=lang).json()["results"]
        assert "Trois-Rivières" in {result["name"] for result in results if result["type"] == "locality"}
