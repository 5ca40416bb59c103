"""Search for health regions, localities and FSAs by name or code, in one ranked list."""

import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

from geography.codes import PROVINCES, FsaInput, parse_fsa
from geography.constants import COVERAGE_HEALTH_REGIONS, NEAREST_DEFAULT_M
from geography.errors import FsaMalformed
from geography.localities import Locality, read_localities, read_other_names
from geography.lookup.locate import points_locate
from geography.models import Region, Vintage
from geography.normalize import normalize
from geography.text_index import Match, Quality, TextIndex
from geography.vintages.catalogue import Catalogue, published

LOCALITIES_FILE = Path(settings.REPO_DIR) / "geodata" / "localities" / "localities.csv.gz"
OTHER_NAMES_FILE = Path(settings.REPO_DIR) / "geodata" / "localities" / "other_names.toml"
# Words before the name of a municipality, normalised. `Cité` and `comté` are parts of names of regions.
_GENERIC = re.compile(
    r"^(?:the )?(?:city|town|township|village|regional municipality|municipality|district|ville|municipalite|canton|paroisse)"
    r" (?:of|de|d|du|des) (?:la |l )?"
)
_PRUID_BY_NAME = {
    normalize(name): province.pruid
    for province in PROVINCES
    for name in (province.abbreviation, province.name_en, province.name_fr)
}
# Smallest part of a locality's postal codes for which a region is named: below it are codes that the source misplaces.
_PART_MIN = 0.02
# The positions are means of cells of about 4 km.
_ACCURACY_M = 500.0
# Order of equally good matches: regions in force, localities, regions of other vintages.
_REGION, _LOCALITY, _FORMER = range(3)


class NamedRegion(NamedTuple):
    """Code, names and province of a health region; `pruid` is empty for a region in several provinces."""

    code: str
    name_en: str
    name_fr: str
    pruid: str


class FoundRegion(NamedTuple):
    """A health region whose name or code matches; `vintage` is not the one in force for a former name."""

    region: NamedRegion
    vintage: Vintage
    former: bool


class RegionPart(NamedTuple):
    """A health region with the part, 0 to 1, of a locality's postal codes in it."""

    region: NamedRegion
    part: float


class FoundLocality(NamedTuple):
    """A locality with its health regions, largest part first.

    Attributes:
        certain: True if all its postal codes are in one region, and none is near a border.
    """

    locality: Locality
    regions: Sequence[RegionPart]
    certain: bool


class SearchResult(NamedTuple):
    """Result of a search.

    Attributes:
        fsa: the FSA, if the text is an FSA or a postal code; otherwise None. The caller reads its name and regions.
        matches: the best first.
        similar: True where only words with a spelling error match.
    """

    fsa: FsaInput | None
    matches: Sequence[FoundRegion | FoundLocality]
    similar: bool


@dataclass(slots=True)
class _Names:
    """Index of all names for one catalogue and vintage in force, and the regions of the localities located so far."""

    catalogue: Catalogue
    vintage: Vintage
    entries: list[tuple[int, FoundRegion | Locality]]
    index: TextIndex
    located: dict[int, FoundLocality] = field(default_factory=dict)


class _Cache:
    lock = threading.Lock()
    localities: list[Locality] | None = None
    names: _Names | None = None


def search(*, text: str, vintage: Vintage, limit: int) -> SearchResult:
    """Return the health regions and localities that match a text, and its FSA if it is an FSA or a postal code.

    Where no name has all words of the text without a spelling error, the text may also be a name with its province, with a term
    such as `City of`, or with both.

    Ranked by the quality of the match; then health regions in force, localities, former names of health regions; then names
    that begin with the text; then localities with more postal codes.

    Args:
        text: words of a name in English or French, a region's code, an FSA or a postal code.
        vintage: health regions in force; the regions of localities are of this vintage.
        limit: most matches.

    Queries: none, but 1 after a publication, and 1 or 2 for localities that were not found before, where `vintage` is not in
    memory.
    """
    fsa = _fsa_of(text)
    if fsa is not None and fsa.from_postal_code:
        return SearchResult(fsa, [], similar=False)
    names = _names_of(vintage)
    matches = _matches(text, names)
    ranked = sorted(matches, key=lambda match: _rank(match, *names.entries[match.entry]))[:limit]
    _locate([match.entry for match in ranked], names)
    results = [_result(match.entry, names) for match in ranked]
    return SearchResult(fsa, results, similar=bool(ranked) and ranked[0].quality == Quality.SIMILAR)


def _fsa_of(text: str) -> FsaInput | None:
    try:
        return parse_fsa(text)
    except FsaMalformed:
        return None


def _matches(text: str, names: _Names) -> list[Match]:
    """Return the matches of a text, or of its part without a province and a generic term where that matches better."""
    best = names.index.search(text)
    for shorter, pruid in _shorter(normalize(text)):
        if best and best[0].quality < Quality.SIMILAR:
            break
        matches = names.index.search(shorter)
        of_province = [match for match in matches if pruid in (None, _pruid_of(names.entries[match.entry][1]))]
        if of_province and (not best or of_province[0].quality <= best[0].quality):
            best = of_province
    return best


def _shorter(text: str) -> Iterator[tuple[str, str | None]]:
    """Yield possible names in a normalised text, each with the PRUID of the province that follows it or None."""
    text = text.removesuffix(" canada")
    name, pruid = _without_province(text)
    yield _GENERIC.sub("", text), None
    yield name, pruid
    yield _GENERIC.sub("", name), pruid


def _without_province(text: str) -> tuple[str, str | None]:
    """Return a normalised text without a province's name or abbreviation at its end, and the PRUID of that province or None."""
    words = text.split()
    # Names of provinces have up to five words.
    for start in range(max(1, len(words) - 5), len(words)):
        if pruid := _PRUID_BY_NAME.get(" ".join(words[start:])):
            return " ".join(words[:start]), pruid
    return text, None


def _pruid_of(entry: FoundRegion | Locality) -> str:
    return entry.pruid if isinstance(entry, Locality) else entry.region.pruid


def _rank(match: Match, kind: int, entry: FoundRegion | Locality) -> tuple[int, ...]:
    codes = sum(entry.codes) if isinstance(entry, Locality) else 0
    # A complete former name ranks no higher than a part of a name in force.
    quality = max(match.quality, Quality.WORDS) if kind == _FORMER else match.quality
    return quality, kind, not match.begins, -codes, match.entry


def _result(number: int, names: _Names) -> FoundRegion | FoundLocality:
    entry = names.entries[number][1]
    return names.located[number] if isinstance(entry, Locality) else entry


def _names_of(vintage: Vintage) -> _Names:
    """Return the index of all names; built once after a publication, by one thread."""
    catalogue = published()
    names = _Cache.names
    if names is None or names.catalogue is not catalogue or names.vintage.pk != vintage.pk:
        with _Cache.lock:
            names = _Cache.names
            if names is None or names.catalogue is not catalogue or names.vintage.pk != vintage.pk:
                names = _Cache.names = _build(catalogue, vintage)
    return names


def _build(catalogue: Catalogue, vintage: Vintage) -> _Names:
    if _Cache.localities is None:
        _Cache.localities = read_localities(LOCALITIES_FILE)
    entries: list[tuple[int, FoundRegion | Locality]] = [*_regions(catalogue, vintage)]
    entries += [(_LOCALITY, locality) for locality in _Cache.localities]
    other_names = read_other_names(OTHER_NAMES_FILE)
    codes = {entry.region.code for kind, entry in entries if kind == _REGION and isinstance(entry, FoundRegion)}
    return _Names(catalogue, vintage, entries, TextIndex(_searched(entry, codes, other_names) for _, entry in entries))


def _searched(
    entry: FoundRegion | Locality, codes: Set[str], other_names: Mapping[tuple[str, str], Sequence[str]]
) -> tuple[str, ...]:
    """Return the texts that find an entry. A code that is in force (`codes`) finds only the region in force."""
    if isinstance(entry, Locality):
        return (entry.name, *other_names.get((entry.name, entry.pruid), ()))
    region = entry.region
    names = (region.name_en, region.name_fr)
    return names if entry.former and region.code in codes else (*names, region.code)


def _regions(catalogue: Catalogue, in_force: Vintage) -> Iterable[tuple[int, FoundRegion]]:
    """Yield the regions in force, then those of other vintages under a name that no later vintage has."""
    published_vintages = [in_force, *catalogue.vintages_of(COVERAGE_HEALTH_REGIONS)]
    vintages = {vintage.pk: vintage for vintage in published_vintages if not vintage.demo or vintage.pk == in_force.pk}
    rows = Region.objects.filter(vintage__in=vintages).order_by("code")
    by_vintage: dict[int, list[NamedRegion]] = {pk: [] for pk in vintages}
    for pk, *fields in rows.values_list("vintage", *NamedRegion._fields):
        by_vintage[pk].append(NamedRegion._make(fields))
    seen: set[str] = set()
    for pk, regions in by_vintage.items():
        former = pk != in_force.pk
        for region in regions:
            names = {normalize(region.name_en), normalize(region.name_fr)}
            if not former or not names <= seen:
                yield (_FORMER if former else _REGION), FoundRegion(region, vintages[pk], former)
        seen |= {normalize(name) for region in regions for name in (region.name_en, region.name_fr)}


def _locate(numbers: Iterable[int], names: _Names) -> None:
    """Find the regions of the localities among these entries, all in one lookup, and remember them."""
    localities = [
        (number, entry)
        for number in numbers
        if number not in names.located and isinstance(entry := names.entries[number][1], Locality)
    ]
    positions = [position for _, locality in localities for position in locality.positions]
    if not positions:
        return
    hits = iter(
        points_locate(positions=positions, vintages=[names.vintage], accuracy_m=_ACCURACY_M, max_distance_m=NEAREST_DEFAULT_M)
    )
    for number, locality in localities:
        parts: Counter[NamedRegion] = Counter()
        certain = True
        for count in locality.codes:
            (located,) = next(hits)
            certain = certain and located.certain and located.match == "covers"
            if (region := located.region) is not None:
                parts[NamedRegion(region.code, region.name_en, region.name_fr, region.pruid)] += count
        total = sum(locality.codes)
        regions = [RegionPart(region, count / total) for region, count in parts.most_common() if count >= total * _PART_MIN]
        names.located[number] = FoundLocality(locality, regions, certain and len(parts) == 1)
