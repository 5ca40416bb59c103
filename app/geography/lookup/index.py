"""Point lookup in the spatial index of a vintage: a compiled file (`covidtrends_geo`) that the processes of a machine share."""

from collections.abc import Sequence

import numpy as np

from covidtrends_geo.answers import COVERS, MATCHES, answers
from covidtrends_geo.constants import BORDER_EPSILON_M, NO_REGION
from covidtrends_geo.lookup_file import LookupFile
from covidtrends_geo.point import PointEngine, answer
from geography.coordinates import LonLat
from geography.lookup.types import Located, Search
from geography.models import Vintage


class IndexLocator:
    """Engine of point lookups in one vintage that searches its index. Threads share it.

    Attributes:
        file: the open index.
    """

    in_memory = True

    def __init__(self, vintage: Vintage, file: LookupFile) -> None:
        self.vintage, self.file = vintage, file
        self._points = PointEngine(file.engine)

    def locate(self, positions: Sequence[LonLat], search: Search) -> list[Located]:
        """Return the result for each position, in the order of the positions. Queries: none."""
        if len(positions) == 1:
            hit = self._points.hit(*positions[0], search.radius_m, nearest_m=search.nearest_m, border=search.border)
            return [Located(self.vintage, *answer(hit, search.radius_m, search.nearest_m, self.file.regions))]
        return self._locate_many(positions, search)

    def circle_shares(self, position: LonLat, radius_m: float) -> dict[str, float]:
        """Return the part (0 to 1) of the circle around a position that each region covers, by its code. Queries: none."""
        shares = self._points.circle_shares(*position, radius_m)
        return {self.file.regions[number].code: share for number, share in shares.items()}

    def _locate_many(self, positions: Sequence[LonLat], search: Search) -> list[Located]:
        engine, regions, vintage = self.file.engine, self.file.regions, self.vintage
        lon, lat = np.array(positions).T.copy()
        hits = engine.hits(lon, lat, search.radius_m, nearest_m=search.nearest_m, border=search.border)
        columns = answers(hits, search.radius_m, search.nearest_m, engine.misfits)
        results: list[Located] = []
        starts = np.searchsorted(hits.positions, np.arange(len(positions) + 1)).tolist()
        near_regions, covering = hits.regions.tolist(), (hits.distances <= BORDER_EPSILON_M).tolist()
        rows = zip(*(column.tolist() for column in columns), starts, starts[1:], strict=False)
        for match, number, distance, certain, uncertainty, neighbour, border, start, end in rows:
            region = regions[number] if number != NO_REGION else None
            near = tuple([regions[other] for other in near_regions[start:end]])
            # Nearly every position is in one region and near no other.
            covered = near
            if end - start > 1 or match != COVERS:
                covered = tuple([item for item, covers in zip(near, covering[start:end], strict=True) if covers])
            results.append(
                Located(
                    vintage,
                    MATCHES[match],
                    region,
                    distance if region is not None else None,
                    certain,
                    uncertainty,
                    covered,
                    near,
                    regions[neighbour] if neighbour != NO_REGION else None,
                    border if neighbour != NO_REGION else None,
                )
            )
        return results
