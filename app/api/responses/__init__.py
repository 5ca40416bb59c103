"""Response bodies: payloads, GeoJSON features, /locate, indicators, vintage reports."""
