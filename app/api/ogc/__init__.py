"""OGC API - Features: the published coverages as collections, for GIS clients.

Parts 1 (OGC 17-069r4: Core, GeoJSON, OpenAPI 3.0) and 2 (OGC 18-058r1: Coordinate Reference Systems by Reference).
"""
