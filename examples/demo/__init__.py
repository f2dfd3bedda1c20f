"""The demo: a whole campaign on one machine, from a sample warehouse to the delivery status of each message."""
