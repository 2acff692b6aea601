"""Signing in and out, language and theme, own sessions: the same pages on the three surfaces with pages."""
