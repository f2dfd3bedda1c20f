"""Copies of the store's campaigns, messages and reports in the tables of a warehouse."""
