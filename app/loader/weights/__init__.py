"""Population weights: how the people of FSAs and of places are distributed over regions."""
