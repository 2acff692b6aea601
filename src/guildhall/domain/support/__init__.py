"""Tickets and their clocks (PRODUCT §8)."""
