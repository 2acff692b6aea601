"""One-time links: who gets one, for what and for how long (PRODUCT §3). Using one is `enrolling`."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Table, func, insert, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import crypto
from guildhall.core.actor import Actor, Surface
from guildhall.core.ids import new_id
from guildhall.domain.people.one_time_tables import customer_one_time, partner_one_time, staff_one_time

Purpose = Literal["join", "first", "reset", "recover"]
# join: an invitation; first: of a new partner's first principal; reset: of a password; recover: of everything.
LIFE: Mapping[Purpose, timedelta] = {
    "join": timedelta(days=7),
    "first": timedelta(hours=72),
    "reset": timedelta(hours=1),
    "recover": timedelta(hours=24),
}
TABLES: Mapping[Surface, Table] = {
    Surface.CONSOLE: partner_one_time,
    Surface.STAFF: staff_one_time,
    Surface.CUSTOMER: customer_one_time,
}

# Two who issue at once wait for each other, so that the second ends what the first has written. By name and not by the
# person's row, which not everybody who may issue may lock.
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended(:person, 0))")


async def issue(
    connection: AsyncConnection,
    actor: Actor,
    *,
    surface: Surface,
    user_id: UUID,
    purpose: Purpose,
    now: datetime,
    tenant_id: UUID | None = None,
) -> str:
    """Return the token of a one-time link `/welcome/{token}` on `surface` for a person there; an older one dies.

    `tenant_id` is the customer that the link is about, for a customer's person. The caller has asked for the
    permission, posts the letter and records the act, all in the transaction of `connection`.
    """
    table, token = TABLES[surface], crypto.new_token()
    await connection.execute(_ONE_AT_A_TIME, {"person": f"one-time link of {user_id}"})
    about = {"tenant_id": tenant_id} if surface is Surface.CUSTOMER else {}
    await connection.execute(
        update(table)
        .where(table.c.user_id == user_id, table.c.used_at.is_(None), table.c.expires_at > func.now())
        .where(*_replaced(table, purpose, tenant_id))
        .values(expires_at=func.now())
    )
    await connection.execute(
        insert(table).values(
            id=new_id(),
            user_id=user_id,
            purpose=purpose,
            token_hash=crypto.token_hash(token),
            created_by=actor.name,
            expires_at=now + LIFE[purpose],
            **about,
        )
    )
    return token


def _replaced(table: Table, purpose: Purpose, tenant_id: UUID | None) -> list[ColumnElement[bool]]:
    """Return which of the person's links die with a new one for `purpose`.

    Who asks for a reset, which anybody may, ends no link that somebody else sent; two customers may invite one person.
    """
    if purpose == "reset":
        return [table.c.purpose == "reset"]
    if purpose == "join" and "tenant_id" in table.c:
        return [table.c.tenant_id == tenant_id]
    return []
