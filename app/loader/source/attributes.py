"""Attribute normalisation: the fields of a row become code, names, province and numbers of a region."""

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from geography.codes import PROVINCE_BY_PRUID, SPACES, fsa_province, normal_code
from geography.normalize import normalize
from loader.source.declarations import CoverageSource

# Mojibake: UTF-8 decoded as Windows-1252 or Latin-1 (Ã©, Â°, Å“, â€”), Windows-1252 decoded as Latin-1 (control characters) or
# as a DOS code page (box-drawing characters), any text decoded as ASCII or UTF-8 with replacement characters. The second byte
# of à, a no-break space, has become a space by then.
_SECOND_BYTES = bytes(range(0x80, 0xC0)).decode("cp1252", errors="ignore")
_MOJIBAKE = re.compile(f"[\u0080-\u009f\ufffd\u2500-\u259f]|[ÃÂÅ][{re.escape(_SECOND_BYTES)}]|â€|Ã(?!\\w)")
# Limits of region.dguid and region.population. Longer text is cut; a larger number is dropped.
_DGUID_MAX_CHARACTERS = 21
_INTEGER_LIMIT = 2**31


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes of a region: the columns of `region` that come from the file, without the geometry."""

    code: str
    dguid: str | None
    name_en: str
    name_fr: str
    search_text: str
    pruid: str
    population: int | None
    land_area_km2: float | None
    attributes: dict[str, Any]


def normalise(values: Mapping[str, Any], columns: Mapping[str, str], coverage: CoverageSource) -> Attributes:
    """Return the attributes of a row: text trimmed and composed (NFC), numbers as numbers, other values unchanged.

    The French name falls back to the English one. The province comes from the file's field, else from the code by the rule of
    the coverage; an invalid one is left empty. An invalid code is not refused here: the gates report it.
    """

    def text(column: str) -> str:
        return as_text(values.get(columns[column])) if column in columns else ""

    code = normal_code(text("code"))
    name_en = code if coverage.name_is_code else text("name_en")
    name_fr = code if coverage.name_is_code else (text("name_fr") or name_en)
    used = set(columns.values())
    return Attributes(
        code=code,
        dguid=text("dguid").upper()[:_DGUID_MAX_CHARACTERS] or None,
        name_en=name_en,
        name_fr=name_fr,
        search_text=normalize(f"{code} {name_en} {name_fr}"),
        pruid=_pruid(text("pruid"), code, coverage.province),
        population=_whole(values.get(columns.get("population", ""))),
        land_area_km2=_real(values.get(columns.get("land_area_km2", ""))),
        attributes={name: _plain(value) for name, value in values.items() if name not in used},
    )


def is_mojibake(text: str) -> bool:
    """Return whether text has the character sequences of a wrong decoding."""
    return _MOJIBAKE.search(text) is not None


def as_text(value: Any) -> str:
    """Return a value as text: trimmed, runs of spaces collapsed, composed (NFC); a whole number without `.0`."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return SPACES.sub(" ", unicodedata.normalize("NFC", str(value)).replace("\0", "")).strip()


def _pruid(value: str, code: str, rule: str) -> str:
    if value:
        return value if value in PROVINCE_BY_PRUID else ""
    if rule == "code":
        return code[:2] if code[:2] in PROVINCE_BY_PRUID else ""
    # Only the rule of the coverage applies: 462, a code of a metropolitan area, is Montréal and not Manitoba.
    province = fsa_province(code) if rule == "postal-letter" else None
    return province.pruid if province else ""


def _real(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _whole(value: Any) -> int | None:
    number = _real(value)
    return round(number) if number is not None and abs(number) < _INTEGER_LIMIT else None


def _plain(value: Any) -> Any:
    """Return a value that JSON and PostgreSQL's jsonb can represent."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, bytes):
        return value.hex()
    return value.replace("\0", "").strip() if isinstance(value, str) else value
