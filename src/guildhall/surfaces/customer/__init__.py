"""Customer portal."""
