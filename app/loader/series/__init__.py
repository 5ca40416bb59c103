"""Loading of series of health indicators: geodata/series.toml and files into the tables of `indicators`."""
