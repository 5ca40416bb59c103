"""Bulk lookup of the health regions of FSAs and postal codes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from api.bulk.columns import Column, columns_by_rank
from api.bulk.items import Item, ItemType, batches
from api.bulk.writers import Answer, Failed
from api.responses.payloads import fsa_payload, region_names, shares_payload
from geography.codes import FsaInput, parse_fsa
from geography.db.routing import retry_on_primary
from geography.errors import FsaMalformed
from geography.models import Vintage
from geography.queries.changes import ReusedCode, reused_codes
from geography.queries.overlaps import FsaRegions, fsas_health_regions
from geography.queries.regions import fsa_without_boundary
from geography.translation import Message

CHUNK = 2_000
COLUMNS = ("used", "is_split", "hruid", "hr_name", "share_of_fsa", "hruids", "share_of_people", "ordered_by")

CODE_COLUMN = Column(
    "code_column",
    tuple((name,) for name in ("fsa", "cfsauid", "rta", "postalcode", "codepostal", "postcode", "postal", "pcode", "code")),
)


def _fsa_from_json(value: Any) -> FsaInput:
    """Return the FSA in a string, or in an object with a member named like the code column. Raises: FsaMalformed."""
    if isinstance(value, dict):
        indexes = columns_by_rank([*value], [CODE_COLUMN])
        value = None if indexes is None else [*value.values()][indexes[0]]
    if not isinstance(value, str):
        raise FsaMalformed(
            Message("This item is not an FSA or postal code."),
            hint=Message('Use a string such as "M5V", or an object with the member "code".'),
        )
    return parse_fsa(value)


ITEM_TYPE = ItemType((CODE_COLUMN,), ("codes",), lambda fields: parse_fsa(fields[0]), _fsa_from_json)


def answer_codes(items: Iterable[Item[FsaInput]], vintages: Mapping[str, Vintage], language: str) -> Iterator[list[Answer]]:
    """Yield the answers in chunks, in the order of the items. Queries: as `fsas_health_regions`, for each `CHUNK` items."""
    for batch in batches(items, CHUNK):
        yield retry_on_primary(partial(_chunk, batch, vintages, language))


def _chunk(batch: Sequence[Item[FsaInput]], vintages: Mapping[str, Vintage], language: str) -> list[Answer]:
    codes = {item.input.code for item in batch if item.input is not None}
    regions = fsas_health_regions(fsa_vintage=vintages["fsa_vintage"], health_region_vintage=vintages["vintage"], codes=codes)
    reused = reused_codes(vintages["fsa_vintage"])
    chunk: list[Answer] = []
    for item in batch:
        if item.input is not None and item.input.code not in regions:
            item.error = fsa_without_boundary(item.input.code, vintages["fsa_vintage"])
        chunk.append(
            Failed(item, language)
            if item.error is not None or item.input is None
            else _Regions(item, item.input, regions[item.input.code], reused, language)
        )
    return chunk


class _Regions(Answer):
    """Answer with the health regions of an FSA."""

    __slots__ = ("_fsa_input", "_fsa_regions", "_language", "_reused")

    def __init__(
        self,
        item: Item[FsaInput],
        fsa_input: FsaInput,
        fsa_regions: FsaRegions,
        reused: Mapping[str, Sequence[ReusedCode]],
        language: str,
    ) -> None:
        super().__init__(item)
        self._fsa_input, self._fsa_regions, self._reused, self._language = fsa_input, fsa_regions, reused, language

    def properties(self) -> Mapping[str, Any]:
        block = fsa_payload(self._fsa_regions, self._fsa_input, self._reused, self._language)
        return {"fsa": block, "health_regions": self._regions()}

    def fields(self) -> Sequence[str]:
        regions = self._regions()
        first: Mapping[str, Any] = regions[0] if regions else {"hruid": "", "name": "", "share_of_fsa": ""}
        people = first.get("share_of_people")
        return (
            self._fsa_regions.fsa.code,
            "true" if len(regions) > 1 else "false",
            first["hruid"],
            first["name"],
            str(first["share_of_fsa"]),
            " ".join(region["hruid"] for region in regions),
            "" if people is None else str(people),
            self._fsa_regions.ordered_by,
        )

    def _regions(self) -> list[dict[str, Any]]:
        return [
            region_names(overlap.region, code_name="hruid", language=self._language) | shares_payload(overlap)
            for overlap in self._fsa_regions.overlaps
        ]
