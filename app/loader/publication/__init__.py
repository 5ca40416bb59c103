"""Publication: gates, vintage registration, publish, rollback, report."""
