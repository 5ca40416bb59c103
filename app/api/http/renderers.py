"""Renderers: bodies as bytes by orjson, which copies ready-made geometry text (`orjson.Fragment`) without parsing it."""

from collections.abc import Mapping
from typing import Any

import orjson
from rest_framework.renderers import BaseRenderer

PROBLEM_MEDIA_TYPE = "application/problem+json"


def json_bytes(data: Any) -> bytes:
    """Return the data as JSON, UTF-8."""
    return orjson.dumps(data)


class JSONRenderer(BaseRenderer):
    """application/json. Every route can be had so, since GeoJSON is JSON."""

    media_type = "application/json"
    format = "json"
    # JSON is UTF-8 by definition (RFC 8259); a charset parameter has no meaning for it.
    charset = None
    render_style = "binary"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """Return the body; empty where there is no data."""
        return b"" if data is None else json_bytes(data)


class GeoJSONRenderer(JSONRenderer):
    """application/geo+json (RFC 7946)."""

    media_type = "application/geo+json"
    format = "geojson"


class TileRenderer(JSONRenderer):
    """application/vnd.mapbox-vector-tile. What is wrong with a request is told in JSON all the same."""

    media_type = "application/vnd.mapbox-vector-tile"
    format = "mvt"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """Return the tile as it is."""
        return data if isinstance(data, bytes) else super().render(data, accepted_media_type, renderer_context)


class FileRenderer(JSONRenderer):
    """For routes that answer with a file, whatever media type was asked for; what is rendered is only ever a problem."""

    media_type = "*/*"
    format = "file"
