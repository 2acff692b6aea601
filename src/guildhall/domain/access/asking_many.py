"""Asking many customers for links at once: each wish stands or falls by itself, and none tells who exists."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid, Refusal
from guildhall.domain.access import asking
from guildhall.domain.access.links import must
from guildhall.domain.access.terms import Terms

MOST = 200


class Wish(Struct, frozen=True, kw_only=True):
    """What to ask of whom: by `domain` and an `approver`'s address, or by a `code` that the customer shows."""

    terms: Terms
    domain: str = ""
    approver: str = ""
    code: str = ""


async def ask_many(actor: Actor, *, wishes: Sequence[Wish], now: datetime) -> list[Refusal | None]:
    """Ask for at most MOST links in one transaction; return for each wish, in its place, why it was refused, or None.

    A refusal tells what asking alone would: what is malformed, or what the partner itself holds or awaits. Raises
    Forbidden, Invalid where there are too many.
    """
    async with db.joining(actor) as connection:
        return await _each(connection, actor, wishes, now)


async def check_many(actor: Actor, *, wishes: Sequence[Wish], now: datetime) -> list[Refusal | None]:
    """Return what `ask_many` would, and ask nobody: everything is done, and undone."""
    async with db.joining(actor) as connection:
        whole = await connection.begin_nested()
        try:
            return await _each(connection, actor, wishes, now)
        finally:
            await whole.rollback()


async def _each(
    connection: AsyncConnection, actor: Actor, wishes: Sequence[Wish], now: datetime
) -> list[Refusal | None]:
    """Carry out each wish by itself."""
    must(actor, "partner.links.request")
    if len(wishes) > MOST:
        raise Invalid("Ask for at most 200 links at once")
    found: list[Refusal | None] = [None] * len(wishes)
    # In the order of domains: of two partners that ask the same customers, neither then waits for the other's end.
    for place in sorted(range(len(wishes)), key=lambda each: (wishes[each].domain.lower(), each)):
        part = await connection.begin_nested()
        try:
            await _ask(actor, wishes[place], now)
        except Refusal as refusal:
            await part.rollback()
            found[place] = refusal
        else:
            await part.commit()
    return found


async def _ask(actor: Actor, wish: Wish, now: datetime) -> None:
    """Ask for one link."""
    if wish.code:
        await asking.request_by_code(actor, code=wish.code, terms=wish.terms, now=now)
    else:
        await asking.request_by_domain(actor, domain=wish.domain, approver=wish.approver, terms=wish.terms, now=now)
