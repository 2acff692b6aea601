"""Answers kept for `Idempotency-Key`: an act and what is kept of its answer are one commit (API.md, “Idempotency”).

While an act runs, its transaction holds a lock of the database on the key, so a second request with the same key
is refused in whichever process it arrives. A process that dies takes its act and its lock with it: nothing is
half done, and the key is free again.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    Column,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    and_,
    delete,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.columns import created, digest, document, moment
from guildhall.core.db import PORTAL
from guildhall.core.errors import IdempotencyInProgress, IdempotencyKeyReused
from guildhall.core.jobs import periodic

KEPT_FOR = timedelta(hours=24)

idempotency_key = Table(
    "idempotency_key",
    PORTAL,
    Column("partner_id", Uuid, nullable=False),
    Column("client_id", Uuid, nullable=False),
    Column("route", Text, nullable=False),
    Column("key", Text, nullable=False),
    digest("request_hash"),
    Column("status", Integer),
    document("headers"),
    Column("body", LargeBinary),
    moment("expires_at", nullable=False),
    created(),
    PrimaryKeyConstraint("client_id", "route", "key"),
)

_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")


class Asked(Struct, frozen=True):
    """One request that carries a key: on which route, and the hash of everything else that it says."""

    route: str
    key: str
    request_hash: bytes


class Reply(Struct, frozen=True):
    """An answer as it is sent: headers beside the media type by name, body in octets.

    `kept` is the body that is kept in its place, for one that shows a secret.
    """

    status: int
    media_type: str
    body: bytes
    headers: dict[str, str] = {}
    kept: bytes | None = None


async def once(actor: Actor, asked: Asked, act: Callable[[], Awaitable[Reply]]) -> Reply:
    """Return what `act` answers, or what it answered to the same request of this client within 24 hours.

    `act` runs inside one transaction with what is kept of it; an exception undoes both. Raises
    IdempotencyKeyReused for the same key with another request, IdempotencyInProgress while the first one runs.
    """
    async with db.joining(actor) as connection:
        found = await _kept(connection, actor, asked)
        if found is not None:
            return found
        reply = await act()
        await _keep(connection, actor, asked, reply)
        return reply


async def kept(actor: Actor, asked: Asked) -> Reply | None:
    """Return what is kept under a key, in a transaction of its own, so that what takes long is not done twice.

    Raises IdempotencyKeyReused for another request, IdempotencyInProgress while the first one is in its act.
    """
    async with db.transaction(actor) as connection:
        return await _kept(connection, actor, asked)


async def keep(actor: Actor, asked: Asked, reply: Reply) -> None:
    """Keep a refusal of the act itself: its own transaction was undone."""
    async with db.transaction(actor) as connection:
        await _keep(connection, actor, asked, reply)


async def _kept(connection: AsyncConnection, actor: Actor, asked: Asked) -> Reply | None:
    """Take the key's lock and return the answer that is kept for it, if any."""
    if not await connection.scalar(_LOCK, {"name": f"{actor.user_id} {asked.route} {asked.key}"}):
        raise IdempotencyInProgress
    row = (await connection.execute(select(idempotency_key).where(_place(actor, asked)))).mappings().first()
    if row is None:
        return None
    if row["request_hash"] != asked.request_hash:
        raise IdempotencyKeyReused
    headers: dict[str, str] = {**row["headers"], "Idempotency-Replayed": "true"}
    return Reply(row["status"], headers.pop("Content-Type"), row["body"], headers)


def _place(actor: Actor, asked: Asked) -> ColumnElement[bool]:
    """Return the condition for what is kept under a key and not over."""
    table = idempotency_key.c
    mine = and_(table.client_id == actor.user_id, table.route == asked.route, table.key == asked.key)
    return and_(mine, table.expires_at > func.now())


async def _keep(connection: AsyncConnection, actor: Actor, asked: Asked, reply: Reply) -> None:
    """Keep an answer for 24 hours, in the place of one that is over."""
    table = idempotency_key.c
    await connection.execute(
        delete(idempotency_key).where(
            table.client_id == actor.user_id,
            table.route == asked.route,
            table.key == asked.key,
            table.expires_at <= func.now(),
        )
    )
    values: dict[str, Any] = {
        "partner_id": actor.partner_id,
        "client_id": actor.user_id,
        "route": asked.route,
        "key": asked.key,
        "request_hash": asked.request_hash,
        "status": reply.status,
        "headers": {**reply.headers, "Content-Type": reply.media_type},
        "body": reply.body if reply.kept is None else reply.kept,
        "expires_at": func.now() + KEPT_FOR,
    }
    await connection.execute(insert(idempotency_key).values(values).on_conflict_do_nothing())


@periodic("41 * * * *", "keys.forget_answers")
async def forget(actor: Actor) -> None:
    """Drop the answers whose 24 hours are over."""
    async with db.transaction(actor) as connection:
        await connection.execute(delete(idempotency_key).where(idempotency_key.c.expires_at < func.now()))
