"""Opening a session: the one place where somebody who proved who they are gets one, whatever the proof was."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import func, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import crypto, db
from guildhall.core.actor import Actor
from guildhall.core.ids import new_id
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.people import methods
from guildhall.domain.people.doors import Door, session_columns
from guildhall.domain.people.sessions import LONGEST

# What uses the proof up, so that it opens one session only; it raises Unauthorized where another request was first.
Use = Callable[[AsyncConnection, Actor], Awaitable[None]]
_LONGEST_AGENT = 300
BOUND = "b."


class SignedIn(Struct, frozen=True):
    """A fresh session. `token` goes into the cookie and is kept nowhere else."""

    token: str
    session_id: UUID
    actor: Actor
    email: str = ""


def with_binding(token: str, binding: str) -> str:
    """Return what a session is kept by: of a token that is bound to a browser, the token with that browser."""
    return f"{token} {binding}" if token.startswith(BOUND) else token


async def open_session(
    origin: Actor,
    door: Door,
    login: Mapping[str, Any],
    *,
    method: str,
    factor_at: datetime | None,
    now: datetime,
    lifetime: timedelta = LONGEST,
    use: Use | None = None,
    binding: str = "",
) -> SignedIn:
    """Write a session for the person of `login` (a row of the door's log-in function) and its entry in the trail.

    `method` is how the person came in; `factor_at` when a second factor was shown, None where none was. `use` runs
    first, in the same transaction, under the person's own role. `binding` is the browser that alone may show the
    token. Raises Forbidden where the person's partner does not allow this way in.
    """
    methods.require(method, login.get("sign_in_methods"), surface=origin.surface)
    session_id, token = new_id(), (BOUND if binding else "") + crypto.new_token()
    actor = _became(origin, door, login, session_id=session_id, method=method, factor_at=factor_at)
    async with db.transaction(actor) as connection:
        if use is not None:
            await use(connection, actor)
        await connection.execute(
            update(door.person).where(door.person.c.id == actor.user_id).values(last_active_at=func.now())
        )
        await connection.execute(
            insert(door.session).values(
                id=session_id,
                user_id=actor.user_id,
                token_hash=crypto.token_hash(with_binding(token, binding)),
                method=method,
                factor_at=factor_at,
                ip=actor.ip,
                user_agent=actor.user_agent[:_LONGEST_AGENT],
                last_seen_at=now,
                expires_at=now + lifetime,
                **session_columns(door, login),
            )
        )
        await record(
            connection,
            actor,
            action=Action.SIGNED_IN,
            target=Target("session", session_id),
            partner_id=actor.partner_id,
            tenant_id=actor.tenant_id,
        )
    return SignedIn(token, session_id, actor)


def _became(
    origin: Actor,
    door: Door,
    login: Mapping[str, Any],
    *,
    session_id: UUID,
    method: str,
    factor_at: datetime | None,
) -> Actor:
    """Return the actor that the origin has become, with a session of its own."""
    return msgspec.structs.replace(
        origin,
        kind=door.kind,
        name=login["name"],
        user_id=login["user_id"],
        session_id=session_id,
        partner_id=login.get("partner_id"),
        partner_name=login.get("partner_name"),
        tenant_id=login.get("tenant_id"),
        method=method,
        factor_at=factor_at,
    )
