"""JSON Schemas (2020-12, as in OpenAPI 3.1) of all bodies. Tests validate every response against them."""

from api.openapi.schemas import bulk, downloads, indicators, issues, now, positions, regions, search, service, tiles, vintages
from api.openapi.schemas.parts import Schema, ref, with_named_parts

__all__ = ["COMPONENTS", "Schema", "ref"]

COMPONENTS: dict[str, Schema] = with_named_parts(
    {
        **regions.COMPONENTS,
        **positions.COMPONENTS,
        **tiles.COMPONENTS,
        **bulk.COMPONENTS,
        **vintages.COMPONENTS,
        **downloads.COMPONENTS,
        **indicators.COMPONENTS,
        **issues.COMPONENTS,
        **now.COMPONENTS,
        **search.COMPONENTS,
        **service.COMPONENTS,
    }
)
