"""Download files of published vintages. Imports run from `make` to `store`, `tiles`, `arrow`, `text` and down to `rows`."""
