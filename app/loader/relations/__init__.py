"""Relations between regions: borders, overlaps, changes."""
