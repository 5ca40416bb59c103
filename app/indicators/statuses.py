"""Status of a value: the reason for its presence or absence. A missing value is never zero."""

from dataclasses import dataclass
from enum import IntEnum

from geography.translation import Message


class ValueStatus(IntEnum):
    """Status codes in the tables, and indexes into the list `statuses` of a response."""

    REPORTED = 0
    CARRIED = 1
    NOT_REPORTED = 2
    UNASSIGNED = 3
    SUPPRESSED = 4
    CAPPED = 5
    WITHDRAWN = 6
    ESTIMATED = 7

    @property
    def code(self) -> str:
        """Stable name in responses, files and SQL."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class StatusWords:
    """Name and explanation of a status for a reader."""

    name: Message
    detail: Message


WORDS: dict[ValueStatus, StatusWords] = {
    ValueStatus.REPORTED: StatusWords(Message("reported"), Message("The source reported on this day.")),
    ValueStatus.CARRIED: StatusWords(
        Message("last report"), Message("The source did not report on this day; the value is that of its last report.")
    ),
    ValueStatus.NOT_REPORTED: StatusWords(Message("not reported"), Message("The source reports no value. It is not zero.")),
    ValueStatus.UNASSIGNED: StatusWords(
        Message("no region assigned"), Message("Reported for the province without a health region.")
    ),
    ValueStatus.SUPPRESSED: StatusWords(
        Message("suppressed"), Message("Withheld, because a small number could be read from it.")
    ),
    ValueStatus.CAPPED: StatusWords(Message("capped"), Message("The source only states a limit, such as 99 or more.")),
    ValueStatus.WITHDRAWN: StatusWords(Message("withdrawn"), Message("The source withdrew this value.")),
    ValueStatus.ESTIMATED: StatusWords(
        Message("estimated"), Message("Computed from a report over more days, or from another area.")
    ),
}

# Statuses of values that the source itself reported on that day.
REPORTING = frozenset(
    {ValueStatus.REPORTED, ValueStatus.UNASSIGNED, ValueStatus.SUPPRESSED, ValueStatus.CAPPED, ValueStatus.ESTIMATED}
)
