"""Asking many customers for links at once: each wish stands or falls by itself, and none tells who exists."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid, Refusal
from guildhall.domain.access.asking import Request, by_code, by_domain, note, tidy
from guildhall.domain.access.links import must
from guildhall.domain.access.terms import Terms

MOST = 200
_Answer = Refusal | Request | None


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
    async with db.transaction(actor) as connection:
        answers = await _each(connection, actor, wishes, now)
        for made in _by_trail(answers):  # last, so that nobody waits for these trails while the rest is done
            await note(connection, actor, made)
    return _refused(answers)


async def check_many(actor: Actor, *, wishes: Sequence[Wish], now: datetime) -> list[Refusal | None]:
    """Return what `ask_many` would, and ask nobody: all but the entries in the trail is done, and undone."""
    async with db.transaction(actor) as connection:
        whole = await connection.begin_nested()
        try:
            return _refused(await _each(connection, actor, wishes, now))
        finally:
            await whole.rollback()


def _refused(answers: Sequence[_Answer]) -> list[Refusal | None]:
    """Return for each answer why it was refused, or None."""
    return [answer if isinstance(answer, Refusal) else None for answer in answers]


async def _each(connection: AsyncConnection, actor: Actor, wishes: Sequence[Wish], now: datetime) -> list[_Answer]:
    """Store each wish by itself; return what came of it, in its place."""
    must(actor, "partner.links.request")
    if len(wishes) > MOST:
        raise Invalid("Ask for at most 200 links at once")
    found: list[_Answer] = [None] * len(wishes)
    for place in _order(wishes):
        part = await connection.begin_nested()
        try:
            found[place] = await _ask(connection, actor, wishes[place], now)
        except Refusal as refusal:
            await part.rollback()
            found[place] = refusal
        else:
            await part.commit()
    return found


def _order(wishes: Sequence[Wish]) -> list[int]:
    """Return the places of wishes by domain and code: two colleagues who ask the same write in the same order."""
    return sorted(range(len(wishes)), key=lambda each: (wishes[each].domain.lower(), tidy(wishes[each].code), each))


def _by_trail(answers: Sequence[_Answer]) -> list[Request]:
    """Return what was stored, by customer: whoever writes several trails takes them in the order of their ids.

    What reaches no customer comes first; it is in the partner's trail alone. `hold` is not for partners: it would let
    them lock anybody's trail.
    """
    made = [answer for answer in answers if isinstance(answer, Request)]
    return sorted(made, key=lambda each: each.tenant_id.bytes if each.tenant_id else b"")


async def _ask(connection: AsyncConnection, actor: Actor, wish: Wish, now: datetime) -> Request | None:
    """Ask for one link."""
    if wish.code:
        return await by_code(connection, actor, code=wish.code, terms=wish.terms, now=now)
    whom = {"domain": wish.domain, "approver": wish.approver}
    return await by_domain(connection, actor, **whom, terms=wish.terms, now=now)
