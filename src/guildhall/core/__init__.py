"""What every part stands on; no business word lives here."""
