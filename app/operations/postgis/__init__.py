"""Django's PostGIS backend, timed, and never waiting for a database that says nothing (`operations.circuit_breaker`)."""
