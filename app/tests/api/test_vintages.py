"""GET /vintages/{coverage}/{label} and /vintages/{coverage}/{a}/changes/{b}; warnings about reused codes."""

from datetime import date

import pytest

from geography.models import Vintage
from geography.translation import Message, Plural
from geography.vintages import catalogue
from loader.publication.gates import Gate
from tests.support import demo_regions as worlds

pytestmark = pytest.mark.usefixtures("related")

CHANGES = "/vintages/health-regions/2018/changes/2022"
# In 2010 code 3502 was another region: the island of 3501 and the area of today's 2401.
EARLIER = (
    worlds.Place(
        "3502", "35", ((-6_000, 2_000, -4_000, 4_000), (20_000, 0, 30_000, 10_000)), name_en="Elsewhere", name_fr="Ailleurs"
    ),
)


@pytest.fixture
def vintage_2010(related):
    """Add vintage 2010, in which code 3502 is another region."""
    vintage = worlds.make_vintage("health-regions", "2010", date(2010, 1, 1), effective_to=date(2018, 1, 1), region_count=1)
    worlds.add_places(vintage, EARLIER)
    worlds.relate(worlds.World({("health-regions", "2010"): vintage}))
    catalogue.clear()
    return vintage


def rows(body):
    return [(change["of"], change["code"], change["kind"]) for change in body["changes"]]


def approx_share(share):
    """Return an approximate share: areas of the test world are projected, 5 % larger than on the ellipsoid."""
    return pytest.approx(share, rel=0.06)


class TestVintage:
    def test_vintage_response_is_complete(self, get, assert_schema):
        body = get("/vintages/health-regions/2022").json()
        assert_schema("VintageWhole", body)
        assert (body["coverage"], body["label"], body["region_count"], body["sha256"]) == (
            "health-regions",
            "2022",
            6,
            "0" * 64,
        )
        assert [level["level"] for level in body["levels"]] == ["low", "medium", "high", "full"]
        assert (body["compared_with"], body["border_tolerance_m"]) == (["2018"], 0.001)
        assert (body["gates"], body["repairs"]["count"]) == ([], 0)

    def test_gates_and_repairs_hide_user_names(self, get, assert_schema):
        gate = {"name": "overlaps", "limit": "little", "found": "much", "passed": False, "rows": ["3501"], "acceptable": True}
        at = "2026-01-01T00:00:00+00:00"
        vintage = Vintage.objects.get(label="2022")
        vintage.report = {
            "rows_in_file": 6,
            "vertices": 99,
            "encoding": "utf-8",
            "crs": "EPSG:3347",
            "memory_mb": 1,
            "repairs": ["row 3 (3501): Ring Self-intersection[1 2]; area changed by +0.000000 km2"],
            "gates": [
                gate | {"accepted": {"by": "jdoe", "because": "seen", "at": at}},
                gate | {"name": "change", "accepted": {"by": "Data team", "named": True, "because": "right", "at": at}},
                gate | {"name": "count", "passed": True},
            ],
        }
        vintage.source_file = "C:\\Users\\jdoe\\regions.zip"
        vintage.save()
        vintage.regions.filter(code="3501").update(repaired=True)
        response = get("/vintages/health-regions/2022")
        body = response.json()
        assert_schema("VintageWhole", body)
        assert b"jdoe" not in response.content
        assert [item["accepted"] for item in body["gates"]] == [
            {"by": None, "because": "seen", "at": at},
            {"by": "Data team", "because": "right", "at": at},
            None,
        ]
        assert body["source_file"] == "regions.zip"
        assert body["repairs"]["codes"] == ["3501"]
        assert body["repairs"]["notes"] == [
            {"code": "3501", "what": "A ring touches itself at x, y = 1, 2; the area changed by +0.000000 km2"}
        ]

    def test_gates_and_repairs_are_translated(self, get):
        gate = Gate("count", Plural("%(count)s region", "%(count)s regions", 6), Message("none"), passed=False)
        vintage = Vintage.objects.get(label="2022")
        repairs = [
            "row 1 (3501): Self-intersection[1 2]; area changed by -0.1 km2",
            "row 2 (3502): Odd; area changed by 0 km2",
        ]
        vintage.report = {"gates": [gate.as_dict()], "repairs": [*repairs, "row 3 (3503): told by an early release"]}
        vintage.save()
        bodies = {lang: get("/vintages/health-regions/2022", lang=lang).json() for lang in ("en", "fr")}
        assert [(item["limit"], item["found"]) for lang in bodies for item in bodies[lang]["gates"]] == [
            ("6 regions", "none"),
            ("6 régions", "rien"),
        ]
        assert [note["what"] for note in bodies["fr"]["repairs"]["notes"]] == [
            "Le contour se recoupe en x, y = 1, 2; la superficie a changé de -0.1 km2",
            "La géométrie n’était pas valide; la superficie a changé de 0 km2",
            "told by an early release",
        ]

    def test_attribution_is_translated(self, get):
        assert get("/vintages/fsa/2021", lang="fr").json()["attribution"] == "Source : fsa 2021"

    @pytest.mark.parametrize(
        ("label", "status", "slug"),
        [
            ("2099", 404, "vintage-unknown"),
            ("draft", 404, "vintage-unknown"),
            ("%00", 400, "parameter-invalid"),
            ("x" * 50, 400, "parameter-invalid"),
        ],
    )
    def test_unpublished_vintage_is_a_problem(self, get, assert_problem, label, status, slug):
        assert_problem(get(f"/vintages/fsa/{label}"), status, slug, parameter="label")

    def test_unknown_vintage_hint_lists_vintages(self, get, assert_problem):
        body = assert_problem(get("/vintages/health-regions/2099"), 404, "vintage-unknown", parameter="label")
        assert "2018 (from 2018-01-01)" in body["hint"]
        assert_problem(get("/vintages/parishes/2022"), 404, "coverage-unknown", parameter="coverage")

    def test_unknown_parameter_gets_400(self, get, assert_problem):
        assert_problem(get("/vintages/fsa/2021", at="2022-01-01"), 400, "parameter-invalid", parameter="at")


class TestChanges:
    def test_changes_cover_every_region_of_both_vintages(self, get, assert_schema):
        body = get(CHANGES).json()
        assert_schema("Changes", body)
        assert rows(body) == [
            ("from", "2401", "renamed"),
            ("to", "2401", "renamed"),
            ("from", "3501", "split"),
            ("to", "3501", "split"),
            ("to", "3502", "split"),
            ("to", "3503", "split"),
            ("to", "3504", "new"),
            ("to", "6101", "new"),
        ]
        assert body["summary"] == {"from": {"renamed": 1, "split": 1}, "to": {"renamed": 1, "split": 3, "new": 2}}
        assert (body["from"]["label"], body["to"]["label"]) == ("2018", "2022")
        assert (body["number_matched"], body["number_returned"]) == (8, 8)

    def test_counterparts_have_shares_in_both_directions(self, get):
        whole, west = get(CHANGES, code="3501").json()["changes"]
        assert [
            (counterpart["code"], counterpart["share_of_region"], counterpart["share_of_counterpart"])
            for counterpart in whole["counterparts"]
        ] == [
            ("3501", approx_share(0.5), approx_share(100 / 104)),
            ("3502", approx_share(0.48), approx_share(1)),
            ("3503", approx_share(0.02), approx_share(1)),
        ]
        # The island of 3501 is in no region of 2018.
        assert west["share_outside"] > whole["share_outside"] + 0.03
        assert [item["code"] for item in west["counterparts"]] == ["3501"]

    def test_changes_in_reverse_order(self, get, assert_schema):
        body = get("/vintages/health-regions/2022/changes/2018").json()
        assert_schema("Changes", body)
        assert body["summary"] == {"from": {"renamed": 1, "merged": 3, "gone": 2}, "to": {"renamed": 1, "merged": 1}}
        assert rows(body)[:4] == [
            ("from", "2401", "renamed"),
            ("to", "2401", "renamed"),
            ("from", "3501", "merged"),
            ("to", "3501", "merged"),
        ]

    def test_kind_filters_changes(self, get):
        for path in (CHANGES, "/vintages/health-regions/2022/changes/2018"):
            everything = get(path).json()
            for kind in ("kept", "renamed", "split", "merged", "new", "gone"):
                wanted = [row for row in rows(everything) if row[2] == kind]
                body = get(path, kind=kind).json()
                assert (rows(body), body["number_matched"]) == (wanted, len(wanted))
                assert body["summary"] == everything["summary"]

    def test_changes_are_paged(self, get):
        first = get(CHANGES, limit=3).json()
        assert [link["rel"] for link in first["links"]] == ["self", "next"]
        following = get(first["links"][1]["href"]).json()
        assert rows(first) + rows(following) == rows(get(CHANGES).json())[:6]
        assert first["number_matched"] == 8
        assert rows(get(CHANGES, offset=100).json()) == []

    def test_fsas_not_in_an_extract_are_outside(self, get, assert_schema):
        body = get("/vintages/fsa/2021/changes/extract").json()
        assert_schema("Changes", body)
        assert ("from", "X1A", "outside") in rows(body)
        assert ("from", "M1A", "outside") in rows(body)

    def test_changes_are_translated(self, get):
        body = get(CHANGES, code="2401", lang="fr").json()
        assert body["changes"][1]["name"] == "Région du Saguenay—Lac-Saint-Jean"
        assert body["attribution"] == "Source : health-regions 2018\nSource : health-regions 2022"

    @pytest.mark.parametrize(
        ("path", "status", "slug", "parameter"),
        [
            ("/vintages/health-regions/2018/changes/2099", 404, "vintage-unknown", "b"),
            ("/vintages/health-regions/2099/changes/2018", 404, "vintage-unknown", "a"),
            ("/vintages/health-regions/2018/changes/2018", 400, "parameter-invalid", "b"),
            ("/vintages/health-regions/2018/changes/demo", 404, "vintages-not-compared", "b"),
            ("/vintages/parishes/2018/changes/2022", 404, "coverage-unknown", "coverage"),
            (f"{CHANGES}?kind=eaten", 400, "parameter-invalid", "kind"),
            (f"{CHANGES}?limit=0", 400, "parameter-invalid", "limit"),
            (f"{CHANGES}?limit=1001", 400, "parameter-invalid", "limit"),
            (f"{CHANGES}?vintage=2022", 400, "parameter-invalid", "vintage"),
        ],
    )
    def test_invalid_changes_request_is_a_problem(self, get, assert_problem, path, status, slug, parameter):
        assert_problem(get(path), status, slug, parameter=parameter)

    def test_cached_catalogue_leaves_four_queries(self, get, django_assert_num_queries, monkeypatch):
        monkeypatch.setattr(catalogue, "MAX_AGE_S", 60.0)
        get("/vintages")
        with django_assert_num_queries(4):
            get(CHANGES)


@pytest.mark.usefixtures("vintage_2010")
class TestReusedCode:
    DETAIL = "In vintage 2010, code 3502 identifies another region: Elsewhere."

    def test_reused_code_carries_a_warning_in_every_route(self, get, assert_schema):
        item = get("/health-regions/3502").json()
        assert_schema("HealthRegionFeature", item)
        assert item["properties"]["warnings"] == [
            {"type": "code-reused", "vintage": "2010", "name": "Elsewhere", "detail": self.DETAIL}
        ]
        named = {
            "/health-regions": "HealthRegionCollection",
            "/fsa/M1A": "FsaHealthRegions",
            "/health-regions/3501/neighbours": "HealthRegionNeighbours",
            "/coverages/health-regions/regions": "RegionCollection",
        }
        for path, schema in named.items():
            body = get(path).json()
            assert_schema(schema, body)
            warned = [feature["id"] for feature in body["features"] if feature["properties"]["warnings"]]
            assert warned == ["3502"], path
        for path, member in (("/health-regions/3502/fsa", "health_region"), ("/health-regions/3502/neighbours", "region")):
            assert get(path).json()[member]["warnings"][0]["detail"] == self.DETAIL

    def test_earlier_vintage_carries_a_warning(self, get):
        (warning,) = get("/health-regions/3502", vintage="2010").json()["properties"]["warnings"]
        assert (warning["vintage"], warning["name"]) == ("2022", "East Health Unit")

    def test_warning_is_translated(self, get):
        (warning,) = get("/health-regions/3502", lang="fr").json()["properties"]["warnings"]
        assert warning["detail"] == "Dans l’édition 2010, le code 3502 désigne une autre région : Ailleurs."

    def test_changes_mark_a_reused_code(self, get):
        body = get("/vintages/health-regions/2010/changes/2022", code="3502").json()
        assert [(change["of"], change["code_reused"]) for change in body["changes"]] == [("from", True), ("to", True)]

    def test_retired_vintage_removes_the_warning(self, get, vintage_2010):
        vintage_2010.status = "retired"
        vintage_2010.save()
        catalogue.clear()
        assert get("/health-regions/3502").json()["properties"]["warnings"] == []


def test_unique_codes_carry_no_warning(get):
    assert not any(feature["properties"]["warnings"] for feature in get("/health-regions").json()["features"])
    assert not any(feature["properties"]["warnings"] for feature in get("/fsa").json()["features"])
