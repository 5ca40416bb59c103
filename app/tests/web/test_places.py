"""Towns, lakes and rivers of the map: files made by geodata/places/make_places.py."""

import json
import tomllib
import unicodedata

import pytest
import shapely
from django.conf import settings

from web.assets import FOLDER

SECOND_FILE_ZOOM = 8


def features(name):
    return json.loads((FOLDER / "places" / f"{name}.json").read_text(encoding="utf-8"))["features"]


FIRST, SECOND = features("towns-1"), features("towns-2")
TOWNS = sorted((*FIRST, *SECOND), key=lambda town: town["properties"]["r"])
BY_NAME = {town["properties"]["n"]: town for town in reversed(TOWNS)}


def test_ranks_are_unique_and_begin_with_the_largest_towns():
    assert [town["properties"]["r"] for town in TOWNS] == list(range(len(TOWNS)))
    assert {town["properties"]["n"] for town in TOWNS[:6]} == {
        "Toronto",
        "Montreal",
        "Calgary",
        "Ottawa",
        "Edmonton",
        "Winnipeg",
    }


def test_first_file_has_the_towns_that_are_drawn_farther_out():
    assert {town["properties"]["z"] for town in FIRST} == {3, 4, 5, 6, 7}
    assert {town["properties"]["z"] for town in SECOND} == {8, 9, 10}


@pytest.mark.parametrize(
    ("english", "french"), [("Montreal", "Montréal"), ("Quebec City", "Québec"), ("Greater Sudbury", "Grand Sudbury")]
)
def test_names_differ_by_language_where_they_do(english, french):
    assert BY_NAME[english]["properties"]["f"] == french


@pytest.mark.parametrize("name", ["Trois-Rivières", "Lévis", "Bécancour", "Saint-Jérôme", "L'Île-Bizard"])
def test_french_names_have_their_accents(name):
    assert name in BY_NAME
    assert unicodedata.is_normalized("NFC", name)


@pytest.mark.parametrize(
    ("name", "lon", "lat"),
    [
        ("Carleton Place", -76.14, 45.14),
        ("Iqaluit", -68.52, 63.75),
        ("Whitehorse", -135.05, 60.72),
        ("Pakenham", -76.29, 45.33),
    ],
)
def test_towns_lie_where_they_are(name, lon, lat):
    assert BY_NAME[name]["geometry"]["coordinates"] == pytest.approx([lon, lat], abs=0.05)


def test_a_lonely_town_is_drawn_farther_out_than_a_larger_suburb():
    assert BY_NAME["Iqaluit"]["properties"]["z"] < BY_NAME["Longueuil"]["properties"]["z"]
    assert BY_NAME["Iqaluit"]["properties"]["r"] > BY_NAME["Longueuil"]["properties"]["r"]


@pytest.mark.parametrize(
    ("file", "english", "french"),
    [
        ("lake-names", "Lake Superior", "Lac Supérieur"),
        ("lake-names", "Lake of the Woods", "Lac des Bois"),
        ("lake-names", "Great Slave Lake", "Grand lac des Esclaves"),
        ("rivers", "St. Lawrence River", "Fleuve Saint-Laurent"),
        ("rivers", "Ottawa River", "Rivière des Outaouais"),
        ("rivers", "Peace River", "Rivière de la Paix"),
    ],
)
def test_waters_have_names_in_both_languages(file, english, french):
    (named,) = [its for water in features(file) if (its := water["properties"]).get("n") == english]
    assert named["f"] == french


def test_both_churchill_rivers_have_their_french_names():
    french = {}
    for river in features("rivers"):
        if river["properties"].get("n") == "Churchill River":
            lines = shapely.from_geojson(json.dumps(river["geometry"]))
            french[river["properties"]["f"]] = "Labrador" if lines.bounds[0] > -70 else "Manitoba"
    assert french == {"Fleuve Churchill": "Labrador", "Rivière Churchill": "Manitoba"}


def test_french_names_of_waters_have_a_source_and_all_others_one_form():
    """No French name without a source: maps show the one official form of all other names in either language."""
    waters = tomllib.loads((settings.REPO_DIR / "geodata" / "places" / "waters.toml").read_text(encoding="utf-8"))
    lakes = {name: form for name, (_, _, *form) in waters["lakes"].items()}
    rivers = {english: form for english, *form in waters["rivers"].values()}
    for file, declared in (("lake-names", lakes), ("rivers", rivers)):
        for water in features(file):
            its = water["properties"]
            if "f" in its and its["n"] != "Churchill River":
                french, source = declared[its["n"]]
                assert (french, source in waters["sources"]) == (its["f"], True), its
            elif "f" not in its and "n" in its:
                assert declared[its["n"]] == []
    assert {source for form in (*lakes.values(), *rivers.values()) for source in form[1:]} == set(waters["sources"])


def test_name_of_a_lake_is_in_that_lake_and_far_out_only_if_it_is_large():
    lakes = [shapely.from_geojson(json.dumps(lake["geometry"])) for lake in features("lakes-2")]
    names = features("lake-names")
    assert len(names) > 80
    for name in names:
        assert lakes[name["properties"]["r"]].covers(shapely.Point(name["geometry"]["coordinates"])), name["properties"]["n"]
    by_rank = [name["properties"]["z"] for name in sorted(names, key=lambda name: name["properties"]["r"])]
    assert by_rank == sorted(by_rank)
    assert set(by_rank) == {4, 5, 6, 7}


@pytest.mark.parametrize("name", ["towns-1", "towns-2", "lakes-1", "lakes-2", "lake-names", "rivers"])
def test_everything_lies_in_or_near_canada(name):
    def flat(coordinates):
        return [coordinates] if isinstance(coordinates[0], float | int) else [xy for part in coordinates for xy in flat(part)]

    for feature in features(name):
        positions = flat(feature["geometry"]["coordinates"])
        assert any(-142 <= lon <= -52 and 41 <= lat <= 84 for lon, lat in positions)


def test_files_for_the_first_view_are_small():
    sizes = {
        name: (FOLDER / "places" / f"{name}.json").stat().st_size for name in ("towns-1", "lakes-1", "lake-names", "rivers")
    }
    assert sum(sizes.values()) < 210_000
