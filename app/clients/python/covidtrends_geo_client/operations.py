"""A method for each operation with JSON; generated from docs/openapi.yaml by app/clients/generate.py."""

from abc import ABC, abstractmethod
from typing import Any, Unpack
from urllib.parse import quote

from . import types


class Operations(ABC):
    """The operations of the service, by their operationId."""

    @abstractmethod
    def _json(self, method: str, path: str, parameters: dict[str, Any], body: object = None) -> Any: ...

    def list_coverages(self, **parameters: Unpack[types.ListCoveragesParametersQuery]) -> types.CoverageList:
        """All coverages with a published vintage: `GET /coverages`."""
        response: types.CoverageList = self._json('GET', '/coverages', {**parameters})
        return response

    def list_coverage_regions(self, coverage: str, **parameters: Unpack[types.ListCoverageRegionsParametersQuery]) -> types.RegionCollection:
        """Regions of a coverage, optionally filtered: `GET /coverages/{coverage}/regions`."""
        response: types.RegionCollection = self._json('GET', f"/coverages/{quote(str(coverage), safe='')}/regions", {**parameters})
        return response

    def get_coverage_region(self, coverage: str, code: str, **parameters: Unpack[types.GetCoverageRegionParametersQuery]) -> types.RegionFeature:
        """One region of a coverage: `GET /coverages/{coverage}/regions/{code}`."""
        response: types.RegionFeature = self._json('GET', f"/coverages/{quote(str(coverage), safe='')}/regions/{quote(str(code), safe='')}", {**parameters})
        return response

    def list_region_indicators(self, coverage: str, code: str, **parameters: Unpack[types.ListRegionIndicatorsParametersQuery]) -> types.RegionIndicators:
        """The latest value of every indicator for a region of any coverage: `GET /coverages/{coverage}/regions/{code}/indicators`."""
        response: types.RegionIndicators = self._json('GET', f"/coverages/{quote(str(coverage), safe='')}/regions/{quote(str(code), safe='')}/indicators", {**parameters})
        return response

    def get_coverage_region_neighbours(self, coverage: str, code: str, **parameters: Unpack[types.GetCoverageRegionNeighboursParametersQuery]) -> types.RegionNeighbours:
        """The neighbours of a region of a coverage: `GET /coverages/{coverage}/regions/{code}/neighbours`."""
        response: types.RegionNeighbours = self._json('GET', f"/coverages/{quote(str(coverage), safe='')}/regions/{quote(str(code), safe='')}/neighbours", {**parameters})
        return response

    def list_downloads(self, **parameters: Unpack[types.ListDownloadsParametersQuery]) -> types.DownloadList:
        """The files of all published vintages and indicators: `GET /downloads`."""
        response: types.DownloadList = self._json('GET', '/downloads', {**parameters})
        return response

    def list_fsas(self, **parameters: Unpack[types.ListFsasParametersQuery]) -> types.FsaCollection:
        """Forward sortation areas, optionally filtered: `GET /fsa`."""
        response: types.FsaCollection = self._json('GET', '/fsa', {**parameters})
        return response

    def locate_many_fsas(self, body: types.Codes, **parameters: Unpack[types.LocateManyFsasParametersQuery]) -> types.FsaMany:
        """The health regions of many FSAs or postal codes: `POST /fsa`."""
        response: types.FsaMany = self._json('POST', '/fsa', {**parameters}, body)
        return response

    def get_fsa(self, code: str, **parameters: Unpack[types.GetFsaParametersQuery]) -> types.FsaHealthRegions:
        """The health regions of an FSA: `GET /fsa/{code}`."""
        response: types.FsaHealthRegions = self._json('GET', f"/fsa/{quote(str(code), safe='')}", {**parameters})
        return response

    def get_fsa_boundary(self, code: str, **parameters: Unpack[types.GetFsaBoundaryParametersQuery]) -> types.FsaFeature:
        """The boundary of an FSA: `GET /fsa/{code}/boundary`."""
        response: types.FsaFeature = self._json('GET', f"/fsa/{quote(str(code), safe='')}/boundary", {**parameters})
        return response

    def list_health_regions(self, **parameters: Unpack[types.ListHealthRegionsParametersQuery]) -> types.HealthRegionCollection:
        """Health regions, optionally filtered: `GET /health-regions`."""
        response: types.HealthRegionCollection = self._json('GET', '/health-regions', {**parameters})
        return response

    def get_health_region(self, id: str, **parameters: Unpack[types.GetHealthRegionParametersQuery]) -> types.HealthRegionFeature:
        """One health region: `GET /health-regions/{id}`."""
        response: types.HealthRegionFeature = self._json('GET', f"/health-regions/{quote(str(id), safe='')}", {**parameters})
        return response

    def get_health_region_fsas(self, id: str, **parameters: Unpack[types.GetHealthRegionFsasParametersQuery]) -> types.HealthRegionFsas:
        """The FSAs of a health region: `GET /health-regions/{id}/fsa`."""
        response: types.HealthRegionFsas = self._json('GET', f"/health-regions/{quote(str(id), safe='')}/fsa", {**parameters})
        return response

    def list_health_region_indicators(self, id: str, **parameters: Unpack[types.ListHealthRegionIndicatorsParametersQuery]) -> types.RegionIndicators:
        """The latest value of every indicator for a health region: `GET /health-regions/{id}/indicators`."""
        response: types.RegionIndicators = self._json('GET', f"/health-regions/{quote(str(id), safe='')}/indicators", {**parameters})
        return response

    def get_health_region_neighbours(self, id: str, **parameters: Unpack[types.GetHealthRegionNeighboursParametersQuery]) -> types.HealthRegionNeighbours:
        """The neighbours of a health region: `GET /health-regions/{id}/neighbours`."""
        response: types.HealthRegionNeighbours = self._json('GET', f"/health-regions/{quote(str(id), safe='')}/neighbours", {**parameters})
        return response

    def list_indicators(self, **parameters: Unpack[types.ListIndicatorsParametersQuery]) -> types.IndicatorList:
        """All loaded indicators: `GET /indicators`."""
        response: types.IndicatorList = self._json('GET', '/indicators', {**parameters})
        return response

    def get_indicator(self, id: str, **parameters: Unpack[types.GetIndicatorParametersQuery]) -> types.IndicatorDetail:
        """One indicator with its places and dated notes: `GET /indicators/{id}`."""
        response: types.IndicatorDetail = self._json('GET', f"/indicators/{quote(str(id), safe='')}", {**parameters})
        return response

    def get_indicator_cube(self, id: str, **parameters: Unpack[types.GetIndicatorCubeParametersQuery]) -> types.IndicatorCube:
        """One measure for all places and days, in columns: `GET /indicators/{id}/cube`."""
        response: types.IndicatorCube = self._json('GET', f"/indicators/{quote(str(id), safe='')}/cube", {**parameters})
        return response

    def list_indicator_issues(self, id: str, **parameters: Unpack[types.ListIndicatorIssuesParametersQuery]) -> types.IndicatorIssues:
        """The issues of an indicator, newest first: `GET /indicators/{id}/issues`."""
        response: types.IndicatorIssues = self._json('GET', f"/indicators/{quote(str(id), safe='')}/issues", {**parameters})
        return response

    def get_indicator_issue(self, id: str, issue: int, **parameters: Unpack[types.GetIndicatorIssueParametersQuery]) -> types.IndicatorIssueDetail:
        """One issue with its changes, gates and acceptances: `GET /indicators/{id}/issues/{issue}`."""
        response: types.IndicatorIssueDetail = self._json('GET', f"/indicators/{quote(str(id), safe='')}/issues/{quote(str(issue), safe='')}", {**parameters})
        return response

    def get_indicator_map(self, id: str, **parameters: Unpack[types.GetIndicatorMapParametersQuery]) -> types.IndicatorMap:
        """One measure of all regions on one day: `GET /indicators/{id}/map`."""
        response: types.IndicatorMap = self._json('GET', f"/indicators/{quote(str(id), safe='')}/map", {**parameters})
        return response

    def list_indicator_revisions(self, id: str, **parameters: Unpack[types.ListIndicatorRevisionsParametersQuery]) -> types.IndicatorRevisions:
        """All published values of a place and day: `GET /indicators/{id}/revisions`."""
        response: types.IndicatorRevisions = self._json('GET', f"/indicators/{quote(str(id), safe='')}/revisions", {**parameters})
        return response

    def get_indicator_series(self, id: str, **parameters: Unpack[types.GetIndicatorSeriesParametersQuery]) -> types.IndicatorSeries:
        """One measure for selected places over time: `GET /indicators/{id}/series`."""
        response: types.IndicatorSeries = self._json('GET', f"/indicators/{quote(str(id), safe='')}/series", {**parameters})
        return response

    def livez(self, **parameters: Unpack[types.LivezParametersQuery]) -> types.Live:
        """Liveness of the process: `GET /livez`."""
        response: types.Live = self._json('GET', '/livez', {**parameters})
        return response

    def locate_many(self, body: types.Positions, **parameters: Unpack[types.LocateManyParametersQuery]) -> types.LocatedMany:
        """The health regions and FSAs at many positions: `POST /locate`."""
        response: types.LocatedMany = self._json('POST', '/locate', {**parameters}, body)
        return response

    def readyz(self, **parameters: Unpack[types.ReadyzParametersQuery]) -> types.Ready:
        """Readiness of the service: `GET /readyz`."""
        response: types.Ready = self._json('GET', '/readyz', {**parameters})
        return response

    def search(self, **parameters: Unpack[types.SearchParametersQuery]) -> types.SearchResults:
        """Health regions, localities and FSAs that match a text: `GET /search`."""
        response: types.SearchResults = self._json('GET', '/search', {**parameters})
        return response

    def get_tilejson(self, coverage: str, **parameters: Unpack[types.GetTilejsonParametersQuery]) -> types.TileJson:
        """TileJSON of a coverage: `GET /tiles/{coverage}.json`."""
        response: types.TileJson = self._json('GET', f"/tiles/{quote(str(coverage), safe='')}.json", {**parameters})
        return response

    def list_vintages(self, **parameters: Unpack[types.ListVintagesParametersQuery]) -> types.VintageList:
        """All published vintages: `GET /vintages`."""
        response: types.VintageList = self._json('GET', '/vintages', {**parameters})
        return response

    def list_changes(self, coverage: str, a: str, b: str, **parameters: Unpack[types.ListChangesParametersQuery]) -> types.Changes:
        """The changes of all regions between two vintages: `GET /vintages/{coverage}/{a}/changes/{b}`."""
        response: types.Changes = self._json('GET', f"/vintages/{quote(str(coverage), safe='')}/{quote(str(a), safe='')}/changes/{quote(str(b), safe='')}", {**parameters})
        return response

    def get_vintage(self, coverage: str, label: str, **parameters: Unpack[types.GetVintageParametersQuery]) -> types.VintageWhole:
        """One vintage with its source and gates: `GET /vintages/{coverage}/{label}`."""
        response: types.VintageWhole = self._json('GET', f"/vintages/{quote(str(coverage), safe='')}/{quote(str(label), safe='')}", {**parameters})
        return response
