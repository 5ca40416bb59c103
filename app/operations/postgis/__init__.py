"""Database backend of the web workers: Django's PostGIS backend with statement timing, permits and the circuit breaker."""
