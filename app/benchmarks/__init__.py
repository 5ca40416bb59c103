"""Measurements that the documents quote. Not tests: nothing here passes or fails."""
