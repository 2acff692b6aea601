"""Webhooks: what happens to a partner, told to its own software under Standard Webhooks 1.0.0 (PRODUCT §13)."""
