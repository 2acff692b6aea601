"""Column shapes that many tables share."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, DateTime, ForeignKey, LargeBinary, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from guildhall.core.ids import new_id


def id_column() -> Column[UUID]:
    """Return the primary key `id`, a UUID made by the application."""
    return Column("id", Uuid, primary_key=True, default=new_id)


def moment(name: str, *, nullable: bool = True) -> Column[datetime]:
    """Return a point in time, with zone."""
    return Column(name, DateTime(timezone=True), nullable=nullable)


def created() -> Column[datetime]:
    """Return `created_at`, set by the database."""
    return Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()"))


def updated() -> Column[datetime]:
    """Return `updated_at`, set by the database on insert; writers set it on change."""
    return Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()"))


def words(name: str) -> Column[list[str]]:
    """Return a list of short strings, empty at first."""
    return Column(name, ARRAY(Text), nullable=False, server_default=text("'{}'"))


def document(name: str) -> Column[dict[str, Any]]:
    """Return a JSON object, empty at first."""
    return Column(name, JSONB, nullable=False, server_default=text("'{}'"))


def to(target: str, name: str, *, nullable: bool = False, index: bool = False) -> Column[UUID]:
    """Return a reference `name` to the id of `target` (`schema.table`); never across schemas."""
    return Column(name, Uuid, ForeignKey(f"{target}.id"), nullable=nullable, index=index)


def one_of(column: str, values: tuple[str, ...], name: str | None = None) -> CheckConstraint:
    """Return the constraint that `column` holds one of `values`."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=name or column)


def digest(name: str, *, nullable: bool = False) -> Column[bytes]:
    """Return a hash or a sealed value."""
    return Column(name, LargeBinary, nullable=nullable)
