"""The REST API (API.md)."""
