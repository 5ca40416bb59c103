"""Published vintages: catalogue, snapshot on disk, resolution of a label or a day."""
