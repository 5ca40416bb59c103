"""Export of a vintage as an offline pack: see `covidtrends_geo.pack`."""

from pathlib import Path

from covidtrends_geo.pack import PackRegion, write_pack
from geography.models import Vintage
from loader.export import rows
from loader.export.metadata import vintage_metadata

_SQL = """
    SELECT code, name_en, name_fr, nullif(pruid, ''), coalesce(misfit_m, 0), ST_AsBinary(geom, 'NDR')
    FROM region WHERE vintage_id = %s ORDER BY code
"""


def write(vintage: Vintage, path: Path) -> None:
    """Write the pack of a vintage. Memory holds one region as published. Queries: 1. Raises: OSError."""
    regions = (PackRegion(*row) for row in rows.stream(_SQL, [vintage.pk], chunk_size=1))
    write_pack(path, regions, vintage_metadata(vintage))
