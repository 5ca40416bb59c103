"""Queries of the indicator tables."""
