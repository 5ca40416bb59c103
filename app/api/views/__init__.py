"""Views: one module per resource. A view parses a typed query, calls geography's queries and returns a response."""
