"""HTTP layer: cache keys, conditional requests, response cache, compression, ranges, streaming, languages."""
