"""Who carries letters: an SMTP server, or nobody."""
