"""Benchmarks: measurements that the documents quote. They are not tests and do not pass or fail."""
