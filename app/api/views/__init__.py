"""Views: typed query in, reads, response out. They never touch the tables."""
