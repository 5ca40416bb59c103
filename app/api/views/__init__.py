"""Views: a query object in, a selector or two, a body out. They never touch the tables."""
