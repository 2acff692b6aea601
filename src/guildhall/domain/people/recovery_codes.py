"""Recovery codes: ten, shown once, each standing in for a second factor once (PRODUCT §3).

They are random (49 bits), so a keyed hash is all that is kept; without the installation's secret it tells nothing.
"""

import base64
import binascii
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from cryptography.exceptions import InvalidTag
from sqlalchemy import Table, TextClause, delete, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import crypto, db
from guildhall.core.actor import Actor, Kind
from guildhall.core.errors import Unauthorized
from guildhall.core.freshness import require_fresh
from guildhall.core.ids import new_id
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.people import security_letters
from guildhall.domain.people.doors import DOORS, Door
from guildhall.domain.people.one_time_tables import (
    customer_recovery_code,
    partner_recovery_code,
    staff_recovery_code,
)

COUNT = 10
_HALF = 5
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is read for something else
_NOBODY = UUID(int=0)
_TABLES: Mapping[Kind, Table] = {
    Kind.PARTNER_USER: partner_recovery_code,
    Kind.STAFF_USER: staff_recovery_code,
    Kind.CUSTOMER_USER: customer_recovery_code,
}
_FITS: Mapping[Kind, TextClause] = {
    Kind.PARTNER_USER: text("SELECT * FROM portal.partner_recovery_code_fits(:who, :code)"),
    Kind.STAFF_USER: text("SELECT * FROM portal.staff_recovery_code_fits(:who, :code)"),
    Kind.CUSTOMER_USER: text("SELECT * FROM tenancy.customer_recovery_code_fits(:who, :code)"),
}
_USE: Mapping[Kind, TextClause] = {
    Kind.PARTNER_USER: text("SELECT * FROM portal.use_partner_recovery_code(:code)"),
    Kind.STAFF_USER: text("SELECT * FROM portal.use_staff_recovery_code(:code)"),
    Kind.CUSTOMER_USER: text("SELECT * FROM tenancy.use_customer_recovery_code(:code)"),
}


def new_codes() -> list[str]:
    """Return ten fresh codes as they are shown: `k7p2m-x4q9t`."""
    return [f"{_word()}-{_word()}" for _ in range(COUNT)]


def _word() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_HALF))


def plain(typed: str) -> str:
    """Return a code as it counts, however it was typed: without spaces, dashes and capitals."""
    return "".join(typed.lower().replace("-", "").split())


def looks_like_one(typed: str) -> bool:
    """Return whether what was typed has the shape of a recovery code, not of a time-based one."""
    return len(plain(typed)) == 2 * _HALF


def kept(user_id: UUID, code: str) -> bytes:
    """Return what is kept of a code of one person."""
    return bytes.fromhex(crypto.mac("recovery-code", f"{user_id} {plain(code)}"))


async def fits(door: Door, user_id: UUID | None, code: str) -> bool:
    """Return whether `code` is an unused one of this person; nobody's costs the same time."""
    who = user_id or _NOBODY
    row = await db.door(door.surface, _FITS[door.kind], {"who": who, "code": kept(who, code)})
    return row is not None and row["fits"] is True and user_id is not None


async def use(connection: AsyncConnection, actor: Actor, code: str) -> int:
    """Use a code of the actor up and return how many are left; raises Unauthorized where another request did."""
    values = {"code": kept(_own(actor), code)}
    left: int | None = await connection.scalar(_USE[actor.kind], values)
    if left is None:
        raise Unauthorized("This recovery code was used already.")
    return left


async def left(connection: AsyncConnection, actor: Actor) -> int:
    """Return how many unused codes the actor has."""
    table = _TABLES[actor.kind]
    unused = select(func.count()).where(table.c.user_id == actor.user_id, table.c.used_at.is_(None))
    return await connection.scalar(unused) or 0


def offered(actor: Actor, *, now: datetime) -> tuple[list[str], str]:
    """Return ten fresh codes, and the same sealed for a hidden field. Needs a fresh second factor."""
    require_fresh(actor, now=now)
    codes = new_codes()
    said = " ".join([str(actor.user_id), *codes])
    return codes, base64.urlsafe_b64encode(crypto.seal("recovery-codes", said)).decode()


def codes_in(actor: Actor, sealed: str) -> list[str] | None:
    """Return the codes that were offered to this person, or None for anything else."""
    try:
        whose, *codes = crypto.unseal("recovery-codes", base64.urlsafe_b64decode(sealed)).split()
    except (InvalidTag, ValueError, binascii.Error):
        return None
    return codes if whose == str(actor.user_id) else None


async def keep(actor: Actor, codes: Sequence[str], *, now: datetime) -> None:
    """Let `codes` take the place of all the codes that the actor had. Needs a fresh second factor."""
    require_fresh(actor, now=now)
    table = _TABLES[actor.kind]
    async with db.transaction(actor) as connection:
        await connection.execute(delete(table).where(table.c.user_id == actor.user_id))
        rows = [{"id": new_id(), "user_id": actor.user_id, "code_hash": kept(_own(actor), code)} for code in codes]
        await connection.execute(insert(table), rows)
        await security_letters.tell_codes_made(connection, actor)
        target = Target(str(DOORS[actor.surface].kind), str(actor.user_id))
        await record(
            connection,
            actor,
            action=Action.RECOVERY_CODES_MADE,
            target=target,
            partner_id=actor.partner_id,
            tenant_id=actor.tenant_id,
        )


def _own(actor: Actor) -> UUID:
    """Return the person at work."""
    if actor.user_id is None:
        raise Unauthorized
    return actor.user_id
