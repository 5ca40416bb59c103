"""Types of responses and parameters; generated from docs/openapi.yaml by app/clients/generate.py."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict


class Candidate(TypedDict):
    hruid: str
    dguid: str | None
    name: str
    name_en: str
    name_fr: str
    pruid: Literal['10', '11', '12', '13', '24', '35', '46', '47', '48', '59', '60', '61', '62']
    share_of_circle: float


ChangeSummary = TypedDict(
    'ChangeSummary',
    {
        'from': dict[Literal['kept', 'renamed', 'recoded', 'moved', 'split', 'merged', 'new', 'gone', 'outside'], int],
        'to': dict[Literal['kept', 'renamed', 'recoded', 'moved', 'split', 'merged', 'new', 'gone', 'outside'], int],
    },
)


class ChangeThresholds(TypedDict):
    same: float
    whole: float
    main: float
    reused: float
    covered: float
    covered_by_extract: float
    sliver: float


class Code(TypedDict):
    id: NotRequired[Any]
    code: str


class CodeWarning(TypedDict):
    type: Literal['code-reused']
    vintage: str
    name: str
    detail: str


class Codes(TypedDict):
    codes: list[str | Code]


Coordinates: TypeAlias = list[float]


class Corrections(TypedDict):
    times: int
    last: str


class Counterpart(TypedDict):
    code: str
    dguid: str | None
    name: str
    name_en: str
    name_fr: str
    pruid: Literal['10', '11', '12', '13', '24', '35', '46', '47', '48', '59', '60', '61', '62'] | None
    area_km2: float
    share_of_region: float
    share_of_counterpart: float


Download: TypeAlias = bytes


class FsaArtefact(TypedDict):
    cfsauid: str
    dguid: str | None
    name: str
    name_en: str
    name_fr: str
    pruid: Literal['10', '11', '12', '13', '24', '35', '46', '47', '48', '59', '60', '61', '62']
    kind: Literal['sliver', 'province']
    share_of_fsa: float
    width_m: float | None


class FsaOfNow(TypedDict):
    code: str
    is_split: bool
    ordered_by: NotRequired[Literal['people', 'area']]
    attribution: NotRequired[str]


class GateAcceptance(TypedDict):
    by: str | None
    because: str
    at: str


class Group(TypedDict):
    regions: list[str]
    places: list[str]


class HealthRegionArtefact(TypedDict):
    hruid: str
    dguid: str | None
    name: str
    name_en: str
    name_fr: str
    pruid: Literal['10', '11', '12', '13', '24', '35', '46', '47', '48', '59', '60', '61', '62']
    kind: Literal['sliver', 'province']
    share_of_fsa: float
    width_m: float | None


class HealthRegionNeighbourOf(TypedDict):
    hruid: str
    dguid: str | None
    name: str
    name_en: str
    name_fr: str
    pruid: Literal['10', '11', '12', '13', '24', '35', '46', '47', '48', '59', '60', '61', '62']
    warnings: list[CodeWarning]


class HealthRegionOfFsas(TypedDict):
    hruid: str
    dguid: str | None
    name: str
    name_en: str
    name_fr: str
    pruid: Literal['10', '11', '12', '13', '24', '35', '46', '47', '48', '59', '60', '61', '62']
    warnings: list[CodeWarning]
    slivers_left_out: int
    artefacts: list[FsaArtefact]


class HealthRegionShare(TypedDict):
    hruid: str
    dguid: str | None
    name: str
    name_en: str
    name_fr: str
    pruid: Literal['10', '11', '12', '13', '24', '35', '46', '47', '48', '59', '60', '61', '62']
    share_of_people: float | None
    share_of_fsa: float
    share_of_region: float
    area_km2: float


class HeldGate(TypedDict):
    name: str
    reason: str


class HeldIssues(TypedDict):
    since: str
    number: int
    issue: int
    issued_at: str
    loaded_at: str
    gates: list[HeldGate]
    notice: str


IndicatorFigure = TypedDict(
    'IndicatorFigure',
    {
        'v': float | None,
        'count': NotRequired[float | None],
        'status': Literal['reported', 'carried', 'not_reported', 'unassigned', 'suppressed', 'capped', 'withdrawn', 'estimated'],
        'method': Literal['same', 'sum', 'common', 'part_of', 'weighted'] | None,
        'from': NotRequired[str | None],
        'to': NotRequired[str | None],
        'reported_on': NotRequired[str | None],
        'place': NotRequired[str],
        'group': NotRequired[Group],
        'misplaced_share': NotRequired[float],
        'population': NotRequired[int | None],
        'population_year': NotRequired[int | None],
    },
)


class IndicatorFile(TypedDict):
    name: str
    title: str
    media_type: str
    state: Literal['ready', 'missing', 'failed']
    bytes: int | None
    sha256: str | None
    href: str
    pinned_href: str | None
    format: Literal['csv', 'csvw', 'parquet', 'arrow', 'archive', 'archive-csv', 'wide', 'wide-csvw']
    measure: str | None


IndicatorNote = TypedDict(
    'IndicatorNote',
    {
        'id': int,
        'place': str | None,
        'from': str | None,
        'to': str | None,
        'text': str,
        'language': Literal['en', 'fr'],
        'url': str | None,
    },
)


class IndicatorPlace(TypedDict):
    place: str
    kind: Literal['country', 'province', 'region', 'unassigned', 'site']
    code: str
    pruid: str | None
    province: str | None
    name: str
    name_en: str
    name_fr: str
    derived: bool
    first: str | None
    last: str | None
    last_report: str | None
    ended_on: str | None
    population: dict[str, int]


class IndicatorStatus(TypedDict):
    code: Literal['reported', 'carried', 'not_reported', 'unassigned', 'suppressed', 'capped', 'withdrawn', 'estimated']
    name: str
    detail: str
    name_en: str
    name_fr: str


class Issue(TypedDict):
    id: int
    source: str
    issued_at: str
    loaded_at: str


class IssueAcceptance(TypedDict):
    gates: list[str]
    because: str
    by: str | None


class IssueGate(TypedDict):
    name: str
    passed: bool
    detail: str
    listed: list[str]
    acceptable: bool


class LargerPlace(TypedDict):
    id: str
    name: str


class LargestChange(TypedDict):
    place: str
    period: str
    before: float | None
    after: float | None


class Level(TypedDict):
    level: str
    tolerance_m: float
    vertices: int


class Link(TypedDict):
    rel: Literal['self', 'next', 'prev', 'regions', 'map', 'cube', 'series']
    type: str
    href: str


class ListedIssue(TypedDict):
    id: int
    source: str
    issued_at: str
    loaded_at: str
    status: Literal['staged', 'published', 'rolled_back']
    file: str
    sha256: str
    new: int
    changed: int
    withdrawn: int
    gates_failed: list[str]
    accepted: IssueAcceptance | None


class ListedVintage(TypedDict):
    coverage: str
    label: str
    effective_from: str
    effective_to: str | None
    representation: Literal['digital', 'cartographic']
    demo: bool
    extract: bool
    attribution: str
    licence: str
    licence_url: str
    product: str
    source_url: str
    region_count: int


class Live(TypedDict):
    status: Literal['alive']


class Properties(TypedDict):
    status: NotRequired[Any]
    geo_status: NotRequired[str]


class LocatedFsa(TypedDict):
    cfsauid: str
    dguid: str | None
    name: str
    name_en: str
    name_fr: str
    pruid: Literal['10', '11', '12', '13', '24', '35', '46', '47', '48', '59', '60', '61', '62']
    match: Literal['covers', 'nearest']
    certain: bool
    warnings: list[CodeWarning]
    vintage: str
    demo: bool


class LocatedHealthRegion(TypedDict):
    hruid: str
    dguid: str | None
    name: str
    name_en: str
    name_fr: str
    pruid: Literal['10', '11', '12', '13', '24', '35', '46', '47', '48', '59', '60', '61', '62']
    match: Literal['covers', 'nearest']
    certain: bool
    warnings: list[CodeWarning]
    vintage: str
    demo: bool


class Measure(TypedDict):
    id: Literal['cumulative', 'new_1d', 'new_7d', 'rate', 'rate_7d', 'value']
    name: str
    unit: str


class MultiPolygon(TypedDict):
    type: Literal['MultiPolygon']
    coordinates: list[list[list[Coordinates]]]


class NearestRegion(TypedDict):
    hruid: str
    dguid: str | None
    name: str
    name_en: str
    name_fr: str
    pruid: Literal['10', '11', '12', '13', '24', '35', '46', '47', '48', '59', '60', '61', '62']


class NoteTitle(TypedDict):
    id: int
    title: str


class NowFsa(TypedDict):
    fsa: str


class NowPosition(TypedDict):
    lat: float
    lon: float
    accuracy: NotRequired[float]


class NowReason(TypedDict):
    type: str
    detail: str


class NowRegion(TypedDict):
    hruid: str
    name: str
    vintage: str
    match: Literal['covers', 'nearest', 'overlaps']
    certain: bool
    share_of_people: NotRequired[float | None]
    share_of_fsa: NotRequired[float]


NowRequest: TypeAlias = NowPosition | NowFsa


class OpenApi(TypedDict):
    pass


class OtherVintage(TypedDict):
    vintage: str
    code: str
    name: str
    name_en: str
    name_fr: str
    href: str
    page: NotRequired[str]


Period = TypedDict(
    'Period',
    {
        'from': str | None,
        'to': str | None,
    },
)


class PlaceChanges(TypedDict):
    place: str
    new: int
    changed: int
    withdrawn: int


class PlaceSeries(TypedDict):
    name: str
    kind: str
    values: list[float | None]
    status: list[list[int]]


class Point(TypedDict):
    type: Literal['Point']
    coordinates: tuple[float, float]


class Polygon(TypedDict):
    type: Literal['Polygon']
    coordinates: list[list[Coordinates]]


class PopulationOfYear(TypedDict):
    people: int
    year: int | None


class Position(TypedDict):
    id: NotRequired[Any]
    lat: float
    lon: float


class PositionFeature(TypedDict):
    type: Literal['Feature']
    id: NotRequired[Any]
    geometry: Point
    properties: dict[str, Any] | None


class PositionFeatures(TypedDict):
    type: Literal['FeatureCollection']
    features: list[PositionFeature]


class Positions(TypedDict):
    points: list[tuple[float, float] | Position]


class Province(TypedDict):
    pruid: Literal['10', '11', '12', '13', '24', '35', '46', '47', '48', '59', '60', '61', '62']
    abbreviation: str
    name: str
    name_en: str
    name_fr: str


class RegionNeighbourOf(TypedDict):
    code: str
    dguid: str | None
    name: str
    name_en: str
    name_fr: str
    pruid: Literal['10', '11', '12', '13', '24', '35', '46', '47', '48', '59', '60', '61', '62']
    warnings: list[CodeWarning]


class RegionNeighbourProperties(TypedDict):
    code: str
    dguid: str | None
    name: str
    name_en: str
    name_fr: str
    pruid: Literal['10', '11', '12', '13', '24', '35', '46', '47', '48', '59', '60', '61', '62'] | None
    province: Province | None
    population: int | None
    land_area_km2: float | None
    area_km2: float
    vintage: str
    warnings: list[CodeWarning]
    border_km: float


class RegionOfIndicators(TypedDict):
    coverage: str
    vintage: str
    code: str


class RegionProperties(TypedDict):
    code: NotRequired[str]
    dguid: NotRequired[str | None]
    name: NotRequired[str]
    name_en: NotRequired[str]
    name_fr: NotRequired[str]
    pruid: NotRequired[Literal['10', '11', '12', '13', '24', '35', '46', '47', '48', '59', '60', '61', '62'] | None]
    province: NotRequired[Province | None]
    population: NotRequired[int | None]
    land_area_km2: NotRequired[float | None]
    area_km2: NotRequired[float]
    vintage: NotRequired[str]
    warnings: NotRequired[list[CodeWarning]]


class Repair(TypedDict):
    code: str
    what: str


class Repairs(TypedDict):
    count: int
    codes: list[str]
    notes: list[Repair]


class Revision(TypedDict):
    issue: int
    issued_at: str
    superseded_at: str | None
    value: float | None
    status: Literal['reported', 'carried', 'not_reported', 'unassigned', 'suppressed', 'capped', 'withdrawn', 'estimated']


class SearchedHealthRegion(TypedDict):
    hruid: str
    name: str
    name_en: str
    name_fr: str
    share: float


Tile: TypeAlias = bytes


class Trend(TypedDict):
    word: str
    direction: Literal['increase', 'decrease', 'no_clear_change']
    ratio: float | None
    interval: list[float | None] | None
    compared_with: str


UnassignedFigure = TypedDict(
    'UnassignedFigure',
    {
        'v': float | None,
        'count': NotRequired[float | None],
        'status': Literal['reported', 'carried', 'not_reported', 'unassigned', 'suppressed', 'capped', 'withdrawn', 'estimated'],
        'method': Literal['same', 'sum', 'common', 'part_of', 'weighted'] | None,
        'from': NotRequired[str | None],
        'to': NotRequired[str | None],
        'reported_on': NotRequired[str | None],
        'place': NotRequired[str],
        'group': NotRequired[Group],
        'misplaced_share': NotRequired[float],
        'population': NotRequired[int | None],
        'population_year': NotRequired[int | None],
        'share_of_province': float | None,
    },
)


class UncertaintyReason(TypedDict):
    type: Literal['border', 'edition', 'nearest', 'province']
    detail: str


class VectorLayer(TypedDict):
    id: Literal['regions', 'labels']
    description: str
    minzoom: int
    maxzoom: int
    fields: dict[str, str]


class Vintage(TypedDict):
    coverage: str
    label: str
    effective_from: str
    effective_to: str | None
    representation: Literal['digital', 'cartographic']
    demo: bool
    extract: bool
    attribution: str
    licence: str
    licence_url: str


class VintageFile(TypedDict):
    name: str
    title: str
    media_type: str
    state: Literal['ready', 'missing', 'failed']
    bytes: int | None
    sha256: str | None
    href: str
    pinned_href: str | None
    format: Literal['gpkg', 'fgb', 'parquet', 'fgb-wgs84', 'parquet-wgs84', 'pieces', 'shapefile', 'geojson', 'pmtiles', 'lookup', 'pack', 'csv', 'csvw', 'shares', 'shares-csvw']
    detail: Literal['low', 'medium', 'high', 'full'] | None
    health_region_vintage: str | None


class VintageInForce(TypedDict):
    label: str
    demo: bool


class VintageList(TypedDict):
    vintages: list[ListedVintage]


class ListCoveragesParametersQuery(TypedDict):
    lang: NotRequired[Literal['en', 'fr']]


class ListCoverageRegionsParametersQuery(TypedDict):
    province: NotRequired[Literal['NL', '10', 'PE', '11', 'NS', '12', 'NB', '13', 'QC', '24', 'ON', '35', 'MB', '46', 'SK', '47', 'AB', '48', 'BC', '59', 'YT', '60', 'NT', '61', 'NU', '62']]
    q: NotRequired[str]
    bbox: NotRequired[str]
    lat: NotRequired[float]
    lon: NotRequired[float]
    detail: NotRequired[Literal['none', 'low', 'medium', 'high', 'full']]
    limit: NotRequired[int]
    offset: NotRequired[int]
    fields: NotRequired[str]
    vintage: NotRequired[str]
    at: NotRequired[str]
    lang: NotRequired[Literal['en', 'fr']]


class GetCoverageRegionParametersQuery(TypedDict):
    detail: NotRequired[Literal['none', 'low', 'medium', 'high', 'full']]
    fields: NotRequired[str]
    vintage: NotRequired[str]
    at: NotRequired[str]
    lang: NotRequired[Literal['en', 'fr']]


class ListRegionIndicatorsParametersQuery(TypedDict):
    vintage: NotRequired[str]
    lang: NotRequired[Literal['en', 'fr']]


class GetCoverageRegionNeighboursParametersQuery(TypedDict):
    detail: NotRequired[Literal['none', 'low', 'medium', 'high', 'full']]
    vintage: NotRequired[str]
    at: NotRequired[str]
    lang: NotRequired[Literal['en', 'fr']]


class ListDownloadsParametersQuery(TypedDict):
    lang: NotRequired[Literal['en', 'fr']]


class ListFsasParametersQuery(TypedDict):
    province: NotRequired[Literal['NL', '10', 'PE', '11', 'NS', '12', 'NB', '13', 'QC', '24', 'ON', '35', 'MB', '46', 'SK', '47', 'AB', '48', 'BC', '59', 'YT', '60', 'NT', '61', 'NU', '62']]
    q: NotRequired[str]
    bbox: NotRequired[str]
    lat: NotRequired[float]
    lon: NotRequired[float]
    detail: NotRequired[Literal['none', 'low', 'medium', 'high', 'full']]
    limit: NotRequired[int]
    offset: NotRequired[int]
    fields: NotRequired[str]
    vintage: NotRequired[str]
    at: NotRequired[str]
    lang: NotRequired[Literal['en', 'fr']]


class LocateManyFsasParametersQuery(TypedDict):
    code_column: NotRequired[str]
    vintage: NotRequired[str]
    fsa_vintage: NotRequired[str]
    at: NotRequired[str]
    lang: NotRequired[Literal['en', 'fr']]


class GetFsaParametersQuery(TypedDict):
    detail: NotRequired[Literal['none', 'low', 'medium', 'high', 'full']]
    vintage: NotRequired[str]
    fsa_vintage: NotRequired[str]
    at: NotRequired[str]
    lang: NotRequired[Literal['en', 'fr']]


class GetFsaBoundaryParametersQuery(TypedDict):
    detail: NotRequired[Literal['none', 'low', 'medium', 'high', 'full']]
    fields: NotRequired[str]
    vintage: NotRequired[str]
    at: NotRequired[str]
    lang: NotRequired[Literal['en', 'fr']]


class ListHealthRegionsParametersQuery(TypedDict):
    province: NotRequired[Literal['NL', '10', 'PE', '11', 'NS', '12', 'NB', '13', 'QC', '24', 'ON', '35', 'MB', '46', 'SK', '47', 'AB', '48', 'BC', '59', 'YT', '60', 'NT', '61', 'NU', '62']]
    q: NotRequired[str]
    bbox: NotRequired[str]
    lat: NotRequired[float]
    lon: NotRequired[float]
    detail: NotRequired[Literal['none', 'low', 'medium', 'high', 'full']]
    limit: NotRequired[int]
    offset: NotRequired[int]
    fields: NotRequired[str]
    vintage: NotRequired[str]
    at: NotRequired[str]
    lang: NotRequired[Literal['en', 'fr']]


class GetHealthRegionParametersQuery(TypedDict):
    detail: NotRequired[Literal['none', 'low', 'medium', 'high', 'full']]
    fields: NotRequired[str]
    vintage: NotRequired[str]
    at: NotRequired[str]
    lang: NotRequired[Literal['en', 'fr']]


class GetHealthRegionFsasParametersQuery(TypedDict):
    detail: NotRequired[Literal['none', 'low', 'medium', 'high', 'full']]
    vintage: NotRequired[str]
    fsa_vintage: NotRequired[str]
    at: NotRequired[str]
    lang: NotRequired[Literal['en', 'fr']]


class ListHealthRegionIndicatorsParametersQuery(TypedDict):
    vintage: NotRequired[str]
    lang: NotRequired[Literal['en', 'fr']]


class GetHealthRegionNeighboursParametersQuery(TypedDict):
    detail: NotRequired[Literal['none', 'low', 'medium', 'high', 'full']]
    vintage: NotRequired[str]
    at: NotRequired[str]
    lang: NotRequired[Literal['en', 'fr']]


class ListIndicatorsParametersQuery(TypedDict):
    lang: NotRequired[Literal['en', 'fr']]


class GetIndicatorParametersQuery(TypedDict):
    lang: NotRequired[Literal['en', 'fr']]


class GetIndicatorCubeParametersQuery(TypedDict):
    measure: NotRequired[Literal['rate_7d', 'new_7d', 'new_1d', 'cumulative', 'value', 'rate']]
    freq: NotRequired[Literal['day', 'week']]
    kind: NotRequired[Literal['country', 'province', 'region', 'unassigned', 'site']]
    as_of: NotRequired[str]
    lang: NotRequired[Literal['en', 'fr']]


class ListIndicatorIssuesParametersQuery(TypedDict):
    status: NotRequired[Literal['staged', 'published', 'rolled_back']]
    limit: NotRequired[int]
    offset: NotRequired[int]
    lang: NotRequired[Literal['en', 'fr']]


class GetIndicatorIssueParametersQuery(TypedDict):
    lang: NotRequired[Literal['en', 'fr']]


class GetIndicatorMapParametersQuery(TypedDict):
    on: NotRequired[str]
    measure: NotRequired[Literal['rate_7d', 'new_7d', 'new_1d', 'cumulative', 'value', 'rate']]
    coverage: NotRequired[str]
    vintage: NotRequired[str]
    weights: NotRequired[Literal['people']]
    fields: NotRequired[Literal['v']]
    as_of: NotRequired[str]
    lang: NotRequired[Literal['en', 'fr']]


class ListIndicatorRevisionsParametersQuery(TypedDict):
    place: str
    period: str
    lang: NotRequired[Literal['en', 'fr']]


class GetIndicatorSeriesParametersQuery(TypedDict):
    place: str
    from_: NotRequired[str]
    to: NotRequired[str]
    freq: NotRequired[Literal['day', 'week']]
    measure: NotRequired[Literal['rate_7d', 'new_7d', 'new_1d', 'cumulative', 'value', 'rate']]
    as_of: NotRequired[str]
    lang: NotRequired[Literal['en', 'fr']]


class LivezParametersQuery(TypedDict):
    lang: NotRequired[Literal['en', 'fr']]


class LocateParametersQuery(TypedDict):
    lat: float
    lon: float
    accuracy: NotRequired[float]
    max_distance: NotRequired[float]
    vintage: NotRequired[str]
    fsa_vintage: NotRequired[str]
    at: NotRequired[str]
    lang: NotRequired[Literal['en', 'fr']]


class LocateManyParametersQuery(TypedDict):
    accuracy: NotRequired[float]
    max_distance: NotRequired[float]
    fields: NotRequired[str]
    lat_column: NotRequired[str]
    lon_column: NotRequired[str]
    vintage: NotRequired[str]
    fsa_vintage: NotRequired[str]
    at: NotRequired[str]
    lang: NotRequired[Literal['en', 'fr']]


class GetNowParametersQuery(TypedDict):
    lat: NotRequired[float]
    lon: NotRequired[float]
    accuracy: NotRequired[float]
    fsa: NotRequired[str]
    vintage: NotRequired[str]
    fsa_vintage: NotRequired[str]
    lang: NotRequired[Literal['en', 'fr']]


class GetNowPrivatelyParametersQuery(TypedDict):
    vintage: NotRequired[str]
    fsa_vintage: NotRequired[str]
    lang: NotRequired[Literal['en', 'fr']]


class ReadyzParametersQuery(TypedDict):
    lang: NotRequired[Literal['en', 'fr']]


class SearchParametersQuery(TypedDict):
    q: str
    limit: NotRequired[int]
    lang: NotRequired[Literal['en', 'fr']]


class GetTilejsonParametersQuery(TypedDict):
    vintage: NotRequired[str]
    at: NotRequired[str]
    lang: NotRequired[Literal['en', 'fr']]


class ListVintagesParametersQuery(TypedDict):
    lang: NotRequired[Literal['en', 'fr']]


class ListChangesParametersQuery(TypedDict):
    kind: NotRequired[Literal['kept', 'renamed', 'recoded', 'moved', 'split', 'merged', 'new', 'gone', 'outside']]
    code: NotRequired[str]
    limit: NotRequired[int]
    offset: NotRequired[int]
    lang: NotRequired[Literal['en', 'fr']]


class GetVintageParametersQuery(TypedDict):
    lang: NotRequired[Literal['en', 'fr']]


class BriefFigure(TypedDict):
    id: str
    value: float | None
    interval: list[float | None] | None
    period: NotRequired[Period | None]
    status: Literal['reported', 'carried', 'not_reported', 'unassigned', 'suppressed', 'capped', 'withdrawn', 'estimated']
    trend: str | None


class Change(TypedDict):
    of: Literal['from', 'to']
    code: str
    dguid: str | None
    name: str
    name_en: str
    name_fr: str
    pruid: Literal['10', '11', '12', '13', '24', '35', '46', '47', '48', '59', '60', '61', '62'] | None
    area_km2: float
    kind: Literal['kept', 'renamed', 'recoded', 'moved', 'split', 'merged', 'new', 'gone', 'outside']
    share_outside: float
    code_reused: bool
    counterparts: list[Counterpart]
    slivers_left_out: int


Changes = TypedDict(
    'Changes',
    {
        'demo': bool,
        'notice': NotRequired[str],
        'from': Vintage,
        'to': Vintage,
        'attribution': str,
        'licence': str,
        'thresholds': ChangeThresholds,
        'summary': ChangeSummary,
        'number_matched': int,
        'number_returned': int,
        'links': list[Link],
        'changes': list[Change],
    },
)


class Checks(TypedDict):
    database: bool
    postgis: str | None
    functions: bool
    migrations_missing: int
    vintages: dict[str, VintageInForce | None]


class Coverage(TypedDict):
    coverage: str
    name: str
    name_en: str
    name_fr: str
    vintage: Vintage | None
    vintages: list[str]
    links: list[Link]


class CoverageList(TypedDict):
    coverages: list[Coverage]


class Fsa(TypedDict):
    code: str
    is_split: bool
    province: Province
    given: Literal['fsa', 'postal_code']
    used: str
    ordered_by: Literal['people', 'area']
    people_basis: Literal['blocks', 'postal_codes'] | None
    share_outside: float
    warnings: list[CodeWarning]
    slivers_left_out: int
    artefacts: list[HealthRegionArtefact]


class FsaHealthRegionProperties(TypedDict):
    hruid: str
    dguid: str | None
    name: str
    name_en: str
    name_fr: str
    pruid: Literal['10', '11', '12', '13', '24', '35', '46', '47', '48', '59', '60', '61', '62'] | None
    province: Province | None
    population: int | None
    land_area_km2: float | None
    area_km2: float
    vintage: str
    warnings: list[CodeWarning]
    share_of_people: float | None
    share_of_fsa: float
    share_of_region: float
    region_area_km2: float


class FsaProperties(TypedDict):
    cfsauid: NotRequired[str]
    dguid: NotRequired[str | None]
    name: NotRequired[str]
    name_en: NotRequired[str]
    name_fr: NotRequired[str]
    pruid: NotRequired[Literal['10', '11', '12', '13', '24', '35', '46', '47', '48', '59', '60', '61', '62'] | None]
    province: NotRequired[Province | None]
    population: NotRequired[int | None]
    land_area_km2: NotRequired[float | None]
    area_km2: NotRequired[float]
    vintage: NotRequired[str]
    warnings: NotRequired[list[CodeWarning]]


class FsaResult(TypedDict):
    id: NotRequired[Any]
    status: str
    fsa: NotRequired[Fsa]
    health_regions: NotRequired[list[HealthRegionShare]]
    detail: NotRequired[str]
    hint: NotRequired[str]


class FsaWithoutBoundary(TypedDict):
    code: str
    provinces: list[Province]
    neighbours: list[str]


class Gate(TypedDict):
    name: str
    limit: str
    found: str
    passed: bool
    rows: list[str]
    accepted: GateAcceptance | None


Geometry: TypeAlias = Polygon | MultiPolygon


class HealthRegionFsaProperties(TypedDict):
    cfsauid: str
    dguid: str | None
    name: str
    name_en: str
    name_fr: str
    pruid: Literal['10', '11', '12', '13', '24', '35', '46', '47', '48', '59', '60', '61', '62'] | None
    province: Province | None
    population: int | None
    land_area_km2: float | None
    area_km2: float
    vintage: str
    warnings: list[CodeWarning]
    share_of_people: float | None
    share_of_fsa: float
    share_of_region: float
    fsa_area_km2: float


class HealthRegionNeighbourProperties(TypedDict):
    hruid: str
    dguid: str | None
    name: str
    name_en: str
    name_fr: str
    pruid: Literal['10', '11', '12', '13', '24', '35', '46', '47', '48', '59', '60', '61', '62'] | None
    province: Province | None
    population: int | None
    land_area_km2: float | None
    area_km2: float
    vintage: str
    warnings: list[CodeWarning]
    border_km: float


class HealthRegionProperties(TypedDict):
    hruid: NotRequired[str]
    dguid: NotRequired[str | None]
    name: NotRequired[str]
    name_en: NotRequired[str]
    name_fr: NotRequired[str]
    pruid: NotRequired[Literal['10', '11', '12', '13', '24', '35', '46', '47', '48', '59', '60', '61', '62'] | None]
    province: NotRequired[Province | None]
    population: NotRequired[int | None]
    land_area_km2: NotRequired[float | None]
    area_km2: NotRequired[float]
    vintage: NotRequired[str]
    warnings: NotRequired[list[CodeWarning]]


class Indicator(TypedDict):
    id: str
    name: str
    name_en: str
    name_fr: str
    definition: str
    definition_en: str
    definition_fr: str
    unit: str
    kind: Literal['cumulative', 'count', 'stock', 'percent', 'concentration']
    period: Literal['day', 'week']
    good_direction: Literal['up', 'down', 'none']
    measures: list[Measure]
    default_measure: Literal['cumulative', 'new_1d', 'new_7d', 'rate', 'rate_7d', 'value']
    classes: dict[str, list[float]]
    coverage: str | None
    vintage: str | None
    places: int
    first: str | None
    last: str | None
    latest: str | None
    cadence: list[dict[str, Any]]
    issue: Issue
    held: NotRequired[HeldIssues]
    attribution: str
    licence: str
    licence_url: str
    links: list[Link]


class IndicatorCube(TypedDict):
    indicator: str
    measure: Literal['cumulative', 'new_1d', 'new_7d', 'rate', 'rate_7d', 'value']
    unit: str
    classes: list[float] | None
    issue: Issue
    held: NotRequired[HeldIssues]
    attribution: str
    licence: str
    licence_url: str
    coverage: str | None
    vintage: str | None
    freq: Literal['day', 'week']
    start: str | None
    step_days: int
    length: int
    places: dict[str, list[float | None]]
    status: dict[str, list[list[int]]]
    statuses: list[IndicatorStatus]


class IndicatorDetail(TypedDict):
    id: str
    name: str
    name_en: str
    name_fr: str
    definition: str
    definition_en: str
    definition_fr: str
    unit: str
    kind: Literal['cumulative', 'count', 'stock', 'percent', 'concentration']
    period: Literal['day', 'week']
    good_direction: Literal['up', 'down', 'none']
    measures: list[Measure]
    default_measure: Literal['cumulative', 'new_1d', 'new_7d', 'rate', 'rate_7d', 'value']
    classes: dict[str, list[float]]
    coverage: str | None
    vintage: str | None
    places: list[IndicatorPlace]
    first: str | None
    last: str | None
    latest: str | None
    cadence: list[dict[str, Any]]
    issue: Issue
    held: NotRequired[HeldIssues]
    attribution: str
    licence: str
    licence_url: str
    links: list[Link]
    notes: list[IndicatorNote]
    statuses: list[IndicatorStatus]


class IndicatorDownloads(TypedDict):
    indicator: str
    name: str
    issue: Issue
    held: NotRequired[HeldIssues]
    attribution: str
    licence: str
    licence_url: str
    checksums: str
    files: list[IndicatorFile]


class IndicatorIssueDetail(TypedDict):
    indicator: str
    id: int
    source: str
    issued_at: str
    loaded_at: str
    status: Literal['staged', 'published', 'rolled_back']
    file: str
    sha256: str
    new: int
    changed: int
    withdrawn: int
    gates_failed: list[str]
    accepted: IssueAcceptance | None
    values: int | None
    first: str | None
    last: str | None
    places: list[PlaceChanges]
    largest_change: LargestChange | None
    gates: list[IssueGate]


class IndicatorIssues(TypedDict):
    indicator: str
    number_matched: int
    number_returned: int
    issues: list[ListedIssue]
    links: list[Link]


class IndicatorList(TypedDict):
    indicators: list[Indicator]
    statuses: list[IndicatorStatus]


class IndicatorMap(TypedDict):
    indicator: str
    measure: Literal['cumulative', 'new_1d', 'new_7d', 'rate', 'rate_7d', 'value']
    unit: NotRequired[str]
    classes: NotRequired[list[float] | None]
    issue: NotRequired[Issue]
    held: NotRequired[HeldIssues]
    attribution: NotRequired[str]
    licence: NotRequired[str]
    licence_url: NotRequired[str]
    on: str
    coverage: str | None
    vintage: str | None
    values: dict[str, IndicatorFigure | float | None]
    unassigned: NotRequired[dict[str, UnassignedFigure]]
    provinces: NotRequired[dict[str, IndicatorFigure]]
    country: NotRequired[IndicatorFigure | None]
    statuses: NotRequired[list[IndicatorStatus]]


class IndicatorRevisions(TypedDict):
    indicator: str
    place: str
    period: str
    unit: str
    revisions: list[Revision]
    statuses: list[IndicatorStatus]


class IndicatorSeries(TypedDict):
    indicator: str
    measure: Literal['cumulative', 'new_1d', 'new_7d', 'rate', 'rate_7d', 'value']
    unit: str
    classes: list[float] | None
    issue: Issue
    held: NotRequired[HeldIssues]
    attribution: str
    licence: str
    licence_url: str
    coverage: str | None
    vintage: str | None
    freq: Literal['day', 'week']
    start: str | None
    step_days: int
    length: int
    places: dict[str, PlaceSeries]
    statuses: list[IndicatorStatus]
    notes: list[IndicatorNote]


LatestFigure = TypedDict(
    'LatestFigure',
    {
        'id': str,
        'name': str,
        'measure': Literal['cumulative', 'new_1d', 'new_7d', 'rate', 'rate_7d', 'value'],
        'unit': str,
        'on': str,
        'v': float | None,
        'count': NotRequired[float | None],
        'status': Literal['reported', 'carried', 'not_reported', 'unassigned', 'suppressed', 'capped', 'withdrawn', 'estimated'],
        'method': Literal['same', 'sum', 'common', 'part_of', 'weighted'] | None,
        'from': NotRequired[str | None],
        'to': NotRequired[str | None],
        'reported_on': NotRequired[str | None],
        'place': NotRequired[str],
        'group': NotRequired[Group],
        'misplaced_share': NotRequired[float],
        'population': NotRequired[int | None],
        'population_year': NotRequired[int | None],
        'interval': list[float | None] | None,
        'trend': Trend | None,
        'issue': Issue,
        'held': NotRequired[HeldIssues],
        'attribution': str,
        'licence': str,
    },
)


class LocatedFeature(TypedDict):
    type: Literal['Feature']
    id: NotRequired[Any]
    geometry: Point | None
    properties: Properties


class LocatedFeatures(TypedDict):
    type: Literal['FeatureCollection']
    demo: bool
    notice: NotRequired[str]
    vintage: Vintage
    fsa_vintage: Vintage
    attribution: str
    licence: str
    features: list[LocatedFeature]


class LocatedProperties(TypedDict):
    match: Literal['covers', 'nearest', 'none']
    certain: bool
    uncertainty_m: float
    reasons: list[UncertaintyReason]
    distance_m: float | None
    distance_to_border_m: float | None
    neighbour: NearestRegion | None
    health_region: LocatedHealthRegion | None
    fsa: LocatedFsa | None
    province: Province | None
    accuracy_m: NotRequired[float]
    candidates: NotRequired[list[Candidate]]


class LocatedResult(TypedDict):
    id: NotRequired[Any]
    status: str
    match: NotRequired[Literal['covers', 'nearest', 'none']]
    certain: NotRequired[bool]
    uncertainty_m: NotRequired[float]
    reasons: NotRequired[list[UncertaintyReason]]
    distance_m: NotRequired[float | None]
    distance_to_border_m: NotRequired[float | None]
    neighbour: NotRequired[NearestRegion | None]
    health_region: NotRequired[LocatedHealthRegion | None]
    fsa: NotRequired[LocatedFsa | None]
    province: NotRequired[Province | None]
    accuracy_m: NotRequired[float]
    candidates: NotRequired[list[Candidate]]
    hruid: NotRequired[str | None]
    hr_name: NotRequired[str | None]
    cfsauid: NotRequired[str | None]
    pruid: NotRequired[Literal['10', '11', '12', '13', '24', '35', '46', '47', '48', '59', '60', '61', '62'] | None]
    detail: NotRequired[str]
    hint: NotRequired[str]


class NowFigure(TypedDict):
    id: str
    name: str
    measure: Literal['cumulative', 'new_1d', 'new_7d', 'rate', 'rate_7d', 'value']
    unit: str
    value: float | None
    interval: list[float | None] | None
    period: Period | None
    status: Literal['reported', 'carried', 'not_reported', 'unassigned', 'suppressed', 'capped', 'withdrawn', 'estimated']
    method: Literal['same', 'sum', 'common', 'part_of', 'weighted'] | None
    held: NotRequired[HeldIssues]
    reported_on: NotRequired[str | None]
    age_days: NotRequired[int | None]
    trend: NotRequired[Trend | None]
    likely_complete: NotRequired[float | None]
    sparkline: NotRequired[list[float | None]]
    place: NotRequired[LargerPlace]
    population: NotRequired[PopulationOfYear]
    group: NotRequired[Group]
    misplaced_share: NotRequired[float]
    ended_on: NotRequired[str | None]
    revised: NotRequired[Corrections]
    notes: NotRequired[list[NoteTitle]]
    range: NotRequired[list[float] | None]


class NowProvince(TypedDict):
    pruid: str
    abbreviation: str
    name: str
    indicators: list[BriefFigure]


class PossibleRegion(TypedDict):
    hruid: str
    name: str
    indicators: list[BriefFigure]
    share_of_people: NotRequired[float | None]
    share_of_fsa: NotRequired[float]
    differs: bool | None


class Problem(TypedDict):
    type: str
    title: str
    status: int
    detail: str
    parameter: NotRequired[str]
    hint: NotRequired[str]
    fsa: NotRequired[FsaWithoutBoundary]
    elsewhere: NotRequired[list[OtherVintage]]
    checks: NotRequired[Checks]
    instance: NotRequired[str]


class Ready(TypedDict):
    status: Literal['ready']
    checks: Checks


class RegionCollectionFeature(TypedDict):
    id: str
    type: Literal['Feature']
    bbox: list[float]
    geometry: Geometry | None
    properties: RegionProperties


class RegionFeature(TypedDict):
    id: str
    type: Literal['Feature']
    bbox: list[float]
    geometry: Geometry | None
    properties: RegionProperties
    demo: bool
    notice: NotRequired[str]
    vintage: Vintage
    attribution: str
    licence: str


class RegionIndicators(TypedDict):
    region: RegionOfIndicators
    indicators: list[LatestFigure]
    statuses: list[IndicatorStatus]


class RegionNeighbour(TypedDict):
    id: str
    type: Literal['Feature']
    bbox: list[float]
    geometry: Geometry | None
    properties: RegionNeighbourProperties


class RegionNeighbours(TypedDict):
    type: Literal['FeatureCollection']
    bbox: NotRequired[list[float]]
    number_matched: int
    number_returned: int
    region: RegionNeighbourOf
    tolerance_m: float | None
    demo: bool
    notice: NotRequired[str]
    vintage: Vintage
    attribution: str
    licence: str
    features: list[RegionNeighbour]


class SearchResult(TypedDict):
    type: Literal['health-region', 'locality', 'fsa']
    code: str | None
    name: str
    name_en: str
    name_fr: str
    province: Province | None
    position: list[float] | None
    vintage: str
    former: bool
    health_regions: list[SearchedHealthRegion]
    certain: bool | None
    href: str | None


class SearchResults(TypedDict):
    used: str | None
    similar: bool
    number_returned: int
    results: list[SearchResult]
    demo: bool
    notice: NotRequired[str]
    vintage: Vintage
    fsa_vintage: NotRequired[Vintage]
    attribution: str
    licence: str


class TileJson(TypedDict):
    tilejson: Literal['3.0.0']
    name: str
    version: str
    attribution: str
    scheme: Literal['xyz']
    tiles: list[str]
    minzoom: int
    maxzoom: int
    bounds: list[float]
    vector_layers: list[VectorLayer]
    vintage: str
    demo: bool


class VintageDownloads(TypedDict):
    vintage: Vintage
    coverage_name: str
    region_count: int
    product: str
    licence_url: str
    checksums: str
    files: list[VintageFile]


class VintageWhole(TypedDict):
    coverage: str
    label: str
    effective_from: str
    effective_to: str | None
    representation: Literal['digital', 'cartographic']
    demo: bool
    extract: bool
    attribution: str
    licence: str
    licence_url: str
    product: str
    source_url: str
    region_count: int
    source_file: str
    sha256: str
    loaded_at: str
    published_at: str | None
    rows_in_file: int | None
    vertices: int | None
    encoding: str | None
    crs: str | None
    gates: list[Gate]
    repairs: Repairs
    levels: list[Level]
    border_tolerance_m: float | None
    misfit_m: float | None
    compared_with: list[str]


class DownloadList(TypedDict):
    downloads: list[VintageDownloads]
    indicators: list[IndicatorDownloads]


class FsaCollectionFeature(TypedDict):
    id: str
    type: Literal['Feature']
    bbox: list[float]
    geometry: Geometry | None
    properties: FsaProperties


class FsaFeature(TypedDict):
    id: str
    type: Literal['Feature']
    bbox: list[float]
    geometry: Geometry | None
    properties: FsaProperties
    demo: bool
    notice: NotRequired[str]
    vintage: Vintage
    attribution: str
    licence: str


class FsaHealthRegion(TypedDict):
    id: str
    type: Literal['Feature']
    bbox: list[float]
    geometry: Geometry | None
    properties: FsaHealthRegionProperties


class FsaHealthRegions(TypedDict):
    type: Literal['FeatureCollection']
    bbox: NotRequired[list[float]]
    number_matched: int
    number_returned: int
    fsa: Fsa
    demo: bool
    notice: NotRequired[str]
    vintage: Vintage
    fsa_vintage: Vintage
    attribution: str
    licence: str
    features: list[FsaHealthRegion]


class FsaMany(TypedDict):
    demo: bool
    notice: NotRequired[str]
    vintage: Vintage
    fsa_vintage: Vintage
    attribution: str
    licence: str
    results: list[FsaResult]


class HealthRegionCollectionFeature(TypedDict):
    id: str
    type: Literal['Feature']
    bbox: list[float]
    geometry: Geometry | None
    properties: HealthRegionProperties


class HealthRegionFeature(TypedDict):
    id: str
    type: Literal['Feature']
    bbox: list[float]
    geometry: Geometry | None
    properties: HealthRegionProperties
    demo: bool
    notice: NotRequired[str]
    vintage: Vintage
    attribution: str
    licence: str


class HealthRegionFsa(TypedDict):
    id: str
    type: Literal['Feature']
    bbox: list[float]
    geometry: Geometry | None
    properties: HealthRegionFsaProperties


class HealthRegionFsas(TypedDict):
    type: Literal['FeatureCollection']
    bbox: NotRequired[list[float]]
    number_matched: int
    number_returned: int
    health_region: HealthRegionOfFsas
    demo: bool
    notice: NotRequired[str]
    vintage: Vintage
    fsa_vintage: Vintage
    attribution: str
    licence: str
    features: list[HealthRegionFsa]


class HealthRegionNeighbour(TypedDict):
    id: str
    type: Literal['Feature']
    bbox: list[float]
    geometry: Geometry | None
    properties: HealthRegionNeighbourProperties


class HealthRegionNeighbours(TypedDict):
    type: Literal['FeatureCollection']
    bbox: NotRequired[list[float]]
    number_matched: int
    number_returned: int
    region: HealthRegionNeighbourOf
    tolerance_m: float | None
    demo: bool
    notice: NotRequired[str]
    vintage: Vintage
    attribution: str
    licence: str
    features: list[HealthRegionNeighbour]


class Located(TypedDict):
    type: Literal['Feature']
    geometry: Point
    properties: LocatedProperties
    demo: bool
    notice: NotRequired[str]
    vintage: Vintage
    fsa_vintage: Vintage
    attribution: str
    licence: str


class LocatedMany(TypedDict):
    demo: bool
    notice: NotRequired[str]
    vintage: Vintage
    fsa_vintage: Vintage
    attribution: str
    licence: str
    results: list[LocatedResult]


class Now(TypedDict):
    region: NowRegion | None
    fsa: NotRequired[FsaOfNow]
    reasons: NotRequired[list[NowReason]]
    indicators: list[NowFigure]
    province: NowProvince | None
    also_possible: list[PossibleRegion]
    as_of: str | None
    demo: bool
    attribution: str


class RegionCollection(TypedDict):
    type: Literal['FeatureCollection']
    bbox: NotRequired[list[float]]
    number_matched: int
    number_returned: int
    links: list[Link]
    demo: bool
    notice: NotRequired[str]
    vintage: Vintage
    attribution: str
    licence: str
    features: list[RegionCollectionFeature]


class FsaCollection(TypedDict):
    type: Literal['FeatureCollection']
    bbox: NotRequired[list[float]]
    number_matched: int
    number_returned: int
    links: list[Link]
    demo: bool
    notice: NotRequired[str]
    vintage: Vintage
    attribution: str
    licence: str
    features: list[FsaCollectionFeature]


class HealthRegionCollection(TypedDict):
    type: Literal['FeatureCollection']
    bbox: NotRequired[list[float]]
    number_matched: int
    number_returned: int
    links: list[Link]
    demo: bool
    notice: NotRequired[str]
    vintage: Vintage
    attribution: str
    licence: str
    features: list[HealthRegionCollectionFeature]
