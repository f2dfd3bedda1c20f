"""Sending a campaign: its list is planned in the store, then claimed, sent and settled request by request."""
