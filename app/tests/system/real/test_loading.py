"""Loading of real boundaries: names, lookups, shares, changes and neighbours compared with the files and known facts."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapefile
import shapely
from django.db import connection
from django.db.models import F

from api.responses.locate import LocateResponder
from geography.coordinates import LonLat
from geography.lookup import registry
from geography.lookup.locate import provinces_differ
from geography.models import Overlap, Region, RegionLevel, Status, Vintage
from geography.queries.changes import changes_page, reused_codes
from geography.queries.neighbours import region_neighbours
from geography.queries.overlaps import fsa_health_regions
from loader.pipeline import Outcome
from tests.support import boundary_files as files
from tests.system.real.conftest import EXTRACTS, official

pytestmark = [pytest.mark.real, pytest.mark.django_db]


@pytest.mark.parametrize(
    ("label", "count", "encoding"), [("2015", 111, "cp1252"), ("2022", 104, "utf-8"), ("2011", 1614, "iso8859-1")]
)
def test_whole_vintages_load(loaded: dict[str, Outcome], label: str, count: int, encoding: str) -> None:
    outcome = loaded[label]
    assert outcome.what == "published"
    assert (outcome.report["regions"], outcome.report["rows_in_file"]) == (count, count)
    assert (outcome.report["encoding"], outcome.report["crs"]) == (encoding, "EPSG:3347")
    assert Region.objects.filter(vintage=outcome.vintage).count() == count
    assert RegionLevel.objects.filter(region__vintage=outcome.vintage).count() == 4 * count


@pytest.mark.parametrize("name", EXTRACTS)
def test_extracts_load_beside_whole_vintages(loaded: dict[str, Outcome], name: str) -> None:
    label, count = EXTRACTS[name]
    vintage = Vintage.objects.get(label=label)
    assert (vintage.region_count, vintage.extract, vintage.status) == (count, True, Status.PUBLISHED)
    assert Vintage.objects.get(label="2011").status == Status.PUBLISHED


def names(label: str, code: str) -> tuple[str, str]:
    return Region.objects.values_list("name_en", "name_fr").get(vintage__label=label, code=code)


def test_names_of_2015_are_read_as_windows_1252(loaded: dict[str, Outcome]) -> None:
    assert names("2015", "2402")[1] == "Région du Saguenay—Lac-Saint-Jean"
    assert Region.objects.get(vintage__label="2015", code="2402").search_text.startswith("2402 ")


def test_names_of_2022_agree_with_the_facts(loaded: dict[str, Outcome]) -> None:
    with files.real("facts/health_regions_2022.csv").open(encoding="utf-8", newline="") as file:
        facts = {row["hruid"]: (row["dguid"], row["pruid"], row["name_en"], row["name_fr"]) for row in csv.DictReader(file)}
    stored = Region.objects.filter(vintage__label="2022").values_list("code", "dguid", "pruid", "name_en", "name_fr")
    assert {code: tuple(rest) for code, *rest in stored} == facts


def polygons(name: str, field: str) -> tuple[list[str], np.ndarray]:
    """Read a shapefile independently of the loader: codes, and polygons repaired only if invalid."""
    with shapefile.Reader(str(files.real(name)), encodingErrors="replace") as reader:
        codes = [str(record[field]) for record in reader.iterRecords()]
        shapes = [shapely.geometry.shape(item.__geo_interface__) for item in reader.iterShapes()]
    array = np.array(shapes, dtype=object)
    broken = ~shapely.is_valid(array)
    array[broken] = shapely.make_valid(array[broken], method="structure", keep_collapsed=False)
    return codes, array


def lookup_by_postgis(points: np.ndarray, vintage: Vintage) -> list[set[str]]:
    """Return the codes of the regions that cover each point (longitude, latitude), by PostGIS and the pieces."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT p.n, array_agg(DISTINCT r.code)
            FROM unnest(%s, %s) WITH ORDINALITY AS p(lon, lat, n),
                 LATERAL (SELECT ST_Transform(ST_SetSRID(ST_MakePoint(p.lon, p.lat), 4326), 3347) AS geom) AS x
                 JOIN region_part AS part ON ST_Covers(part.geom, x.geom) JOIN region AS r ON r.id = part.region_id
            WHERE part.vintage_id = %s GROUP BY p.n
            """,
            [points[:, 0].tolist(), points[:, 1].tolist(), vintage.pk],
        )
        result = dict(cursor.fetchall())
    return [set(result.get(index, ())) for index in range(1, len(points) + 1)]


@pytest.mark.parametrize(
    ("label", "name", "field"),
    [
        ("2015", "health_regions_2015.zip", "HR_UID"),
        ("2022", "health_regions_2022.zip", "HR_UID"),
        ("2011", "fsa_2011.zip", "CFSAUID"),
    ],
)
def test_lookups_of_2000_points_agree_with_the_file(loaded: dict[str, Outcome], label: str, name: str, field: str) -> None:
    codes, shapes = polygons(name, field)
    chance = np.random.default_rng(3347)
    # Half of the points anywhere, half 1 to 50 m from a vertex of a border.
    west, south, east, north = shapely.total_bounds(shapes)
    vertices = shapely.get_coordinates(shapes)
    near = vertices[chance.integers(len(vertices), size=1_000)]
    turn, away = chance.uniform(0, 2 * np.pi, 1_000), chance.uniform(1, 50, 1_000)
    metres = np.vstack(
        (
            chance.uniform((west, south), (east, north), (1_000, 2)),
            near + np.column_stack((np.cos(turn), np.sin(turn))) * away[:, None],
        )
    )
    degrees = [files.project(x, y, 3347, 4326) for x, y in metres.tolist()]
    projected = [files.project(lon, lat, 4326, 3347) for lon, lat in degrees]

    tree = shapely.STRtree(shapes)
    points = shapely.points(projected)
    expected: list[set[str]] = [set() for _ in points]
    for index, polygon in zip(*tree.query(points, predicate="covered_by"), strict=True):
        expected[index].add(codes[polygon])
    assert sum(bool(item) for item in expected) > 700
    actual = lookup_by_postgis(np.array(degrees), Vintage.objects.get(label=label, status=Status.PUBLISHED))
    wrong = [
        (index, expected[index], actual[index])
        for index in range(len(points))
        # Points within a millimetre of a border are undecided; repair may move the border of an invalid polygon.
        if expected[index] != actual[index]
        and shapely.distance(
            shapely.boundary(shapes[tree.query(points[index], predicate="dwithin", distance=1)]), points[index]
        ).min(initial=9)
        > 0.001
    ]
    assert wrong == []


def test_valid_geometry_is_stored_bit_for_bit(loaded: dict[str, Outcome]) -> None:
    codes, shapes = polygons("fsa_2011.zip", "CFSAUID")
    original = dict(zip(codes, shapes, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.code, ST_AsBinary(r.geom) FROM region r JOIN vintage v ON v.id = r.vintage_id"
            " WHERE v.label = '2011' AND NOT repaired"
        )
        stored = {code: shapely.from_wkb(bytes(wkb)) for code, wkb in cursor}
    assert len(stored) > 1_500
    for code, geometry in stored.items():
        sent = {tuple(item) for item in shapely.get_coordinates(original[code]).tolist()}
        assert {tuple(item) for item in shapely.get_coordinates(geometry).tolist()} == sent, code


def test_shares_of_fsas_agree_with_the_facts(loaded: dict[str, Outcome]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(share_of_fsa) FROM overlap o JOIN vintage f ON f.id = o.fsa_vintage_id JOIN vintage h"
            " ON h.id = o.health_region_vintage_id WHERE f.label = '2011' AND h.label = '2015' GROUP BY fsa_id"
        )
        sums = np.array([total for (total,) in cursor])
    assert (sums < 1.01).mean() > 0.995
    assert np.median(sums) == pytest.approx(1, abs=0.01)

    with files.real("facts/fsa_health_regions.csv").open(encoding="utf-8", newline="") as file:
        facts = {(row["cfsauid"], row["hruid"]): float(row["area_share"]) for row in csv.DictReader(file)}
    york = Overlap.objects.filter(fsa_vintage__label="2021-york", health_region_vintage__label="2022")
    shares = {
        (item.fsa.code, item.health_region.code): item.share_of_fsa for item in york.select_related("fsa", "health_region")
    }
    fsas = {fsa for fsa, _ in shares}
    assert len(fsas) == 19
    # L3L is newer than the facts.
    known_fsas = fsas & {fsa for fsa, _ in facts}
    assert len(known_fsas) >= 18
    for pair in {fact for fact in facts if fact[0] in known_fsas} | {
        value for value, share in shares.items() if share > 0.05 and value[0] in known_fsas
    }:
        assert shares.get(pair, 0.0) == pytest.approx(facts.get(pair, 0.0), abs=0.03), pair


def shares_of(code: str, label: str) -> tuple[list[str], dict[str, str], float]:
    """Return the health regions of an FSA of 2011, its artefacts with their kinds, and its share outside."""
    vintages = {name: Vintage.objects.get(label=name, status=Status.PUBLISHED) for name in ("2011", label)}
    regions = fsa_health_regions(fsa_vintage=vintages["2011"], health_region_vintage=vintages[label], code=code, level=None)
    kinds = {artefact.region.code: artefact.kind for artefact in regions.artefacts}
    return [share.region.code for share in regions.overlaps], kinds, regions.share_outside


def test_artefacts_of_two_vintages_are_separated_from_shares(loaded: dict[str, Outcome]) -> None:
    assert shares_of("K0A", "2022")[:2] == (["3551", "3558", "3543", "3557"], {"2407": "province"})
    # K1Y is in Ottawa; 19 % of its area lies in the Outaouais of vintage 2022.
    assert shares_of("K1Y", "2022")[:2] == (["3551"], {"2407": "province"})
    assert shares_of("L1W", "2015")[:2] == (["3530"], {"3595": "sliver"})
    for label in ("2015", "2022"):
        across = Overlap.objects.filter(fsa_vintage__label="2011", health_region_vintage__label=label, artefact="")
        provinces = across.exclude(health_region__pruid=F("fsa__pruid")).values_list("fsa__code", "health_region__code")
        assert not list(provinces)


def test_share_outside_is_that_of_the_union(loaded: dict[str, Outcome]) -> None:
    """Regions of vintage 2022 overlap, so that the shares of J6Y sum to 1.0548."""
    assert shares_of("J6Y", "2022")[2] == pytest.approx(0.0182, abs=5e-5)


def test_misfit_is_the_width_of_overlaps_and_gaps(loaded: dict[str, Outcome]) -> None:
    misfits = dict(Vintage.objects.values_list("label", "misfit_m"))
    assert misfits["2022"] == pytest.approx(1_024, abs=2)
    assert misfits["2015"] == pytest.approx(205, abs=2)
    assert misfits["2016-toronto"] == misfits["2016-toronto-digital"] == 0
    # Within a province, vintage 2015 is edge-matched.
    assert set(Region.objects.filter(vintage__label="2015", code__in=["3595", "3536"]).values_list("misfit_m", flat=True)) == {
        0
    }


@pytest.mark.parametrize("in_memory", [False, True])
def test_certain_result_has_fsa_in_the_same_province(
    loaded: dict[str, Outcome], settings: Any, tmp_path: Path, in_memory: bool
) -> None:
    if not in_memory:
        settings.DOWNLOADS_DIR = tmp_path
    vintages = {name: Vintage.objects.get(label=name, status=Status.PUBLISHED) for name in ("2022", "2011")}
    assert [registry.locator_for(vintage).in_memory for vintage in vintages.values()] == [in_memory] * 2
    # In Ottawa by the health regions of 2022, 748 m from the border; in J9A (Gatineau) by the FSAs.
    position = LonLat(-75.79674179381514, 45.379004283302145)
    chance = np.random.default_rng(819)
    nearby = [LonLat(*pair) for pair in chance.uniform((-75.95, 45.33), (-75.6, 45.5), (2_000, 2)).tolist()]
    responder = LocateResponder({"vintage": vintages["2022"], "fsa_vintage": vintages["2011"]}, "en", max_distance_m=0)
    (first, *rest) = responder.locate([position, *nearby])
    assert first[0].region is not None
    assert first[1].region is not None
    assert (first[0].region.code, first[1].region.code, first[0].certain) == ("3551", "J9A", False)
    assert first[0].uncertainty_m == pytest.approx(937, abs=2)
    assert not [pair for pair in rest if pair[0].certain and provinces_differ(*pair)]
    assert 300 < sum(region.certain for region, _ in rest) < 1_900


def test_changes_from_2015_to_2022_are_the_known_ones(loaded: dict[str, Outcome]) -> None:
    page = changes_page(from_vintage=loaded["2015"].vintage, to_vintage=loaded["2022"].vintage, limit=1_000)
    before = {change.region.code: change for change in page.changes if change.side == "from"}
    after = {change.region.code: change for change in page.changes if change.side == "to"}
    assert (len(before), len(after)) == (111, 104)

    def successors(code: str) -> list[str]:
        return [counterpart.other_region.code for counterpart in before[code].counterparts if counterpart.share_of_region > 0.1]

    assert {code: before[code].kind for code in ("3595", "1011", "2416", "3539", "4704", "4713")} == {
        "3595": "kept",
        "1011": "renamed",
        "2416": "moved",
        "3539": "merged",
        "4704": "split",
        "4713": "merged",
    }
    assert (successors("3539"), successors("3554"), successors("4704")) == (["3550"], ["3550"], ["4706", "4707"])
    assert {code: after[code].kind for code in ("3550", "3575", "4701", "4707", "6201")} == {
        "3550": "merged",
        "3575": "merged",
        "4701": "merged",
        "4707": "split",
        "6201": "new",
    }
    assert {code for code, value in after.items() if value.code_reused} == {f"470{number}" for number in range(1, 8)}
    # Only provinces with known changes (Ontario, Saskatchewan) have split or merged regions.
    assert {code[:2] for code, entry in before.items() if entry.kind in ("split", "merged")} == {"35", "47"}
    assert "gone" not in page.summary["from"]


def test_reused_codes_are_reported_in_both_vintages(loaded: dict[str, Outcome]) -> None:
    for label, other in (("2015", "2022"), ("2022", "2015")):
        reused = reused_codes(loaded[label].vintage)
        assert set(reused) == {f"470{number}" for number in range(1, 8)}
        assert {item.vintage for regions in reused.values() for item in regions} == {other}


def test_neighbours_are_correct_despite_gaps_and_overlaps(loaded: dict[str, Outcome]) -> None:
    def borders(label: str, code: str) -> dict[str, float]:
        neighbours = region_neighbours(vintage=loaded[label].vintage, region_id=code, level=None)
        return {border.neighbour.code: border.length_km for border in neighbours.borders}

    toronto = borders("2022", "3595")
    assert list(toronto) == ["3570", "3553", "3530"]
    assert toronto["3570"] == pytest.approx(borders("2015", "3595")["3570"], rel=0.05)
    # In vintage 2022 the regions of Saskatchewan and Alberta do not touch; the border tolerance makes them neighbours.
    assert {"4831", "4833"} <= set(borders("2022", "4705"))
    # Manitoba and the Northwest Territories meet at a point.
    assert borders("2015", "4604")["6101"] == borders("2022", "4604")["6101"] == 0
    assert borders("2022", "1100") == borders("2015", "1100") == {}


def test_edge_matched_vintage_is_a_coverage_at_every_level(loaded: dict[str, Outcome]) -> None:
    for label in ("2016-toronto", "2016-toronto-digital"):
        for level in ("low", "medium", "high", "full"):
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT ST_AsBinary(l.geom) FROM region_level l JOIN region r ON r.id = l.region_id"
                    " JOIN vintage v ON v.id = r.vintage_id WHERE v.label = %s AND l.level = %s",
                    [label, level],
                )
                geometries = np.array([shapely.from_wkb(bytes(value)) for (value,) in cursor])
            assert len(geometries) == 96
            assert shapely.coverage_is_valid(shapely.transform(geometries, lambda xy: np.round(xy, 9))), (label, level)


def test_load_of_unchanged_file_does_nothing(loaded: dict[str, Outcome]) -> None:
    assert official("health-regions-2015-cartographic", "health_regions_2015.zip").what == "unchanged"
