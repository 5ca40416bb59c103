"""Schemas of vector tiles and TileJSON."""

from api.openapi.schemas.parts import LABEL, Schema, array, flag, number, record, text
from geography.constants import TILE_ZOOM_MAX

_ZOOM: Schema = {"type": "integer", "minimum": 0, "maximum": TILE_ZOOM_MAX}

COMPONENTS: dict[str, Schema] = {
    "Tile": {
        "type": "string",
        "format": "binary",
        "description": "Mapbox Vector Tile 2.1 with the layers `regions` and `labels`.",
    },
    "TileJson": record(
        {
            "tilejson": {"const": "3.0.0"},
            "name": text("Name of the coverage, in the response language."),
            "version": text("Version of the layers and fields."),
            "attribution": text("Attribution to display on the map."),
            "scheme": {"const": "xyz"},
            "tiles": array(text("URL template of the tiles.", format="uri-template"), minItems=1, maxItems=1),
            "minzoom": _ZOOM,
            "maxzoom": _ZOOM,
            "bounds": array(number("Degrees, WGS 84."), minItems=4, maxItems=4, description="West, south, east, north."),
            "vector_layers": array(
                record(
                    {
                        "id": text("Name of the layer.", enum=["regions", "labels"]),
                        "description": text("Content of the layer."),
                        "minzoom": _ZOOM,
                        "maxzoom": _ZOOM,
                        "fields": {
                            "type": "object",
                            "description": "Properties of the features.",
                            "additionalProperties": {"type": "string"},
                        },
                    },
                    name="VectorLayer",
                )
            ),
            "vintage": LABEL,
            "demo": flag("True for demonstration data: not for decisions."),
        },
        description="TileJSON 3.0 document of the tiles of a coverage.",
    ),
}
