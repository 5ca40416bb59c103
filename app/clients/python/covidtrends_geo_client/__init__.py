"""Typed client of a COVIDTrends Geo service: `Client`, and the types of responses in `types`."""

from .client import Client, ProblemError, columns

__all__ = ["Client", "ProblemError", "columns"]
