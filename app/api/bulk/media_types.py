"""Media types of bulk requests and responses."""

from enum import Enum

from api.http.body_errors import MediaTypeUnknown
from api.http.renderers import GeoJSONRenderer, JSONRenderer
from geography.translation import Message

ITEMS_MAX = 100_000


class BulkFormat(Enum):
    """A format, by the media type of its responses."""

    JSON = JSONRenderer.media_type
    GEOJSON = GeoJSONRenderer.media_type
    CSV = "text/csv"
    NDJSON = "application/x-ndjson"

    @property
    def content_type(self) -> str:
        """Content-Type of a response. CSV is always UTF-8, whatever the charset of the request."""
        return f"{self.value}; charset=utf-8" if self is BulkFormat.CSV else self.value


_BY_MEDIA_TYPE = {form.value: form for form in BulkFormat} | {
    "application/ndjson": BulkFormat.NDJSON,
    "application/jsonl": BulkFormat.NDJSON,
    "application/x-jsonlines": BulkFormat.NDJSON,
    "application/csv": BulkFormat.CSV,
    "application/vnd.ms-excel": BulkFormat.CSV,  # browsers on Windows send it for .csv files
}


def format_of(content_type: str) -> BulkFormat:
    """Return the format of a Content-Type header. Raises: MediaTypeUnknown; its hint lists the supported types."""
    media_type = content_type.partition(";")[0].strip().lower()
    form = _BY_MEDIA_TYPE.get(media_type)
    if form is None:
        raise MediaTypeUnknown(
            Message("This media type is not supported."),
            hint=Message("Use one of these as Content-Type: %(supported)s.", supported=[form.value for form in BulkFormat]),
        )
    return form


class CSVRenderer(JSONRenderer):
    """text/csv for content negotiation; `api.bulk.writers` writes the body."""

    media_type = BulkFormat.CSV.value
    format = "csv"


class NDJSONRenderer(JSONRenderer):
    """application/x-ndjson for content negotiation; `api.bulk.writers` writes the body."""

    media_type = BulkFormat.NDJSON.value
    format = "ndjson"


class ArrowRenderer(JSONRenderer):
    """application/vnd.apache.arrow.stream for content negotiation; `api.responses.arrow` writes the body."""

    media_type = "application/vnd.apache.arrow.stream"
    format = "arrow"
