"""Database backend: Django's PostGIS backend with statement timing and the circuit breaker."""
