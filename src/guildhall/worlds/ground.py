"""What every made-up world stands on: stable ids, chance that repeats itself, and rows by COPY."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any
from uuid import UUID, uuid5

import psycopg
from psycopg import sql

Connection = psycopg.Connection[Any]
Row = Sequence[Any]

_SPACE = UUID("6d1f0f0e-3a5c-4d0e-9a44-5f1b7c2e8a10")
_CENT = Decimal("0.01")


def made_id(*parts: object) -> UUID:
    """Return the id of the thing that `parts` name; the same parts always give the same id."""
    return uuid5(_SPACE, "/".join(map(str, parts)))


def chance(*parts: object) -> Random:
    """Return a generator of its own for the thing that `parts` name, so that worlds repeat exactly."""
    return Random("/".join(map(str, parts)))  # noqa: S311 - made-up data, nothing secret


def midnight(day: date) -> datetime:
    """Return the first moment of `day` in UTC."""
    return datetime.combine(day, time(), UTC)


def cents(amount: Decimal | float) -> Decimal:
    """Return `amount` in whole cents, halves rounded up."""
    return Decimal(amount).quantize(_CENT, ROUND_HALF_UP)


def copy(connection: Connection, table: str, columns: str, rows: Iterable[Row]) -> None:
    """Write `rows` into `table` (`schema.name`) by COPY, as its owner; `columns` are names separated by spaces.

    COPY is not possible where row-level security binds the owner too (FORCE), so it is lifted for the statement.
    Nobody sees that: the table stays locked until the transaction ends.
    """
    name = sql.Identifier(*table.split("."))
    listed = sql.SQL(", ").join(map(sql.Identifier, columns.split()))
    connection.execute(sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(name))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(name, listed)
    with connection.cursor() as cursor, cursor.copy(statement) as target:
        for row in rows:
            target.write_row(row)
    connection.execute(sql.SQL("ALTER TABLE {} FORCE ROW LEVEL SECURITY").format(name))
