"""Database routing, connection counts and the SQL objects of schema geo."""
