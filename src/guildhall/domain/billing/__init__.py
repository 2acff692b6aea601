"""Subscriptions and what tenants owe (PRODUCT §7)."""
