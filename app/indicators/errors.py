"""Errors of questions about indicators, in the tree of `geography.errors`."""

from geography.errors import NotFound


class IndicatorUnknown(NotFound):
    """No published indicator has this name."""


class PlaceUnknown(NotFound):
    """The indicator has no series for this place."""
