"""A chain as JSON lines with everything that proves it, closed by its signed head (docs/audit-format.md)."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import RowMapping, select, text

from guildhall.core import db
from guildhall.core.actor import Actor, DbRole
from guildhall.core.crypto import base64url
from guildhall.core.errors import Forbidden, NotFound
from guildhall.core.freshness import require_fresh
from guildhall.domain.audit.heads import head_of, public_key, signature_of, stamp
from guildhall.domain.audit.reading import Chain, chain_of, must
from guildhall.domain.audit.tables import audit_entry as entry
from guildhall.domain.audit.trail import Action, Target, record

_PAGE = 1000
_WHOLE = text("SELECT portal.sees_every_customer()")
_HEAD = text("SELECT sequence, hash FROM portal.audit_head_of(:kind, :id)")


class _Head(msgspec.Struct, frozen=True):
    """Where a chain stood when the export began."""

    sequence: int
    hash: bytes


async def export(actor: Actor, *, now: datetime, chain: Chain | None = None) -> AsyncIterator[bytes]:
    """Note the export in the trail, then return the lines of `chain` (default: the actor's own), oldest first.

    Await it before the answer begins: it raises Forbidden without `*.audit.export` or to somebody limited to some of
    the customers, who reads a part of the chain, which proves nothing; and StepUpRequired without a
    fresh second factor, since the trail is full of people (PRODUCT §3). The iterator reads page by
    page in transactions of its own, so that a slow reader holds no connection.
    """
    must(actor, "export")
    require_fresh(actor, now=now)
    wanted = chain_of(actor, chain)
    async with db.transaction(actor) as connection:
        if actor.role is DbRole.PARTNER and not await connection.scalar(_WHOLE):
            raise Forbidden("You work for some of the customers only. Ask a colleague who works for all of them.")
        await record(
            connection,
            actor,
            action=Action.TRAIL_EXPORTED,
            target=Target("trail", str(wanted)),
            partner_id=wanted.id if wanted.kind == "partner" else None,
            tenant_id=wanted.id if wanted.kind == "tenant" else None,
        )
        row = (await connection.execute(_HEAD, {"kind": wanted.kind, "id": wanted.id})).mappings().first()
    if row is None:
        raise NotFound(code="AUDIT_CHAIN_NOT_FOUND")
    return _lines(actor, wanted, _Head(**row), now)


async def _lines(actor: Actor, chain: Chain, head: _Head, now: datetime) -> AsyncIterator[bytes]:
    """Yield the entries up to the head, some hundred kilobytes at a time, then the head with its signature."""
    for after in range(0, head.sequence, _PAGE):
        async with db.transaction(actor) as connection:
            rows = await connection.execute(
                select(entry)
                .where(
                    entry.c.kind == chain.kind,
                    entry.c.chain_id == chain.id,
                    entry.c.sequence > after,
                    entry.c.sequence <= min(after + _PAGE, head.sequence),
                )
                .order_by(entry.c.sequence)
            )
            page = b"".join(_line(chain, row) for row in rows.mappings())
        yield page
    yield _last_line(head_of(chain, sequence=head.sequence, hash_=head.hash, signed_at=now))


def _line(chain: Chain, row: RowMapping) -> bytes:
    """Return one entry as a line; its body goes out exactly as it was sealed."""
    return (
        msgspec.json.encode(
            {
                "chain": str(chain),
                "sequence": row["sequence"],
                "at": stamp(row["at"]),
                "actor_name": row["actor_name"],
                "actor_salt": row["actor_salt"],
                "entry": msgspec.Raw(row["body"].encode()),
                "previous": row["previous_hash"].hex(),
                "hash": row["hash"].hex(),
            }
        )
        + b"\n"
    )


def _last_line(head: dict[str, Any]) -> bytes:
    """Return the line that closes an export: the head, its signature, and the key that checks it."""
    closing = {"head": head, "signature": base64url(signature_of(head)), "public_key": public_key()}
    return msgspec.json.encode(closing) + b"\n"
