"""The trail: append-only chains that both sides can read (BOUNDARY §5)."""
