"""Parameters, request models and parsers of the routes of issues and revisions."""

import re
from dataclasses import dataclass, replace
from datetime import date

from api.requests.indicators import INDICATOR, ON, PLACES, IndicatorQuery
from api.requests.parameters import LANG, OFFSET
from api.requests.parser import Parameter, RequestParser, Values
from api.requests.validators import TEXT_PATTERN, read_choice, read_day, read_whole_number
from geography.errors import ParameterInvalid
from geography.translation import Message
from indicators.errors import IssueUnknown
from indicators.models import IssueStatus

ISSUES_MAX = 1_000
PLACE_MAX_CHARACTERS = 80
_ISSUE = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuesQuery(IndicatorQuery):
    """A page of the issues of an indicator; None as `status` is all."""

    status: str | None
    limit: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueQuery(IndicatorQuery):
    """One issue of an indicator by its id."""

    issue: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionsQuery(IndicatorQuery):
    """The revisions of the value of one place and period."""

    place: str
    period: date


def _read_issue(text: str) -> int:
    if not _ISSUE.fullmatch(text):
        raise IssueUnknown(Message("This is not the id of an issue."), parameter="issue")
    return int(text)


def _read_place(text: str) -> str:
    if "," in text or len(text) > PLACE_MAX_CHARACTERS:
        raise ParameterInvalid(Message("place must be one place."), parameter="place")
    return text.strip()


ISSUE = Parameter(
    "issue", _read_issue, "Id of an issue, as listed by `/indicators/{id}/issues`.", {"type": "integer"}, 1, required=True
)
STATUS = Parameter(
    "status",
    read_choice("status", tuple(IssueStatus.values)),
    "Return only issues with this status: `published`, `staged` (held by gates) or `rolled_back`. Defaults to all.",
    {"type": "string", "enum": list(IssueStatus.values)},
    "published",
)
LIMIT = Parameter(
    "limit",
    read_whole_number("limit", 1, ISSUES_MAX),
    "Maximum number of issues. `links` lead to the next page.",
    {"type": "integer", "minimum": 1, "maximum": ISSUES_MAX, "default": 100},
    100,
    default=100,
)
ISSUES_OFFSET = replace(OFFSET, description="Number of issues to skip, the newest first.")
PLACE = replace(
    PLACES,
    read=_read_place,
    description="One place: a region code, a two-letter province code, `CA`, or a code such as `NS-9999`.",
    schema={"type": "string", "maxLength": PLACE_MAX_CHARACTERS, "pattern": TEXT_PATTERN},
    example="3595",
)
PERIOD = replace(
    ON,
    name="period",
    read=read_day("period"),
    description="Day that the value is about, YYYY-MM-DD; of a weekly indicator the last day of the week.",
    required=True,
)


def _issues(values: Values) -> IssuesQuery:
    return IssuesQuery(
        lang=values["lang"],
        indicator=values["id"],
        status=values["status"],
        limit=values["limit"],
        offset=values["offset"],
    )


ISSUES = RequestParser(_issues, path=(INDICATOR,), query=(STATUS, LIMIT, ISSUES_OFFSET, LANG))
ONE_ISSUE = RequestParser(
    lambda values: IssueQuery(lang=values["lang"], indicator=values["id"], issue=values["issue"]),
    path=(INDICATOR, ISSUE),
    query=(LANG,),
)
REVISIONS = RequestParser(
    lambda values: RevisionsQuery(lang=values["lang"], indicator=values["id"], place=values["place"], period=values["period"]),
    path=(INDICATOR,),
    query=(PLACE, PERIOD, LANG),
)
