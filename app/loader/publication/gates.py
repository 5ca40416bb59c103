"""Gates: checks of a staged vintage before publication, each with its limit and the offending rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Sum

from geography.codes import CODE_MAX_CHARACTERS
from geography.models import Overlap, Status, Vintage
from geography.translation import Message, Plural
from loader.geometry.coverage_fit import GAP_WIDTH_M, Fit
from loader.geometry.limits import describe_limits
from loader.geometry.staging import REPAIR_LIMIT_SHARE, Staged
from loader.source.declarations import Layer

GONE_LIMIT_SHARE = 0.25
# The shares of an FSA sum to more than 1 only if regions overlap, and to less only if it is partly outside all regions (water).
SHARE_SUM_MOST, SHARE_SUM_LEAST = 1.05, 0.5
SHARE_LIMIT_PART, OUTSIDE_LIMIT_PART = 0.02, 0.5
_ROWS_MAX = 20

GATES = (
    "geometry",
    "duplicates",
    "codes",
    "provinces",
    "text",
    "repairs",
    "count",
    "canada",
    "overlaps",
    "change",
    "shares",
)


@dataclass(frozen=True, slots=True)
class Gate:
    """The outcome of one gate.

    Attributes:
        name: argument of `--accept`.
        limit: the requirement. result: the measurement.
        rows: offending rows, at most 20.
        acceptable: False if `--accept` cannot override the gate, because answers would be wrong.
    """

    name: str
    limit: Message
    result: Message
    passed: bool
    rows: tuple[str, ...] = ()
    acceptable: bool = True

    def as_dict(self) -> dict[str, Any]:
        """Return the gate as stored with the vintage: in English, with the data that the service needs to translate it."""
        messages = {"limit": self.limit, "found": self.result}
        return {
            "name": self.name,
            **{name: str(message) for name, message in messages.items()},
            "passed": self.passed,
            "rows": list(self.rows),
            "acceptable": self.acceptable,
            "said": {name: message.as_data() for name, message in messages.items()},
        }


def verify(*, layer: Layer, vintage: Vintage, staged: Staged, fit: Fit, previous: Vintage | None) -> list[Gate]:
    """Check a staged vintage with every gate.

    Args:
        fit: coverage quality of its regions.
        previous: the vintage in force before it; None if there is none to compare with.

    Queries: 3, and 4 for each pair of vintages whose overlaps are checked.
    """
    return [
        *verify_rows(staged),
        _rows("codes", _codes_limit(layer), staged.malformed),
        _rows("provinces", _provinces_limit(layer), staged.without_province),
        _rows("text", Message("no text shows the marks of a wrong decoding"), staged.mojibake),
        _rows("repairs", _repairs_limit(), staged.big_repairs),
        _count(layer, staged),
        _fit(fit),
        _change(vintage, previous),
        _shares(vintage),
    ]


def verify_rows(staged: Staged) -> list[Gate]:
    """Return the gates that need only the rows of the file, before any derivation; none can be accepted."""
    return [
        _rows("geometry", _geometry_limit(), staged.unusable, acceptable=False),
        _rows("duplicates", Message("every code occurs once"), staged.duplicates, acceptable=False),
        _rows("canada", describe_limits(), staged.outside, acceptable=False),
    ]


def _geometry_limit() -> Message:
    return Message(
        "every row has a code of 1 to %(most)s characters and a polygon, valid at least after repair", most=CODE_MAX_CHARACTERS
    )


def _codes_limit(layer: Layer) -> Message:
    return Message("every code matches %(pattern)s and has a name", pattern=layer.coverage.code_pattern.pattern)


def _provinces_limit(layer: Layer) -> Message:
    if layer.coverage.province == "none":
        return Message("none: regions may lie in several provinces")
    return Message("every region is in a province or territory")


def _repairs_limit() -> Message:
    return Message("no repair changes an area by more than %(percent)s%%", percent=_percent(REPAIR_LIMIT_SHARE))


def _percent(share: float) -> float:
    return round(share * 100, 6)


def _rounded(number: float) -> float:
    """Return a number rounded to three significant digits."""
    return float(f"{number:.3g}")


def _rows(name: str, limit: Message, rows: Sequence[str], *, acceptable: bool = True) -> Gate:
    result = Plural("%(count)s row", "%(count)s rows", count=len(rows)) if rows else Message("none")
    return Gate(name, limit, result, not rows, tuple(rows[:_ROWS_MAX]), acceptable)


def _count(layer: Layer, staged: Staged) -> Gate:
    regions = _regions(staged.rows)
    if layer.expected_count is None:
        return Gate("count", Message("at least 1 region"), regions, staged.rows > 0, acceptable=False)
    return Gate("count", _regions(layer.expected_count), regions, staged.rows == layer.expected_count)


def _regions(number: int) -> Message:
    return Plural("%(count)s region", "%(count)s regions", count=number)


def _fit(fit: Fit) -> Gate:
    limit = fit.limit_km2
    return Gate(
        "overlaps",
        Message(
            "neighbours overlap by at most %(most)s km2 and leave at most %(most)s km2 in gaps under %(width)s m wide",
            most=_rounded(limit),
            width=GAP_WIDTH_M,
        ),
        Message(
            "%(overlaps)s km2 of overlaps, %(gaps)s km2 of gaps",
            overlaps=_rounded(fit.overlap_km2),
            gaps=_rounded(fit.gap_km2),
        ),
        fit.within_limit,
        (*(fit.pairs if fit.overlap_km2 > limit else ()), *(fit.gaps if fit.gap_km2 > limit else ()))[:_ROWS_MAX],
    )


def _change(vintage: Vintage, previous: Vintage | None) -> Gate:
    limit = Message("at most %(percent)s%% of the previous vintage's codes are gone", percent=_percent(GONE_LIMIT_SHARE))
    if previous is None:
        return Gate("change", limit, Message("no previous vintage to compare with"), passed=True)
    before = set(previous.regions.values_list("code", flat=True))
    gone = sorted(before - set(vintage.regions.values_list("code", flat=True)))
    result = Message(
        "%(gone)s of %(all)s codes of %(vintage)s are gone", gone=len(gone), all=len(before), vintage=previous.label
    )
    return Gate("change", limit, result, len(gone) <= GONE_LIMIT_SHARE * len(before), tuple(gone[:_ROWS_MAX]))


def _shares(vintage: Vintage) -> Gate:
    """Check the shares of every pair of an FSA vintage and a health-region vintage that includes this vintage."""
    limit = Message(
        "at most %(over)s%% of the FSAs have shares that sum to more than %(sum)s, "
        "at most %(outside)s%% lie more than half outside every health region",
        over=_percent(SHARE_LIMIT_PART),
        sum=SHARE_SUM_MOST,
        outside=_percent(OUTSIDE_LIMIT_PART),
    )
    pair_results: list[Message] = []
    rows, passed = [], True
    pairs = Overlap.objects.filter(fsa_vintage=vintage) | Overlap.objects.filter(health_region_vintage=vintage)
    for fsa_id, region_id in sorted(set(pairs.values_list("fsa_vintage", "health_region_vintage").distinct())):
        fsa_vintage, region_vintage = (Vintage.objects.get(pk=pk) for pk in (fsa_id, region_id))
        if fsa_vintage.extract or region_vintage.extract:
            continue
        sums = dict(
            Overlap.objects.filter(fsa_vintage=fsa_vintage, health_region_vintage=region_vintage)
            .values_list("fsa__code")
            .annotate(Sum("share_of_fsa"))
        )
        over = sorted(code for code, total in sums.items() if total > SHARE_SUM_MOST)
        outside = fsa_vintage.region_count - sum(total >= SHARE_SUM_LEAST for total in sums.values())
        pair_results.append(
            Message(
                "%(fsa_vintage)s in %(vintage)s: %(over)s over and %(outside)s outside",
                fsa_vintage=fsa_vintage.label,
                vintage=region_vintage.label,
                over=len(over),
                outside=outside,
            )
        )
        if len(over) > SHARE_LIMIT_PART * fsa_vintage.region_count:
            passed = False
            rows += [f"{code}: {sums[code]:.3f}" for code in over]
        if outside > OUTSIDE_LIMIT_PART * fsa_vintage.region_count:
            passed = False
            inside = [code for code, total in sums.items() if total >= SHARE_SUM_LEAST]
            codes = fsa_vintage.regions.exclude(code__in=inside).order_by("code").values_list("code", flat=True)
            rows += [f"{code}: {sums.get(code, 0.0):.3f}" for code in codes[:_ROWS_MAX]]
    result = (
        Message("FSAs in health regions: %(pairs)s", pairs=pair_results)
        if pair_results
        else Message("no other coverage to compare with")
    )
    return Gate("shares", limit, result, passed, tuple(rows[:_ROWS_MAX]))


def previous_vintage(vintage: Vintage) -> Vintage | None:
    """Return the published vintage in force before this one, ignoring demonstrations and extracts.

    None without one, and for a demonstration or an extract. Queries: 1.
    """
    if vintage.demo or vintage.extract:
        return None
    return (
        Vintage.objects.filter(
            coverage=vintage.coverage,
            status=Status.PUBLISHED,
            demo=False,
            extract=False,
            effective_from__lte=vintage.effective_from,
        )
        .order_by("-effective_from", "-published_at")
        .first()
    )
