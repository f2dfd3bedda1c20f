"""A stand-in for the RCS service, written from its public document alone."""
