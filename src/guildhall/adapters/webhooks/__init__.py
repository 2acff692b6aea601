"""Carriers of webhooks."""
