"""Notices to people (PRODUCT §8)."""
