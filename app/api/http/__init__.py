"""HTTP plumbing: conditional requests, response cache, compression, ranges, streaming, languages."""
