"""Lookup errors for indicators, subclasses of `geography.errors`."""

from geography.errors import NotFound


class IndicatorUnknown(NotFound):
    """Unknown indicator: none with this name is published."""


class PlaceUnknown(NotFound):
    """Unknown place: the indicator has no series for it."""


class IssueUnknown(NotFound):
    """Unknown issue: the indicator has none with this id, or none as early as this."""
