"""Download files of vintages and indicators. Imports run from `make` to `store`, the writers of each format, and `rows`."""
