"""Geometry processing: repair, subdivision, simplified levels, tiles."""
