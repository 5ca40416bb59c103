"""Response bodies: payloads, GeoJSON features, /locate, vintage reports."""
