"""Request parsing: parameters, validators, request models, choice of the vintage."""
