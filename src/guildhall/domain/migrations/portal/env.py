"""Alembic's way into the history of schema `portal`."""

from guildhall.domain.migrations.run import history

history("portal")
