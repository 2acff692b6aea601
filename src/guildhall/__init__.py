"""Guildhall: the partner portal of one software vendor."""
