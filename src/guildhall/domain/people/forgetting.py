"""A forgotten password: whoever asks gets the same answer, at the same time; the letter goes to the person only.

A link alone opens nothing: whoever uses it is asked for the second factor too (`enrolling.reset`).
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import crypto, db
from guildhall.core.actor import Actor, Surface
from guildhall.core.errors import Invalid
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.mail.outbox import post
from guildhall.domain.people import backoff, methods, one_time, security_letters
from guildhall.domain.people.doors import DOORS

MOST_LETTERS = 3  # to one person within an hour
ANSWER_AFTER = 0.3  # seconds; more than anything here takes, so that no time tells whether an address is known
_LONGEST_EMAIL = 254


async def ask_reset(origin: Actor, *, email: str, now: datetime) -> None:
    """Send a one-time link for a new password to the person with this address, if there is one who signs in with one.

    Raises Invalid for what cannot be an address, TooManyRequests while a back-off lasts: both for anybody.
    """
    address = email.strip().lower()
    if "@" not in address[1:] or len(address) > _LONGEST_EMAIL or "\x00" in address:
        raise Invalid(errors={"email": "This is not an e-mail address"})
    await backoff.begin(origin, subject=address, now=now, purpose="forgotten")
    answer = asyncio.create_task(asyncio.sleep(ANSWER_AFTER))
    login = await db.door(origin.surface, DOORS[origin.surface].login, {"email": address})
    if login is not None and login["password_hash"] is not None and _by_password(origin, login):
        await _send(origin, login, now=now)
    else:
        async with db.transaction(origin) as connection:
            await _note(connection, origin, Target("address", crypto.mac("sign-in", address)[:16]))
    await answer


def _by_password(origin: Actor, login: Mapping[str, Any]) -> bool:
    """Return whether the person may sign in with a password; to anybody else a new one is of no use."""
    return methods.PASSWORD in methods.allowed(login.get("sign_in_methods"), surface=origin.surface)


async def _send(origin: Actor, login: Mapping[str, Any], *, now: datetime) -> None:
    """Post the letter, unless the person had enough of them within the hour."""
    names = ("name", "user_id", "partner_id", "partner_name", "tenant_id")
    known = {name: login[name] for name in names if name in login}
    kind = DOORS[origin.surface].kind
    actor = msgspec.structs.replace(origin, kind=kind, **known)
    async with db.transaction(actor) as connection:
        user_id: UUID = login["user_id"]
        if await _sent(connection, origin.surface, user_id, since=now - timedelta(hours=1)) < MOST_LETTERS:
            token = await one_time.issue(
                connection,
                actor,
                surface=origin.surface,
                user_id=user_id,
                purpose="reset",
                now=now,
                tenant_id=actor.tenant_id,
            )
            await post(connection, security_letters.reset(await security_letters.reader_of(connection, actor), token))
        await _note(connection, actor, Target(str(kind), user_id))


async def _sent(connection: AsyncConnection, surface: Surface, user_id: UUID, *, since: datetime) -> int:
    """Return how many links for a new password a person was sent."""
    table = one_time.TABLES[surface]
    sent = select(func.count()).where(
        table.c.user_id == user_id, table.c.purpose == "reset", table.c.created_at > since
    )
    return await connection.scalar(sent) or 0


async def _note(connection: AsyncConnection, actor: Actor, target: Target) -> None:
    """Write into the vendor's chain that somebody asked."""
    await record(connection, actor, action=Action.PASSWORD_RESET_ASKED, target=target)
