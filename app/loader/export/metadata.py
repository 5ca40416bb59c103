"""Metadata written into every download file: content, source, licence."""

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from geography.codes import PROVINCE_BY_PRUID
from geography.models import Vintage

if TYPE_CHECKING:
    from indicators.queries.catalogue import PublishedIndicator


def vintage_metadata(vintage: Vintage) -> dict[str, str]:
    """Return the metadata of a vintage for a file, by stable keys; empty values are left out."""
    metadata = {
        "title": f"{vintage.coverage.name_en} {vintage.label}",
        "title_fr": f"{vintage.coverage.name_fr} {vintage.label}",
        "coverage": vintage.coverage.slug,
        "vintage": vintage.label,
        "effective_from": str(vintage.effective_from),
        "effective_to": str(vintage.effective_to or ""),
        "representation": vintage.representation,
        "demo": "true" if vintage.demo else "",
        "extract": "true" if vintage.extract else "",
        "product": vintage.product,
        "source_url": vintage.source_url,
        "source_sha256": vintage.source_sha256,
        "licence": vintage.licence,
        "licence_url": vintage.licence_url,
        "attribution_en": vintage.attribution_en,
        "attribution_fr": vintage.attribution_fr,
        "published_at": published_at(vintage).isoformat(),
    }
    return {key: text for key, text in metadata.items() if text}


def indicator_metadata(published: "PublishedIndicator") -> dict[str, str]:
    """Return the metadata of a published indicator for a file, by stable keys; empty values are left out."""
    indicator, issue = published.indicator, published.issue
    metadata = {
        "title": indicator.name_en,
        "title_fr": indicator.name_fr,
        "indicator": indicator.slug,
        "definition_en": indicator.definition_en,
        "definition_fr": indicator.definition_fr,
        "unit": indicator.unit,
        "kind": indicator.kind,
        "coverage": indicator.coverage,
        "vintage": indicator.vintage_label,
        "source": issue.source,
        "source_file": issue.file,
        "issued_at": issue.issued_at.astimezone(UTC).isoformat(),
        "loaded_at": issue.loaded_at.astimezone(UTC).isoformat(),
        "licence": indicator.licence,
        "licence_url": indicator.licence_url,
        "attribution_en": indicator.attribution_en,
        "attribution_fr": indicator.attribution_fr,
    }
    return {key: text for key, text in metadata.items() if text}


def published_at(vintage: Vintage) -> datetime:
    """Return the timestamp for files: the vintage's own, so that the same vintage gives the same bytes."""
    return vintage.created_at.astimezone(UTC).replace(microsecond=0)


def layer_name(vintage: Vintage) -> str:
    """Return a name for a layer or table: lower-case letters, digits and underscores."""
    return re.sub(r"[^0-9a-z]+", "_", f"{vintage.coverage.slug} {vintage.label}".lower())


def licence_text(vintage: Vintage) -> str:
    """Return the text of the licence file, in English and French."""
    metadata = vintage_metadata(vintage)
    demo_en = "These boundaries are made up for demonstration: not for decisions.\n\n" if vintage.demo else ""
    demo_fr = (
        "Ces limites sont inventées pour la démonstration : à ne pas utiliser pour des décisions.\n\n" if vintage.demo else ""
    )
    licence = " ".join(metadata[key] for key in ("licence", "licence_url") if key in metadata) or "-"
    english = (
        f"{metadata['title']}\n\n{demo_en}{metadata.get('attribution_en', '')}\n\nLicence: {licence}\n"
        f"Source: {metadata.get('product', '-')} {metadata.get('source_url', '')}\n"
        f"SHA-256 of the source: {vintage.source_sha256}\n"
    )
    french = (
        f"{metadata['title_fr']}\n\n{demo_fr}{metadata.get('attribution_fr', '')}\n\nLicence : {licence}\n"
        f"Source : {metadata.get('product', '-')} {metadata.get('source_url', '')}\n"
        f"SHA-256 de la source : {vintage.source_sha256}\n"
    )
    return f"{english}\n----\n\n{french}"


def province_name(pruid: str | None) -> str | None:
    """Return the name of a province in Statistics Canada's form, `English / French` if they differ; None without a province."""
    province = PROVINCE_BY_PRUID.get(pruid or "")
    if province is None:
        return None
    names = dict.fromkeys((province.name_en, province.name_fr))
    return " / ".join(names)
