"""Django middleware of the API: rate limit and replica routing."""
