"""A stand-in for the RCS service, written from its document alone, for trying the provider and testing it."""
