"""Media types of bulk bodies."""

from enum import Enum

from api.http.body_errors import MediaTypeUnknown
from api.http.renderers import GeoJSONRenderer, JSONRenderer
from geography.translation import Message

ITEMS_MAX = 100_000


class BulkFormat(Enum):
    """A format by its media type, the one that answers are sent with."""

    JSON = JSONRenderer.media_type
    GEOJSON = GeoJSONRenderer.media_type
    CSV = "text/csv"
    NDJSON = "application/x-ndjson"

    @property
    def content_type(self) -> str:
        """The media type as a header of an answer names it: what came in another charset goes out in UTF-8."""
        return f"{self.value}; charset=utf-8" if self is BulkFormat.CSV else self.value


_BY_MEDIA_TYPE = {item.value: item for item in BulkFormat} | {
    "application/ndjson": BulkFormat.NDJSON,
    "application/jsonl": BulkFormat.NDJSON,
    "application/x-jsonlines": BulkFormat.NDJSON,
    "application/csv": BulkFormat.CSV,
    "application/vnd.ms-excel": BulkFormat.CSV,  # what browsers on Windows call a .csv
}


def format_of(content_type: str) -> BulkFormat:
    """Return the format that a Content-Type header names. Raises: MediaTypeUnknown, with those that there are."""
    media_type = content_type.partition(";")[0].strip().lower()
    value = _BY_MEDIA_TYPE.get(media_type)
    if value is None:
        raise MediaTypeUnknown(
            Message("The body is in none of the formats that are read here."),
            hint=Message("Content-Type is one of %(known)s.", known=[item.value for item in BulkFormat]),
        )
    return value


class CSVRenderer(JSONRenderer):
    """Names text/csv where the format of an answer is negotiated; what writes it is `api.bulk.writers`."""

    media_type = BulkFormat.CSV.value
    format = "csv"


class NDJSONRenderer(JSONRenderer):
    """Names application/x-ndjson likewise."""

    media_type = BulkFormat.NDJSON.value
    format = "ndjson"
