"""Renderers (REST framework): JSON by orjson, which copies ready-made text (`orjson.Fragment`) without parsing it."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from rest_framework.renderers import BaseRenderer

PROBLEM_MEDIA_TYPE = "application/problem+json"


# JSON in UTF-8.
json_bytes: Callable[[Any], bytes] = orjson.dumps


class JSONRenderer(BaseRenderer):
    """application/json, supported by every JSON and GeoJSON route."""

    media_type = "application/json"
    format = "json"
    # JSON is UTF-8 by definition (RFC 8259), without a charset parameter.
    charset = None
    render_style = "binary"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """Return the body, empty for None."""
        return b"" if data is None else json_bytes(data)


class GeoJSONRenderer(JSONRenderer):
    """application/geo+json (RFC 7946)."""

    media_type = "application/geo+json"
    format = "geojson"


class TileRenderer(JSONRenderer):
    """application/vnd.mapbox-vector-tile. Problems are rendered as JSON."""

    media_type = "application/vnd.mapbox-vector-tile"
    format = "mvt"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """Return the bytes of a tile unchanged, a problem as JSON."""
        return data if isinstance(data, bytes) else super().render(data, accepted_media_type, renderer_context)


class FileRenderer(JSONRenderer):
    """Any media type: for routes that send a file whatever the Accept header is. Only problems are rendered, as JSON."""

    media_type = "*/*"
    format = "file"
