"""Content of a cell, regions and border lines as plain numbers, for a search at one position (`covidtrends_geo.point`)."""

from typing import NamedTuple


class CellContent(NamedTuple):
    """Content of a cell.

    Attributes:
        reference_x, reference_y: the reference point.
        covers: the regions that cover it.
        runs: x and y of the vertices of each run, and the regions that it is a border of.
    """

    reference_x: float
    reference_y: float
    covers: frozenset[int]
    runs: list[tuple[list[float], list[float], list[int]]]
