"""Alembic's way into the history of schema `tenancy`."""

from guildhall.domain.migrations.run import history

history("tenancy")
