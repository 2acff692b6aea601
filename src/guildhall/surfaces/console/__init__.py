"""Partner console."""
