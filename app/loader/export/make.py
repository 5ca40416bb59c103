"""Makes the files of published vintages: after a publication what it changed, and at any time what is missing."""

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from django.conf import settings
from django.db import Error

from geography.constants import SRID_WGS84
from geography.download_formats import DESCRIBES
from geography.models import Vintage
from geography.queries.downloads import Download, downloads_of, load_name
from geography.vintages import catalogue
from loader.export import arrow, columns, store, text, tiles
from loader.progress import Steps


@dataclass
class ExportResult:
    """What came of it: names of the files, and for those that failed why."""

    ready: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def export(downloads: Iterable[Download], steps: Steps, *, again: bool = False) -> ExportResult:
    """Make files for `/downloads`: those that are not there, or `again` all of them.

    A file that cannot be made does not keep the others from being made.

    Raises: OSError where DOWNLOADS_DIR cannot be written to; django.db.Error where the database is away.
    """
    made = ExportResult()
    with store.exclusive():
        # Only now: who had the lock before may have made them.
        ready = (
            set()
            if again
            else {published_download.key for published_download in published_downloads() if published_download.state == "ready"}
        )
        wanted = [download for download in downloads if download.key not in ready]
        if wanted:
            with steps.step("downloads", len(wanted)) as step:
                for item in wanted:
                    try:
                        store.store(item, writer_of(item))
                        made.ready.append(item.name)
                    except Exception as error:  # whatever it is, it is told, and the next file may do better
                        if isinstance(error, Error):
                            raise
                        made.failed[item.name] = f"{type(error).__name__}: {error}"
                    step.advance()
    return made


def export_vintages(vintages: Iterable[Vintage], steps: Steps) -> ExportResult:
    """Make what is missing of the files that one of these vintages is in; those that are not published have none.

    Raises: as `make`.
    """
    keys = {vintage.pk for vintage in vintages}
    return export(
        [
            published_download
            for published_download in published_downloads()
            if keys & {published_download.vintage.pk, published_download.other and published_download.other.pk}
        ],
        steps,
    )


def after_publication(vintages: Iterable[Vintage], steps: Steps) -> list[str]:
    """Make what a publication makes missing, and return what there is to tell: nothing where all went well.

    What is published stays published, whatever comes of this.
    """
    if not settings.DOWNLOADS_AT_PUBLISH:
        return []
    try:
        failed = export_vintages(vintages, steps).failed
    except OSError as error:
        failed = {"the files to take away": f"{error.strerror or error} ({settings.DOWNLOADS_DIR})"}
    messages = [f"Published, but {name} could not be made: {why}" for name, why in failed.items()]
    return [*messages, "Once that is mended: manage.py export"] if messages else []


def write_out(download: Download, target: Path) -> None:
    """Write a file to a path of the caller's, where it shows when all of it is there. Raises: OSError."""
    with tempfile.TemporaryDirectory(prefix=".export-", dir=target.parent) as folder:
        made = Path(folder) / download.name
        writer_of(download)(made)
        made.replace(target)


def published_downloads() -> list[Download]:
    """Return every file that there should be, with its state, as the tables say now."""
    catalogue.clear()
    now = catalogue.published()
    return [item for vintage in now.vintages for item in downloads_of(vintage, now)]


def delete_stale() -> list[str]:
    """Delete the files of loads that are no longer in the database, and return their folders."""
    known_values = {load_name(vintage) for vintage in Vintage.objects.only("pk", "created_at")}
    with store.exclusive():
        return [str(path) for path in store.delete_unreferenced(lambda path: path.name in known_values)]


def writer_of(download: Download) -> Callable[[Path], None]:
    """Return the function that writes a file to a path."""
    # The catalogue leaves the report out, which says what the source's fields are called.
    vintage = Vintage.objects.select_related("coverage").get(pk=download.vintage.pk)

    published: dict[str, Callable[[Vintage, Path], None]] = {
        "gpkg": arrow.write_gpkg,
        "fgb": arrow.write_fgb,
        "fgb-wgs84": partial(arrow.write_fgb, srid=SRID_WGS84),
        "parquet": arrow.write_geoparquet,
        "parquet-wgs84": partial(arrow.write_geoparquet, srid=SRID_WGS84),
        "shapefile": arrow.write_shapefile,
    }

    def write(path: Path) -> None:
        match download.format.name:
            case name if name in published:
                published[name](vintage, path)
            case "geojson":
                text.write_geojson(vintage, str(download.level), path)
            case "pmtiles":
                tiles.write_pmtiles(vintage, path)
            case "csv":
                text.write_codes(vintage, path)
            case "csvw":
                columns.describe_codes(vintage, path.name.removesuffix(DESCRIBES), path)
            case "shares" if download.other is not None:
                text.write_shares(vintage, download.other, path)
            case "shares-csvw" if download.other is not None:
                columns.describe_shares(vintage, download.other, path.name.removesuffix(DESCRIBES), path)
            case unknown:
                raise ValueError(f"nothing writes {unknown}")

    return write
