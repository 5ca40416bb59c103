"""Vintage rows: registration of a new vintage, and search for the same file loaded before."""

from typing import Any

from geography.models import Coverage, Status, Vintage
from loader.publication.publish import delete
from loader.source.archive import LayerFiles
from loader.source.declarations import COLUMNS, CoverageSource, Layer


def new_vintage(layer: Layer, files: LayerFiles) -> Vintage:
    """Create and return a staged vintage for a file; it replaces any vintage staged under the same label."""
    coverage = _coverage(layer.coverage)
    for stale in Vintage.objects.filter(coverage=coverage, label=layer.vintage, status=Status.STAGED):
        delete(stale)
    return Vintage.objects.create(
        coverage=coverage, layer=layer.name, source_file=files.display_name, **_declared_columns(layer, files)
    )


def _declared_columns(layer: Layer, files: LayerFiles) -> dict[str, Any]:
    """Return the columns of a vintage that come from the declaration and the content of the file."""
    return {
        "label": layer.vintage,
        "effective_from": layer.effective_from,
        "effective_to": layer.effective_to,
        "representation": layer.representation,
        "demo": layer.demo,
        "extract": layer.extract,
        "product": layer.title_en,
        "source_url": layer.url,
        "source_sha256": files.sha256,
        "licence": layer.licence,
        "licence_url": layer.licence_url,
        "attribution_en": layer.attribution_en,
        "attribution_fr": layer.attribution_fr,
    }


def requested_options(layer: Layer) -> dict[str, Any]:
    """Return the other options that affect how a file is read and checked, in the form in which JSON returns them."""
    return {
        "srid": layer.srid,
        "encoding": layer.encoding,
        "expected_count": layer.expected_count,
        "code_pattern": layer.coverage.code_pattern.pattern,
        "province": layer.coverage.province,
        "fields": {column: list(layer.spellings(column)) for column in COLUMNS},
        # Omitted if empty, so that reports of earlier releases stay comparable.
        **({"layer_name": layer.layer_name} if layer.layer_name else {}),
    }


def _coverage(source: CoverageSource) -> Coverage:
    coverage, _ = Coverage.objects.update_or_create(
        slug=source.slug, defaults={"name_en": source.name_en, "name_fr": source.name_fr}
    )
    return coverage


def find_published(layer: Layer, files: LayerFiles) -> Vintage | None:
    """Return the published or staged vintage of the same file, declaration and options; None without one. Queries: 1."""
    return (
        Vintage.objects.select_related("coverage")
        .filter(
            coverage__slug=layer.coverage.slug,
            report__asked=requested_options(layer),
            status__in=[Status.PUBLISHED, Status.STAGED],
            **_declared_columns(layer, files),
        )
        .order_by("status", "-pk")
        .first()
    )
