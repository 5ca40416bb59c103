"""File formats of an indicator's downloads: names, media types, titles."""

from dataclasses import dataclass

from geography.download_formats import DESCRIBES, Format
from geography.translation import Message

# First segment below /downloads; no coverage may have this name.
GROUP = "indicators"


@dataclass(frozen=True, slots=True)
class IndicatorFormat(Format):
    """A file format of an indicator's values; `by_measure` is True if there is one file for each measure."""

    by_measure: bool = False


_CSV, _CSVW = "text/csv; charset=utf-8", "application/csvm+json"
FORMATS: dict[str, IndicatorFormat] = {
    file_format.name: file_format
    for file_format in (
        IndicatorFormat("csv", ".csv", _CSV, Message("All values, one row for each period and place")),
        IndicatorFormat("csvw", f".csv{DESCRIBES}", _CSVW, Message("Columns, source and licence of the CSV file")),
        IndicatorFormat("parquet", ".parquet", "application/vnd.apache.parquet", Message("The same as Parquet")),
        IndicatorFormat("arrow", ".arrow", "application/vnd.apache.arrow.file", Message("The same as an Arrow IPC file")),
        IndicatorFormat(
            "archive",
            "-archive.parquet",
            "application/vnd.apache.parquet",
            Message("Every value of every issue, for as_epi_archive of R's epiprocess"),
        ),
        IndicatorFormat(
            "archive-csv",
            "-archive.csv.gz",
            "application/gzip",
            Message("The same as gzipped CSV, for read.csv of R"),
        ),
        IndicatorFormat(
            "wide",
            "-wide.csv",
            _CSV,
            Message("One measure, one row for each period, one column for each place"),
            by_measure=True,
        ),
        IndicatorFormat(
            "wide-csvw",
            f"-wide.csv{DESCRIBES}",
            _CSVW,
            Message("Places, source and licence of the table with a column for each place"),
            by_measure=True,
        ),
    )
}
