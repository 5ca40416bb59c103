"""Payloads of the latest figures, and comparison of the figures of two regions."""

from collections.abc import Mapping, Sequence
from datetime import date
from textwrap import shorten
from typing import Any

from api.http.language import translate
from api.responses.indicators import MISPLACED_DECIMALS, group_payload, note_text, number, source_payload, unit_of
from geography.translation import Message
from indicators.queries.catalogue import PublishedIndicator
from indicators.queries.latest import LatestFigure, LatestFigures
from indicators.statistics import Direction, Interval
from indicators.statuses import ValueStatus

TREND_WORDS: Mapping[Direction, Message] = {
    Direction.INCREASE: Message("increase"),
    Direction.DECREASE: Message("decrease"),
    Direction.NO_CLEAR_CHANGE: Message("no clear change"),
}
_DECIMALS, _RATIO_DECIMALS = 2, 3
# Bounds of the notes in a body of 2 kB; `/indicators/{id}` has all notes in full.
_NOTES_MAX, _TITLE_MAX = 2, 40


def figure_payload(latest: LatestFigures, figure: LatestFigure | None, language: str, today: date) -> dict[str, Any]:
    """Return the latest figure of a region; null and `not_reported` if the indicator has no figure for it."""
    published = latest.published
    indicator = published.indicator
    payload: dict[str, Any] = {
        "id": indicator.slug,
        "name": indicator.name_fr if language == "fr" else indicator.name_en,
        "measure": latest.measure,
        "unit": unit_of(published, latest.measure, language),
    }
    payload |= _value_members(figure)
    payload["method"] = None
    if "held" in (source := source_payload(published, language)):
        payload["held"] = source["held"]
    if figure is None:
        return payload
    shown, counted = figure.figure, figure.counted
    payload |= {
        "method": shown.method,
        "reported_on": shown.reported_on,
        "age_days": None if shown.reported_on is None else (today - shown.reported_on).days,
        "trend": trend_payload(figure, language),
        "sparkline": [number(value) for value in figure.weeks],
    }
    if shown.method == "part_of":
        place = shown.place
        payload["place"] = {"id": place.key, "name": place.name_fr if language == "fr" else place.name_en}
    if shown.group is not None:
        payload["group"] = group_payload(shown.group)
    if shown.misplaced_share is not None:
        payload["misplaced_share"] = round(shown.misplaced_share, MISPLACED_DECIMALS)
    if counted.people is not None:
        payload["population"] = {"people": counted.people, "year": counted.people_year}
    if figure.likely_complete is not None:
        payload["likely_complete"] = round(figure.likely_complete, _DECIMALS)
    if figure.ended_on is not None:
        payload["ended_on"] = figure.ended_on
    if figure.revised is not None:
        payload["revised"] = {"times": figure.revised.times, "last": figure.revised.last}
    # The newest: a body has little room.
    notes = [{"id": note.pk, "title": _title(note_text(note, language))} for note in figure.notes[-_NOTES_MAX:]]
    return payload | ({"notes": notes} if notes else {})


def _title(text: str) -> str:
    """Return the beginning of a text: at most `_TITLE_MAX` characters, cut between words."""
    return shorten(text.strip("'\" "), _TITLE_MAX, placeholder="…")


def brief_payload(published: PublishedIndicator, figure: LatestFigure | None, language: str) -> dict[str, Any]:
    """Return a figure of the province, or of another possible region."""
    trend = None if figure is None else trend_payload(figure, language)
    return {"id": published.indicator.slug} | _value_members(figure) | {"trend": trend and trend["word"]}


def without_shared_periods(payloads: Sequence[dict[str, Any]], main: Mapping[str, LatestFigure | None]) -> list[dict[str, Any]]:
    """Return brief payloads, without the period where that of the main region's figure is the same."""
    shared = {name: _value_members(figure)["period"] for name, figure in main.items() if figure is not None}
    return [
        {name: member for name, member in payload.items() if name != "period" or member != shared.get(payload["id"], {})}
        for payload in payloads
    ]


def _value_members(figure: LatestFigure | None) -> dict[str, Any]:
    """Return value, interval, period and status."""
    if figure is None:
        return {"value": None, "interval": None, "period": None, "status": ValueStatus.NOT_REPORTED.code}
    shown = figure.figure
    return {
        "value": number(shown.element.value),
        "interval": interval_payload(figure.interval),
        "period": None if shown.period is None else {"from": shown.period[0], "to": shown.period[1]},
        "status": shown.element.status.code,
    }


def trend_payload(figure: LatestFigure, language: str) -> dict[str, Any] | None:
    """Return the change of a figure from the period before; None without one."""
    change = figure.change
    if change is None or figure.compared_with is None:
        return None
    return {
        "word": translate(TREND_WORDS[change.direction], language),
        "direction": change.direction,
        "ratio": None if change.ratio is None else round(change.ratio, _RATIO_DECIMALS),
        "interval": interval_payload(change.interval, _RATIO_DECIMALS),
        "compared_with": "/".join(day.isoformat() for day in figure.compared_with),
    }


def interval_payload(interval: Interval | None, decimals: int = _DECIMALS) -> list[float | None] | None:
    """Return the two ends of an interval; None without one."""
    if interval is None:
        return None
    return [round(interval.low, decimals), None if interval.high is None else round(interval.high, decimals)]


def value_of(figure: LatestFigure | None) -> float | None:
    """Return the value of a figure; None without one."""
    return None if figure is None else figure.figure.element.value


def answers_differ(figures: Mapping[str, LatestFigure | None], others: Mapping[str, LatestFigure | None]) -> bool:
    """Return whether any indicator has different answers for two regions."""
    return any(_figures_differ(figures.get(name), others.get(name)) for name in figures.keys() | others.keys())


def _figures_differ(figure: LatestFigure | None, other: LatestFigure | None) -> bool:
    """Return whether two figures differ: only one has a value, the directions differ, or or the intervals do not overlap.

    Values without intervals differ if they are unequal. Figures of the same larger place never differ.
    """
    value, other_value = value_of(figure), value_of(other)
    if figure is None or other is None or value is None or other_value is None:
        return (value is None) != (other_value is None)
    directions = [None if latest.change is None else latest.change.direction for latest in (figure, other)]
    if directions[0] != directions[1]:
        return True
    if figure.interval is None or other.interval is None:
        return value != other_value
    return _below(figure.interval, other.interval) or _below(other.interval, figure.interval)


def _below(interval: Interval, other: Interval) -> bool:
    return interval.high is not None and interval.high < other.low
