"""Entity-relationship diagram as SVG: a box for each table, placed by depth of reference, a line for each foreign key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

_ROW, _HEAD, _GAP_X, _GAP_Y, _MARGIN = 17, 24, 70, 22, 16
_CHARACTER = 6.2


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table in the diagram. `references` is the table of its foreign key."""

    name: str
    kind: str
    primary: bool
    references: str | None


@dataclass(frozen=True, slots=True)
class _Box:
    x: float
    y: float
    width: float
    height: float


def draw(tables: Mapping[str, Sequence[Column]]) -> str:
    """Return the tables as SVG. The output is deterministic."""
    depths = {name: _depth(name, tables) for name in tables}
    boxes: dict[str, _Box] = {}
    x = float(_MARGIN)
    for depth in sorted(set(depths.values())):
        names = [name for name in tables if depths[name] == depth]
        width = max(_width(name, tables[name]) for name in names)
        y = float(_MARGIN)
        for name in names:
            height = _HEAD + _ROW * len(tables[name]) + 6
            boxes[name] = _Box(x, y, width, height)
            y += height + _GAP_Y
        x += width + _GAP_X
    right = max(box.x + box.width for box in boxes.values()) + _MARGIN
    bottom = max(box.y + box.height for box in boxes.values()) + _MARGIN
    lines = [
        _line(boxes[name], number, boxes[column.references])
        for name, columns in tables.items()
        for number, column in enumerate(columns)
        if column.references in boxes
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {right:.0f} {bottom:.0f}" width="{right:.0f}"'
            f' height="{bottom:.0f}" font-family="ui-monospace, monospace" font-size="10">',
            "<title>Tables and how they hang together</title>",
            f'<rect width="{right:.0f}" height="{bottom:.0f}" fill="#fff"/>',
            *lines,
            *(_drawn(name, columns, boxes[name]) for name, columns in tables.items()),
            "</svg>",
            "",
        ]
    )


def _depth(name: str, tables: Mapping[str, Sequence[Column]]) -> int:
    parents = {column.references for column in tables[name] if column.references in tables and column.references != name}
    return max((_depth(parent, tables) + 1 for parent in parents if parent is not None), default=0)


def _width(name: str, columns: Sequence[Column]) -> float:
    longest = max((len(column.name) + len(column.kind) + 6 for column in columns), default=0)
    return max(longest, len(name) + 4) * _CHARACTER


def _line(box: _Box, number: int, target: _Box) -> str:
    y, end = box.y + _HEAD + _ROW * number + _ROW / 2, target.y + _HEAD + _ROW / 2
    if target is box:  # a table that references itself: a line at the right-hand side
        side = box.x + box.width
        path = f"M{side:.0f} {y:.0f} h14 V{end:.0f} h-14"
    elif target.x + target.width < box.x:
        start, stop = box.x, target.x + target.width
        path = f"M{start:.0f} {y:.0f} C{start - 40:.0f} {y:.0f} {stop + 40:.0f} {end:.0f} {stop:.0f} {end:.0f}"
    else:
        path = f"M{box.x:.0f} {y:.0f} h-12 V{end:.0f} h12"
    return f'<path d="{path}" fill="none" stroke="#8aa4b8"/>'


def _drawn(name: str, columns: Sequence[Column], box: _Box) -> str:
    rows = []
    for number, column in enumerate(columns):
        y = box.y + _HEAD + _ROW * number + 12
        mark = "PK" if column.primary else "FK" if column.references else ""
        rows += [
            f'<text x="{box.x + 6:.0f}" y="{y:.0f}" fill="#b5651d">{mark}</text>',
            f'<text x="{box.x + 26:.0f}" y="{y:.0f}" fill="#222">{escape(column.name)}</text>',
            f'<text x="{box.x + box.width - 6:.0f}" y="{y:.0f}" fill="#777" text-anchor="end">{escape(column.kind)}</text>',
        ]
    return "\n".join(
        [
            f'<rect x="{box.x:.0f}" y="{box.y:.0f}" width="{box.width:.0f}" height="{box.height:.0f}" rx="3" fill="#f6f8fa"'
            ' stroke="#9ab"/>',
            f'<text x="{box.x + 6:.0f}" y="{box.y + 15:.0f}" font-size="12" font-weight="600">{escape(name)}</text>',
            *rows,
        ]
    )
