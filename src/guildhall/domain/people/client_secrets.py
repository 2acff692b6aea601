"""Secrets of software, a partner's or the platform's: made, read without what proves them, ended.

Each kind of client has a table of its own with the same columns.
"""

from datetime import datetime
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Table, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import crypto
from guildhall.core.actor import Actor
from guildhall.core.ids import new_id

_HINT = 4


class Made(Struct, frozen=True):
    """A secret, to be shown once and kept nowhere: empty where it was shown already."""

    client_id: UUID
    secret: str


class Secret(Struct, frozen=True, kw_only=True):
    """One secret that still works. `ends_at` is null for the one that lasts as long as its client."""

    id: UUID
    hint: str
    created_by: str
    created_at: datetime
    ends_at: datetime | None
    last_used_at: datetime | None


async def working(connection: AsyncConnection, table: Table, client_id: UUID) -> list[Secret]:
    """Return the secrets of a client that work now, newest first."""
    columns = [table.c[name] for name in Secret.__struct_fields__]
    works = or_(table.c.ends_at.is_(None), table.c.ends_at > func.now())
    chosen = select(*columns).where(table.c.client_id == client_id, works).order_by(table.c.created_at.desc())
    return [Secret(**row) for row in (await connection.execute(chosen)).mappings()]


async def make(connection: AsyncConnection, table: Table, actor: Actor, client_id: UUID) -> str:
    """Keep the hash of a fresh secret and return the secret."""
    secret = crypto.new_token()
    values = {"id": new_id(), "client_id": client_id, "hint": secret[-_HINT:], "created_by": actor.name}
    await connection.execute(insert(table).values(secret_hash=crypto.token_hash(secret), **values))
    return secret


async def end(
    connection: AsyncConnection, table: Table, client_id: UUID, *, at: datetime, secret_id: UUID | None = None
) -> list[str]:
    """Let the secrets of a client, or one of them, work until `at` and no longer; return the hints of those."""
    which = [table.c.id == secret_id] if secret_id else []
    ending = (
        update(table)
        .where(table.c.client_id == client_id, *which, or_(table.c.ends_at.is_(None), table.c.ends_at > at))
        .values(ends_at=at)
        .returning(table.c.hint)
    )
    return list((await connection.execute(ending)).scalars())
