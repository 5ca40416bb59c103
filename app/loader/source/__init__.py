"""Source files: declarations, download, archive, reader, encoding, CRS, attributes."""
