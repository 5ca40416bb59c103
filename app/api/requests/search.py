"""Parameters, request model and parser of the search."""

from dataclasses import dataclass, replace

from api.requests.models import PlainQuery
from api.requests.parameters import LANG, LIMIT, SEARCH
from api.requests.parser import RequestParser
from api.requests.validators import read_whole_number

LIMIT_DEFAULT, LIMIT_MAX = 10, 50


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchQuery(PlainQuery):
    """A search: text with at least one letter or digit, and the most results."""

    text: str
    limit: int


_TEXT = replace(
    SEARCH,
    description="Name of a locality or health region in English or French, code of a health region, FSA or postal code. "
    "Words may be cut short; case, accents and hyphens are ignored, St, Ste and Saint are the same, and a spelling error in a "
    "word is forgiven.",
    example="carleton place",
    required=True,
)
_LIMIT = replace(
    LIMIT,
    read=read_whole_number("limit", 1, LIMIT_MAX),
    description="Maximum number of results.",
    schema={"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT},
    example=5,
    default=LIMIT_DEFAULT,
)
SEARCH_QUERY = RequestParser(
    lambda values: SearchQuery(lang=values["lang"], text=values["q"], limit=values["limit"]), query=(_TEXT, _LIMIT, LANG)
)
