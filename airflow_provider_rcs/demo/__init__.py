"""The demo: a campaign from a sample warehouse to a table of what became of each message, with everything real."""
