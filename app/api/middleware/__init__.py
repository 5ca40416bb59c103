"""Django middleware of the API: rate limit, reads from a replica."""
