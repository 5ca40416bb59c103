"""Questions of a body, and what they are about."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from api.bulk.columns import Column
from geography.errors import GeographyError

Input = TypeVar("Input")

# Items are answered in batches of at most so much weight: about the bytes of the body that they take.
_BATCH_WEIGHT = 1 << 20


@dataclass(slots=True)
class Item(Generic[Input]):
    """One question of many.

    Attributes:
        input: None where `error` says what is wrong with it.
        id: what the sender calls it; None where they do not.
        row: the fields of its line, of CSV; may be fewer than there are columns.
        properties: of a GeoJSON feature.
        weight: what it takes of a batch.
    """

    input: Input | None
    error: GeographyError | None = None
    id: Any = None
    row: Sequence[str] = ()
    properties: dict[str, Any] = field(default_factory=dict)
    weight: int = 0


def _none() -> set[str]:
    return set()


@dataclass(slots=True)
class Items(Generic[Input]):
    """What was read.

    Attributes:
        items: in the order of the body; may be an iterator.
        columns: of the header, of CSV.
        delimiter: of CSV.
        property_names: returns the names of the properties of all GeoJSON features.
    """

    items: Iterable[Item[Input]]
    columns: Sequence[str] = ()
    delimiter: str = ","
    property_names: Callable[[], set[str]] = _none


@dataclass(frozen=True, slots=True)
class ItemType(Generic[Input]):
    """What is asked about.

    Attributes:
        columns: those that a question needs.
        members: names that the list of questions can have in a JSON object.
        from_fields: returns the question in the fields of a row; raises GeographyError.
        from_json: returns the question in a JSON value; raises GeographyError.
    """

    columns: Sequence[Column]
    members: Sequence[str]
    from_fields: Callable[[Sequence[str]], Input]
    from_json: Callable[[Any], Input]


def batches(items: Iterable[Item[Input]], size: int) -> Iterator[list[Item[Input]]]:
    """Yield the items in lists of at most `size`, fewer where they are long."""
    batch: list[Item[Input]] = []
    weight = 0
    for item in items:
        batch.append(item)
        weight += item.weight
        if len(batch) == size or weight >= _BATCH_WEIGHT:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch
