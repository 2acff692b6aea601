"""Two histories that know nothing of each other: `portal` and `tenancy`. `run.py` brings both to their heads."""
