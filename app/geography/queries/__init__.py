"""Database reads other than point lookups."""
