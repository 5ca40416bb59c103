"""URL routes of the API. Every path is served with and without a trailing slash, without a redirect."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponseBase
from django.urls import URLPattern, path

from api.ogc import views as ogc
from api.views import (
    coverages,
    docs,
    downloads,
    indicator_maps,
    indicator_series,
    indicators,
    issues,
    layers,
    lookups,
    neighbours,
    now,
    positions,
    problems,
    region_indicators,
    search,
    service,
    sitemap,
    tiles,
    vintages,
)


def _with_optional_slash(route: str, view: Callable[..., HttpResponseBase], name: str) -> list[URLPattern]:
    return [path(route, view, name=name), path(f"{route}/", view)]


def _all(*routes: tuple[str, Any, str]) -> list[URLPattern]:
    return [pattern for route in routes for pattern in _with_optional_slash(*route)]


urlpatterns = [
    # First, since Django tries routes in order and /locate is the most frequent.
    *_with_optional_slash("locate", positions.LocateView.as_view(), "locate"),
    *_all(
        ("now", now.NowView.as_view(), "now"),
        ("health-regions", layers.HealthRegionsView.as_view(), "health-regions"),
        ("health-regions/<str:id>.html", layers.HealthRegionView.as_view(suffix="html", schema=None), "health-region-page"),
        ("health-regions/<str:id>.png", layers.HealthRegionView.as_view(suffix="png", schema=None), "health-region-image"),
        ("health-regions/<str:id>.svg", layers.HealthRegionView.as_view(suffix="svg", schema=None), "health-region-drawing"),
        ("health-regions/<str:id>.json", layers.HealthRegionView.as_view(suffix="json", schema=None), "health-region-json"),
        ("health-regions/<str:id>", layers.HealthRegionView.as_view(), "health-region"),
        ("health-regions/<str:id>/fsa", lookups.HealthRegionFsasView.as_view(), "health-region-fsas"),
        ("health-regions/<str:id>/neighbours", neighbours.HealthRegionNeighboursView.as_view(), "health-region-neighbours"),
        ("fsa", layers.FsasView.as_view(), "fsas"),
        ("fsa/<str:code>.html", lookups.FsaView.as_view(suffix="html", schema=None), "fsa-page"),
        ("fsa/<str:code>.json", lookups.FsaView.as_view(suffix="json", schema=None), "fsa-json"),
        ("fsa/<str:code>", lookups.FsaView.as_view(), "fsa"),
        ("fsa/<str:code>/boundary", layers.FsaBoundaryView.as_view(), "fsa-boundary"),
        ("search", search.SearchView.as_view(), "search"),
        ("coverages", coverages.CoveragesView.as_view(), "coverages"),
        ("coverages/<str:coverage>/regions", coverages.CoverageRegionsView.as_view(), "coverage-regions"),
        ("coverages/<str:coverage>/regions/<str:code>", coverages.CoverageRegionView.as_view(), "coverage-region"),
        (
            "coverages/<str:coverage>/regions/<str:code>/neighbours",
            neighbours.CoverageRegionNeighboursView.as_view(),
            "coverage-region-neighbours",
        ),
        ("downloads", downloads.DownloadsView.as_view(), "downloads"),
        # Before the files of vintages, whose routes have as many segments.
        ("downloads/indicators/<str:id>/<str:file>", downloads.IndicatorDownloadView.as_view(), "indicator-download"),
        (
            "downloads/indicators/<str:id>/<str:sha256>/<str:file>",
            downloads.PinnedIndicatorDownloadView.as_view(),
            "pinned-indicator-download",
        ),
        ("downloads/<str:coverage>/<str:label>/<str:file>", downloads.DownloadView.as_view(), "download"),
        (
            "downloads/<str:coverage>/<str:label>/<str:sha256>/<str:file>",
            downloads.PinnedDownloadView.as_view(),
            "pinned-download",
        ),
        ("tiles/<str:coverage>.json", tiles.TileJsonView.as_view(), "tilejson"),
        ("tiles/<str:coverage>/<str:z>/<str:x>/<str:y>.mvt", tiles.TileView.as_view(), "tile"),
        ("vintages", service.VintagesView.as_view(), "vintages"),
        ("vintages/<str:coverage>/<str:label>", vintages.VintageView.as_view(), "vintage"),
        ("vintages/<str:coverage>/<str:a>/changes/<str:b>", vintages.ChangesView.as_view(), "changes"),
        (
            "health-regions/<str:id>/indicators",
            region_indicators.HealthRegionIndicatorsView.as_view(),
            "health-region-indicators",
        ),
        (
            "coverages/<str:coverage>/regions/<str:code>/indicators",
            region_indicators.CoverageRegionIndicatorsView.as_view(),
            "coverage-region-indicators",
        ),
        ("indicators", indicators.IndicatorsView.as_view(), "indicators"),
        ("indicators/<str:id>", indicators.IndicatorDetailView.as_view(), "indicator"),
        ("indicators/<str:id>/map", indicator_maps.MapView.as_view(), "indicator-map"),
        ("indicators/<str:id>/cube", indicator_series.CubeView.as_view(), "indicator-cube"),
        ("indicators/<str:id>/series", indicator_series.SeriesView.as_view(), "indicator-series"),
        ("indicators/<str:id>/issues", issues.IssuesView.as_view(), "indicator-issues"),
        ("indicators/<str:id>/issues/<str:issue>", issues.IssueView.as_view(), "indicator-issue"),
        ("indicators/<str:id>/revisions", issues.RevisionsView.as_view(), "indicator-revisions"),
        ("indicators/<str:id>/map.<str:suffix>", indicator_maps.MapView.as_view(schema=None), "indicator-map-file"),
        ("indicators/<str:id>/cube.<str:suffix>", indicator_series.CubeView.as_view(schema=None), "indicator-cube-file"),
        ("indicators/<str:id>/series.<str:suffix>", indicator_series.SeriesView.as_view(schema=None), "indicator-series-file"),
        ("ogc", ogc.LandingPageView.as_view(schema=None), "ogc"),
        ("ogc/conformance", ogc.ConformanceView.as_view(schema=None), "ogc-conformance"),
        ("ogc/api", ogc.ApiDefinitionView.as_view(schema=None), "ogc-api"),
        ("ogc/collections", ogc.CollectionsView.as_view(schema=None), "ogc-collections"),
        ("ogc/collections/<str:collection>", ogc.CollectionView.as_view(schema=None), "ogc-collection"),
        ("ogc/collections/<str:collection>/items", ogc.ItemsView.as_view(schema=None), "ogc-items"),
        ("ogc/collections/<str:collection>/items/<str:feature>", ogc.FeatureView.as_view(schema=None), "ogc-feature"),
        ("livez", service.LiveView.as_view(), "livez"),
        ("readyz", service.ReadyView.as_view(), "readyz"),
        ("schema", service.SchemaView.as_view(), "schema"),
        ("docs", docs.docs, "docs"),
        ("problems", problems.problems, "problems"),
        ("problems/<str:slug>", problems.problem, "problem"),
    ),
    path("sitemap.xml", sitemap.sitemap, name="sitemap"),
]
