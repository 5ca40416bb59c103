"""Names of the columns that the answers add."""

from collections.abc import Iterable
from itertools import chain, count

from covidtrends_geo.bulk.layers import STATUS, Layers


def added_names(layers: Layers, taken: Iterable[str]) -> list[str]:
    """Return the names of the columns of the answers and the status.

    If one of them is taken, all get the first prefix with which none is: `geo_`, `geo2_` …
    """
    added = (*layers.names, STATUS)
    folded = {name.strip().lower() for name in taken}
    prefixes = chain(["", "geo_"], (f"geo{number}_" for number in count(2)))
    prefix = next(prefix for prefix in prefixes if not any(prefix + name in folded for name in added))
    return [prefix + name for name in added]
