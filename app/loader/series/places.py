"""Places of series: seeds from geodata/series.toml, and resolution of the texts in a file to places."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from geography.codes import PROVINCE_BY_PRUID, PROVINCES
from geography.normalize import normalize
from indicators.models import Place, PlaceKind, PlaceMember, PlaceWeight, Population
from loader.errors import SourceError
from loader.series.declarations import SERIES_FILE, Source
from loader.toml_tables import check_keys, check_types, read_document, required_text, tables_of

UNASSIGNED_CODE = "9999"
# Methods of a membership in `[[members]]`, with the type of their value; docs/indicators.md explains them.
_METHODS = {"same": dict, "sum": dict, "part_of": dict}
_MEMBER_TEXTS = ("place_coverage", "place_vintage", "coverage", "basis")
# Parents first.
_SEEDED_KINDS = (PlaceKind.COUNTRY, PlaceKind.PROVINCE, PlaceKind.REGION)
_PLACE_IDENTITY = ["coverage", "vintage_label", "code", "pruid", "kind"]
_PRUIDS = {province.abbreviation: province.pruid for province in PROVINCES}


def seed_places(path: Path | None = None) -> None:
    """Bring places, populations and memberships up to date with geodata/series.toml.

    Raises: SourceError for an invalid table, an unreadable file, and an invalid membership.
    """
    path = path or SERIES_FILE
    document = read_document(path)
    for name, table in tables_of(document, "places").items():
        _seed(f"places.{name}", table, path.parent)
    check_types(path.name, document, {"members": list})
    for number, table in enumerate(document.get("members", ())):
        _seed_members(f"members[{number}]", table)


def _seed(where: str, table: Mapping[str, Any], folder: Path) -> None:
    check_keys(where, table, ("coverage", "vintage", "file", "population_source"))
    coverage, vintage, file_name = (required_text(where, table, key) for key in ("coverage", "vintage", "file"))
    source = str(table.get("population_source", ""))
    try:
        with (folder / file_name).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise SourceError(f"{where}: {file_name} cannot be read: {error.strerror}.") from error
    if unknown := {row["kind"] for row in rows} - set(_SEEDED_KINDS):
        raise SourceError(
            f"{where}: {file_name} has rows of kind {', '.join(sorted(unknown))}; kinds are {', '.join(_SEEDED_KINDS)}."
        )
    repeated = [code for (_, code), count in Counter((row["kind"], row["code"]) for row in rows).items() if count > 1]
    if repeated:
        raise SourceError(f"{where}: {file_name} has more than one row for {', '.join(repeated[:5])}.")
    places: list[Place] = []
    populations: list[Population] = []
    for kind in _SEEDED_KINDS:
        parents = _parents(kind)
        for row in (row for row in rows if row["kind"] == kind):
            region = kind == PlaceKind.REGION
            place = Place(
                kind=kind,
                coverage=coverage if region else "",
                vintage_label=vintage if region else "",
                code=row["code"] if region else row["pruid"] or row["code"],
                pruid=row["pruid"],
                key=row["code"],
                name_en=row["name_en"],
                name_fr=row["name_fr"] or row["name_en"],
                other_names=list(filter(None, row.get("other_names", "").split("|"))),
                parent=parents.get(row["pruid"] if region else ""),
            )
            years = ((int(name[4:]), text) for name, text in row.items() if name.startswith("pop_") and text)
            populations += [Population(place=place, year=year, people=int(text), source=source) for year, text in years]
            places.append(place)
        Place.objects.bulk_create(
            [place for place in places if place.kind == kind],
            update_conflicts=True,
            unique_fields=_PLACE_IDENTITY,
            update_fields=["key", "name_en", "name_fr", "other_names", "parent"],
        )
    Population.objects.bulk_create(
        populations, update_conflicts=True, unique_fields=["place", "year"], update_fields=["people", "source"]
    )


def _parents(kind: PlaceKind) -> dict[str, Place]:
    """Return the possible parents of places of a kind: the country under an empty text, provinces under their PRUID."""
    if kind == PlaceKind.PROVINCE:
        country = Place.objects.filter(kind=PlaceKind.COUNTRY).order_by("pk").first()
        return {"": country} if country else {}
    return {province.pruid: province for province in Place.objects.filter(kind=PlaceKind.PROVINCE).order_by("-pk")}


def ensure_place(
    *,
    kind: PlaceKind,
    coverage: str,
    vintage: str,
    code: str,
    pruid: str,
    key: str,
    names: tuple[str, str],
) -> Place:
    """Return the place of a code in a vintage; create it if it does not exist."""
    parent = None
    if kind == PlaceKind.PROVINCE:
        parent = Place.objects.filter(kind=PlaceKind.COUNTRY).first()
    elif kind != PlaceKind.COUNTRY:
        parent = Place.objects.filter(kind=PlaceKind.PROVINCE, pruid=pruid).first()
    place, _ = Place.objects.update_or_create(
        kind=kind,
        coverage=coverage,
        vintage_label=vintage,
        code=code,
        pruid=pruid,
        defaults={"key": key, "name_en": names[0], "name_fr": names[1], "parent": parent},
    )
    return place


def _seed_members(where: str, table: Mapping[str, Any]) -> None:
    types = {"same_codes": list, "vintages": list, **_METHODS}
    check_keys(where, table, (*_MEMBER_TEXTS, *types))
    check_types(where, table, types)
    place_coverage, place_vintage, coverage, basis = (required_text(where, table, key) for key in _MEMBER_TEXTS)
    vintages = table.get("vintages", [])
    places = {
        place.code: place
        for place in Place.objects.filter(kind=PlaceKind.REGION, coverage=place_coverage, vintage_label=place_vintage)
    }
    members = []
    for code, region, method in _memberships(where, table):
        if code not in places:
            raise SourceError(f"{where}: unknown place {code!r} in {place_coverage} {place_vintage}.")
        members += [
            PlaceMember(place=places[code], coverage=coverage, vintage_label=vintage, code=region, method=method, basis=basis)
            for vintage in vintages
        ]
    target = {"place__in": places.values(), "coverage": coverage, "vintage_label__in": vintages}
    stored = PlaceMember.objects.filter(**target, share_of_place=None)
    identity = ("place_id", "vintage_label", "code", "method")
    if set(stored.values_list(*identity)) != {tuple(getattr(member, name) for name in identity) for member in members}:
        # Computed relations exclude declared ones: after the weights are deleted, they are recomputed
        # (`loader.weights.shares`).
        PlaceMember.objects.filter(**target).exclude(share_of_place=None).delete()
        PlaceWeight.objects.filter(**target).delete()
    stored.delete()
    PlaceMember.objects.bulk_create(members)


def _memberships(where: str, table: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return code of the place, code of the region and method of every declared membership.

    Raises: SourceError for a region with two memberships, except as the sum of several places: a region cannot be the same as
        two places, nor a part of two.
    """
    memberships = [(code, code, "same") for code in table.get("same_codes", ())]
    for method in _METHODS:
        for code, regions in table.get(method, {}).items():
            memberships += [(code, region, method) for region in ([regions] if isinstance(regions, str) else regions)]
    method_of: dict[str, str] = {}
    for _, region, method in memberships:
        if region in method_of and {method, method_of[region]} != {"sum"}:
            raise SourceError(
                f"{where}: region {region!r} is declared twice ({method_of[region]}, {method}). Only a sum has several places."
            )
        method_of[region] = method
    return memberships


@dataclass(slots=True)
class PlaceResolver:
    """Resolution of the texts of a source to places. Unknown texts are collected with their first line."""

    source: Source
    unknown: dict[str, int] = field(default_factory=dict)
    _by_text: dict[tuple[str, str], Place | None] = field(default_factory=dict)
    _ignored: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self._ignored = frozenset(normalize(text) for text in self.source.ignore)
        for place in self._regions():
            province = PROVINCE_BY_PRUID[place.pruid].abbreviation if place.pruid in PROVINCE_BY_PRUID else ""
            texts = [place.code] if self.source.match == "code" else [place.name_en, place.name_fr, *place.other_names]
            for text in texts:
                for scope in (province, ""):
                    key = (scope, self._normalized(text))
                    # An ambiguous name resolves to no place.
                    self._by_text[key] = place if self._by_text.get(key, place) == place else None

    def _regions(self) -> Iterator[Place]:
        if self.source.coverage:
            yield from Place.objects.filter(
                kind=PlaceKind.REGION, coverage=self.source.coverage, vintage_label=self.source.vintage
            )

    def _normalized(self, text: str) -> str:
        return text if self.source.match == "code" else normalize(text)

    def ignored(self, text: str) -> bool:
        """Return whether the declaration ignores a text."""
        return bool(self._ignored) and normalize(text) in self._ignored

    def place(self, province: str, text: str, line: int) -> Place | None:
        """Return the place of a province and a text; None for an unknown or ignored text."""
        source = self.source
        if self.ignored(text):
            return None
        if province and province.upper() not in _PRUIDS and province.upper() not in ("CA", "CAN"):
            self.unknown.setdefault(f"province {province}", line)
            return None
        if not text:
            return province_place(province)
        if text in source.unassigned:
            return unassigned_place(source, province)
        text = source.aliases.get(f"{province}:{text}", source.aliases.get(text, text))
        place = self._by_text.get((province.upper(), self._normalized(text)))
        if place is None and source.match == "site":
            return ensure_place(
                kind=PlaceKind.SITE,
                coverage="",
                vintage="",
                code=text,
                pruid=_PRUIDS.get(province.upper(), ""),
                key=text,
                names=(text, text),
            )
        if place is None:
            self.unknown.setdefault(f"{province}:{text}" if province else text, line)
        return place


def province_place(province: str) -> Place | None:
    """Return the place of a province by its two letters, or of the country (`CA`, `CAN` or empty); None if unknown."""
    province = province.upper()
    if province in ("", "CA", "CAN"):
        return ensure_place(
            kind=PlaceKind.COUNTRY, coverage="", vintage="", code="CA", pruid="", key="CA", names=("Canada", "Canada")
        )
    if province not in _PRUIDS:
        return None
    official = PROVINCE_BY_PRUID[_PRUIDS[province]]
    existing = Place.objects.filter(kind=PlaceKind.PROVINCE, pruid=official.pruid).first()
    return existing or ensure_place(
        kind=PlaceKind.PROVINCE,
        coverage="",
        vintage="",
        code=official.pruid,
        pruid=official.pruid,
        key=official.abbreviation,
        names=(official.name_en, official.name_fr),
    )


def unassigned_place(source: Source, province: str) -> Place | None:
    """Return the place of values that a province reports without a region; None for the country or an unknown province."""
    parent = province_place(province)
    if parent is None or parent.kind != PlaceKind.PROVINCE:
        return None
    return ensure_place(
        kind=PlaceKind.UNASSIGNED,
        coverage=source.coverage,
        vintage=source.vintage,
        code=UNASSIGNED_CODE,
        pruid=parent.pruid,
        key=f"{parent.key}-{UNASSIGNED_CODE}",
        names=(f"{parent.name_en}, no region assigned", f"{parent.name_fr}, sans région attribuée"),
    )
