"""Point lookups (point in polygon): the compiled spatial index, the PostGIS engine, and the choice between them."""
