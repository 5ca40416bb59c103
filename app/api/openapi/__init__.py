"""The OpenAPI document: schemas, examples, post-processing."""
