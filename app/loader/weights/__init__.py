"""Population weights: shares of the people of FSAs and of places by region."""
