"""Tenants and their data (PRODUCT §6)."""
