"""Columnar bulk lookup of positions, CSV to CSV, in the indexes of both vintages; shared with `bin/manage locate`."""

from collections.abc import Mapping
from io import BytesIO

from django.conf import settings

from api.bulk.media_types import ITEMS_MAX
from covidtrends_geo.bulk.csv_header import read_header
from covidtrends_geo.bulk.csv_rows import header_row, read_rows, status_of, whole_rows, with_fields
from covidtrends_geo.bulk.layers import Layers
from covidtrends_geo.bulk.names import added_names
from covidtrends_geo.bulk.text_source import InputInvalid, TextSource


def locate_csv(content: bytes, charset: str, layers: Layers, column_names: Mapping[str, str]) -> list[bytes] | None:
    """Return the response in chunks: every row with its fields, the columns of the answers and the status.

    Args:
        charset: charset of the Content-Type header, or an empty text.
        column_names: column names that the client chose, by parameter.

    Returns: None for a body that `api.bulk.parsers.read_body` refuses, which raises the errors in both languages, and for a
    body in which many rows lack fields.
    """
    try:
        blocks = TextSource(BytesIO(content), charset).blocks()
        header, rest = read_header(blocks, column_names.get("lat_column"), column_names.get("lon_column"))
        output = [header_row([*header.names, *added_names(layers, header.names)], header.delimiter)]
        items = padding = 0
        for chunk in whole_rows(rest, header.delimiter):
            rows = read_rows(chunk, header, padding_max=settings.DATA_UPLOAD_MAX_MEMORY_SIZE - padding)
            padding += rows.padding
            items += len(rows.texts)
            if rows.failure is not None or items > ITEMS_MAX:
                return None
            located = status_of(layers.locate(rows.lon, rows.lat), rows.invalid)
            output.append(with_fields(rows.texts, located, layers, header.delimiter))
    except InputInvalid:
        return None
    return output
