"""Items of a bulk body, and the type of their input."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from api.bulk.columns import Column
from geography.errors import GeographyError

Input = TypeVar("Input")

# Batch size: maximum weight of a batch, about the bytes of its items in the body.
_BATCH_WEIGHT = 1 << 20


@dataclass(slots=True)
class Item(Generic[Input]):
    """One item of a bulk body.

    Attributes:
        input: the parsed input; None if `error` is set.
        id: id that the client chose; None without one.
        row: fields of a CSV row; may be fewer than the columns of the header.
        properties: properties of a GeoJSON feature.
        weight: share of the item in `_BATCH_WEIGHT`.
    """

    input: Input | None
    error: GeographyError | None = None
    id: Any = None
    row: Sequence[str] = ()
    properties: dict[str, Any] = field(default_factory=dict)
    weight: int = 0


def _no_names() -> set[str]:
    return set()


@dataclass(slots=True)
class Items(Generic[Input]):
    """The items of a body, and the parts of the body that the response repeats.

    Attributes:
        items: in the order of the body; may be an iterator.
        columns: CSV header.
        delimiter: CSV delimiter.
        property_names: returns the property names of all GeoJSON features.
    """

    items: Iterable[Item[Input]]
    columns: Sequence[str] = ()
    delimiter: str = ","
    property_names: Callable[[], set[str]] = _no_names


@dataclass(frozen=True, slots=True)
class ItemType(Generic[Input]):
    """Type of the input: how it is read from a CSV row or a JSON value.

    Attributes:
        columns: columns that the input needs.
        members: accepted names of the JSON member that holds the list of items.
        from_fields: returns the input in the fields of a row; raises GeographyError.
        from_json: returns the input in a JSON value; raises GeographyError.
    """

    columns: Sequence[Column]
    members: Sequence[str]
    from_fields: Callable[[Sequence[str]], Input]
    from_json: Callable[[Any], Input]


def batches(items: Iterable[Item[Input]], size: int) -> Iterator[list[Item[Input]]]:
    """Yield the items in lists of at most `size` items and about `_BATCH_WEIGHT` bytes."""
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
