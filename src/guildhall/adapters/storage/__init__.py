"""Keeping files: on this machine's disk, in S3, or in memory for tests."""
