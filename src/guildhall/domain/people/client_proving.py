"""What a client, of a partner or of the platform, shows at the token endpoint: its id and a secret (RFC 6749 §4.4).

Unknown client, wrong secret, revoked, run out and a wrong network are one answer; the last three are written into the
partner's trail.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from guildhall.core import crypto, db
from guildhall.core.actor import Actor, DbRole, Kind
from guildhall.core.errors import Invalid, PartnerInactive, Unauthorized
from guildhall.core.ids import parse_id
from guildhall.domain.audit.refusals import refused
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.people import backoff, clients, platform_clients
from guildhall.domain.people.sessions import Found
from guildhall.domain.people.software import WITHIN, usable_address

REFUSED = "Client id or secret is not right."
_LONGEST = 200
_NOBODY = UUID(int=0)
_SAID_AGAIN = timedelta(days=1)
_SAID_OF_ANOTHER = timedelta(minutes=1)  # software at two addresses would else fill the trail in turns
_TARGETS = {Kind.API_CLIENT: "api_client", Kind.PLATFORM: "platform_client"}
_EVERYTHING = "platform.*"
_FIND = text(f"SELECT s.*, {WITHIN} FROM portal.find_client(:client, :secret) AS s")


async def prove(origin: Actor, *, client_id: str, secret: str, path: str, now: datetime) -> Found:
    """Return the living client with this id and secret.

    Raises TooManyRequests while a back-off lasts, PartnerInactive for a suspended partner, Unauthorized else.
    """
    tried = await backoff.begin_client(origin, client_id=client_id[:_LONGEST], now=now)
    shown = {"client": parse_id(client_id) or _NOBODY, "secret": crypto.token_hash(secret[:_LONGEST])}
    row = await db.door(origin.surface, _FIND, shown | {"address": usable_address(origin.ip)})
    if row is None or not await _good(origin, row, path, now):
        raise Unauthorized(REFUSED)
    if row["partner_status"] != "active":
        raise PartnerInactive
    await backoff.forgive(origin, tried, now=now)
    find = clients.find if row["partner_id"] else platform_clients.find
    found = await find(origin, secret_id=row["secret_id"], path=path)
    if found is None:  # revoked in this very moment
        raise Unauthorized(REFUSED)
    await _note(found.actor, row, now)
    return found


async def _good(origin: Actor, row: dict[str, Any], path: str, now: datetime) -> bool:
    """Return whether the client of a right secret may be used now and from here; note where not."""
    if row["standing"] == "active" and row["within"]:
        return True
    actor = msgspec.structs.replace(
        origin,
        kind=Kind.API_CLIENT if row["partner_id"] else Kind.PLATFORM,
        role=origin.role if row["partner_id"] else DbRole.PLATFORM,
        name=row["name"],
        user_id=row["client_id"],
        partner_id=row["partner_id"],
        partner_name=row["partner_name"],
    )
    await refused(actor, code="UNAUTHORIZED", path=path, now=now)
    return False


async def _note(actor: Actor, before: dict[str, Any], now: datetime) -> None:
    """Write a token into the partner's trail: the first of a day, and, once a minute, one from another address."""
    used = before["last_used_at"]
    again = _SAID_AGAIN if before["last_used_from"] == actor.ip else _SAID_OF_ANOTHER
    if used is not None and now - used < again:
        return
    async with db.transaction(actor) as connection:
        await record(
            connection,
            actor,
            action=Action.CLIENT_SIGNED_IN,
            target=Target(_TARGETS[actor.kind], str(actor.user_id)),
            partner_id=actor.partner_id,
        )


def scope_of(actor: Actor, wanted: str) -> str:
    """Return the scope of a token: all that the client may do now, or the part of it that `wanted` names.

    Raises Invalid (field `scope`) where it names more, or where nothing is left.
    """
    asked = frozenset(wanted.split())
    if actor.kind is Kind.PLATFORM and _EVERYTHING in asked:
        asked = actor.permissions
    if asked - actor.permissions:
        raise Invalid(errors={"scope": "The client may not do all of this"})
    if not actor.permissions:
        raise Invalid(errors={"scope": "The client may do nothing now: who answers for it does not hold its scopes"})
    return " ".join(sorted(asked or actor.permissions))
