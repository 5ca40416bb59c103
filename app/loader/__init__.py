"""Loader: import pipeline from a boundary file to a published vintage. `pipeline` runs the steps, one module each."""
