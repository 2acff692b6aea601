"""Roles and permissions: one registry (BOUNDARY §1)."""
