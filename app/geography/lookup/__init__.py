"""Point lookups: the in-memory index, the PostGIS engine, and the choice between them."""
