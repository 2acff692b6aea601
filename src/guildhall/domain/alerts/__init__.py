"""Alerts: what is wrong now at a partner's customers, once for each cause (PRODUCT §8)."""
