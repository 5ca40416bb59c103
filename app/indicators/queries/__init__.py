"""Reads of the indicator tables."""
