"""The business: one noun, one place. Packages import downwards only (pyproject.toml, import-linter)."""
