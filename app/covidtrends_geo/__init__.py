"""Regions at positions (point in polygon) from the compiled lookup file of a vintage: `Lookup.read(path).locate(lon, lat)`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from covidtrends_geo.lookup import Lookup

__all__ = ["Lookup"]


def __getattr__(name: str) -> Any:
    # Imported on first use: the service, Spark and Dask import single modules of the package.
    if name == "Lookup":
        from covidtrends_geo.lookup import Lookup  # noqa: PLC0415

        return Lookup
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
