"""What is done with endpoints: add, change, switch off and on, rotate secrets, test, replay (PRODUCT §13).

Principals look after their partner's, leads of staff after the platform's.

Whatever opens a new way out (an endpoint, another address, a secret, switching on) needs a fresh second factor.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import bindparam, func, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Uuid

from guildhall.core import db, once
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Invalid, NotFound, PreconditionFailed
from guildhall.core.freshness import require_fresh
from guildhall.core.ids import new_id
from guildhall.core.jobs import enqueue
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.webhooks import addresses, endpoints, events, signing
from guildhall.domain.webhooks.delivering import DELIVER, job_of
from guildhall.domain.webhooks.endpoints import Endpoint, must
from guildhall.domain.webhooks.letters import tell_off
from guildhall.domain.webhooks.tables import webhook_delivery, webhook_endpoint, webhook_secret

MOST_ENDPOINTS = 20
MOST_PATTERNS = 50
MOST_REPLAYED = 1000
OVERLAPS = (timedelta(0), timedelta(hours=1), timedelta(days=1), timedelta(days=3), timedelta(days=7))
USUAL_OVERLAP = timedelta(days=1)
_LONGEST_DESCRIPTION = 200
_LONGEST_REASON = 2000
_OTHERS = "The partner's own people switch this endpoint on again"
_HINT = 4
_TEST = text("SELECT portal.webhook_test(:endpoint, :said)").bindparams(bindparam("said", type_=JSONB))
_ENQUEUE_ALL = text(
    "SELECT portal.enqueue(:task, jsonb_strip_nulls("
    "jsonb_build_object('delivery_id', one, 'partner_id', CAST(:partner AS uuid)))) FROM unnest(:ids) AS one"
).bindparams(bindparam("ids", type_=ARRAY(Uuid)), bindparam("partner", type_=Uuid))


class Draft(Struct, frozen=True, kw_only=True):
    """What somebody wants an endpoint to be; `events` are names, or patterns with `*`."""

    url: str
    description: str = ""
    events: tuple[str, ...] = ()


class Made(Struct, frozen=True):
    """A secret, to be shown once: empty where it was shown already."""

    endpoint_id: UUID
    secret: str


def checked(actor: Actor, draft: Draft) -> Draft:
    """Return the draft in its stored form; raise Invalid naming every field at fault."""
    platform = actor.partner_id is None
    url, description = draft.url.strip(), " ".join(draft.description.split())
    patterns = tuple(dict.fromkeys(pattern.strip() for pattern in draft.events if pattern.strip()))
    errors = {}
    if said := addresses.wrong(url):
        errors["url"] = said
    if len(description) > _LONGEST_DESCRIPTION:
        errors["description"] = "Say it in at most 200 characters"
    if not 0 < len(patterns) <= MOST_PATTERNS or not all(events.known(each, platform=platform) for each in patterns):
        errors["events"] = "Choose at least one event of the list"
    if errors:
        raise Invalid(errors=errors)
    return Draft(url=url, description=description, events=patterns)


async def add(actor: Actor, *, draft: Draft, form: UUID | None = None, now: datetime) -> Made:
    """Add an endpoint with its first secret. The same `form` saying the same adds one, however often it comes.

    Needs a fresh second factor. Raises Invalid by field, Conflict where its owner has twenty already.
    """
    said = msgspec.json.encode(draft, order="deterministic")
    endpoint_id = new_id() if form is None else once.id_from(actor, form, said)
    async with db.transaction(actor) as connection:
        await must(connection, actor, manage=True)
        whole = checked(actor, draft)
        require_fresh(actor, now=now)
        await once.alone(connection, endpoint_id)
        known = select(webhook_endpoint.c.id).where(webhook_endpoint.c.id == endpoint_id)
        if await connection.scalar(known) is not None:
            return Made(endpoint_id, "")
        owned = webhook_endpoint.c.partner_id.is_not_distinct_from(actor.partner_id)
        if (await connection.scalar(select(func.count()).where(owned)) or 0) >= MOST_ENDPOINTS:
            raise Conflict("There are 20 endpoints already. Change one that nobody uses.")
        values = msgspec.structs.asdict(whole) | {"events": list(whole.events)}
        own = {"id": endpoint_id, "partner_id": actor.partner_id, "created_by": actor.name}
        await connection.execute(insert(webhook_endpoint).values(values | own))
        secret = await _new_secret(connection, actor, endpoint_id)
        changes = {"url": [None, whole.url], "events": [None, list(whole.events)]}
        await _note(connection, actor, endpoint_id, Action.WEBHOOK_CREATED, changes)
    return Made(endpoint_id, secret)


async def change(
    actor: Actor, *, endpoint_id: UUID, draft: Draft, now: datetime, if_version: int | None = None
) -> None:
    """Make an endpoint what `draft` says; another address or more events need a fresh second factor.

    Raises Invalid by field, NotFound, PreconditionFailed where it has another version than `if_version`.
    """
    async with db.transaction(actor) as connection:
        before = await endpoints.own(connection, actor, endpoint_id)
        whole = checked(actor, draft)
        if _widens(before, whole):
            require_fresh(actor, now=now)
        values = msgspec.structs.asdict(whole) | {"events": list(whole.events)}
        await _written(connection, endpoint_id, if_version, values)
        new = {"url": whole.url, "description": whole.description, "events": list(whole.events)}
        changes = {name: [getattr(before, name), new[name]] for name in new if getattr(before, name) != new[name]}
        await _note(connection, actor, endpoint_id, Action.WEBHOOK_CHANGED, changes)


def _widens(before: Endpoint, after: Draft) -> bool:
    """Return whether a change sends something to somewhere new."""
    new, old = (set(events.chosen(each.events, platform=before.platform)) for each in (after, before))
    return after.url != before.url or not new <= old


async def disable(actor: Actor, *, endpoint_id: UUID, reason: str = "") -> None:
    """Switch an endpoint off at once; what waits for it fails, and can be replayed when it is on again.

    Staff switch a partner's off too, with a `reason` that its people read, told by letter. Raises Invalid without one,
    NotFound, Conflict where it is off already, PreconditionFailed where somebody else is faster.
    """
    async with db.transaction(actor) as connection:
        found, foreign = await _reached(connection, actor, endpoint_id)
        if foreign and not reason:
            raise Invalid(errors={"reason": "Say why"})
        if len(reason) > _LONGEST_REASON:
            raise Invalid(errors={"reason": "Say it in at most 2000 characters"})
        if found.status == "disabled":
            raise Conflict("This endpoint is switched off already")
        values = {"status": "disabled", "disabled_for": "staff" if foreign else "partner", "disabled_because": reason}
        await _written(connection, endpoint_id, found.version, values | {"disabled_at": func.now()})
        if foreign:
            await tell_off(connection, "staff", partner_id=found.partner_id, endpoint_id=endpoint_id, url=found.url)
        await _note(
            connection,
            actor,
            endpoint_id,
            Action.WEBHOOK_DISABLED,
            {"url": found.url},
            owner=found.partner_id,
            reason=reason,
        )


async def enable(actor: Actor, *, endpoint_id: UUID, now: datetime) -> None:
    """Switch an endpoint on again. Needs a fresh second factor; what staff switched off, staff switch on."""
    async with db.transaction(actor) as connection:
        found, foreign = await _reached(connection, actor, endpoint_id)
        require_fresh(actor, now=now)
        if found.status == "active":
            raise Conflict("This endpoint is on already")
        if foreign != (found.disabled_for == "staff"):
            raise Conflict(_OTHERS if foreign else "The vendor switched this endpoint off. Ask there to have it back.")
        off = {"status": "active", "disabled_for": "", "disabled_because": ""}
        await _written(connection, endpoint_id, found.version, off | {"disabled_at": None, "failing_since": None})
        await _note(connection, actor, endpoint_id, Action.WEBHOOK_ENABLED, {"url": found.url}, owner=found.partner_id)


async def _reached(connection: AsyncConnection, actor: Actor, endpoint_id: UUID) -> tuple[Endpoint, bool]:
    """Return an endpoint that the actor may switch off, and whether it is another's: to staff, any partner's is."""
    await must(connection, actor, manage=True)
    found = await endpoints.get(connection, actor, endpoint_id)
    return found, found.partner_id != actor.partner_id


async def rotate(actor: Actor, *, endpoint_id: UUID, overlap: timedelta, now: datetime) -> Made:
    """Give an endpoint a new secret; older ones sign too for `overlap` more. Needs a fresh second factor."""
    async with db.transaction(actor) as connection:
        await endpoints.own(connection, actor, endpoint_id)
        if overlap not in OVERLAPS:
            raise Invalid(errors={"overlap": "Choose one of the list"})
        require_fresh(actor, now=now)
        await _end_secrets(connection, endpoint_id, at=now + overlap)
        secret = await _new_secret(connection, actor, endpoint_id)
        hours = int(overlap.total_seconds() // 3600)
        await _note(connection, actor, endpoint_id, Action.WEBHOOK_SECRET_MADE, {"overlap_hours": hours})
    return Made(endpoint_id, secret)


async def end_secret(actor: Actor, *, endpoint_id: UUID, secret_id: UUID, now: datetime) -> None:
    """End an older secret at once. Raises NotFound, Conflict for the newest one: deliveries would go unsigned."""
    async with db.transaction(actor) as connection:
        await endpoints.own(connection, actor, endpoint_id)
        live = await endpoints.secrets(connection, endpoint_id)
        if secret_id not in {each.id for each in live}:
            raise NotFound
        if secret_id == live[0].id:
            raise Conflict("This is the newest secret. Make another one first.")
        ended = await _end_secrets(connection, endpoint_id, at=now, secret_id=secret_id)
        await _note(connection, actor, endpoint_id, Action.WEBHOOK_SECRET_ENDED, {"ending_in": ended[0]})


async def test(actor: Actor, *, endpoint_id: UUID) -> None:
    """Send a test event to one endpoint. Raises NotFound, Conflict where it is switched off."""
    async with db.transaction(actor) as connection:
        await endpoints.own(connection, actor, endpoint_id)
        said = {"message": f"{actor.name} tries this endpoint out"}
        if await connection.scalar(_TEST, {"endpoint": endpoint_id, "said": said}) is None:
            raise Conflict("This endpoint is switched off. Switch it on first.")
        await _note(connection, actor, endpoint_id, Action.WEBHOOK_TESTED, {})


async def replay(actor: Actor, *, endpoint_id: UUID, delivery_id: UUID) -> None:
    """Send one delivery again under the same id; raises NotFound, Conflict where it waits or the endpoint is off."""
    async with db.transaction(actor) as connection:
        await _active(connection, actor, endpoint_id)
        await endpoints.get_delivery(connection, actor, endpoint_id, delivery_id)
        again = _again().where(webhook_delivery.c.id == delivery_id, webhook_delivery.c.status != "waiting")
        if not (await connection.execute(again)).rowcount:
            raise Conflict("This delivery waits already")
        await enqueue(connection, DELIVER, **job_of(delivery_id, actor.partner_id))
        await _note(connection, actor, endpoint_id, Action.WEBHOOK_REPLAYED, {"deliveries": 1})


async def replay_failed(actor: Actor, *, endpoint_id: UUID, since: datetime) -> int:
    """Send everything again that failed and was caused since a moment, a thousand at most; return how many."""
    async with db.transaction(actor) as connection:
        await _active(connection, actor, endpoint_id)
        table = webhook_delivery.c
        failed = select(table.id).where(table.endpoint_id == endpoint_id, table.status == "failed")
        oldest = failed.where(table.created_at >= since).order_by(table.created_at, table.id).limit(MOST_REPLAYED)
        ids = list(await connection.scalars(_again().where(table.id.in_(oldest)).returning(table.id)))
        if ids:
            await connection.execute(_ENQUEUE_ALL, {"task": DELIVER, "ids": ids, "partner": actor.partner_id})
        changes = {"deliveries": len(ids), "since": since.isoformat()}
        await _note(connection, actor, endpoint_id, Action.WEBHOOK_REPLAYED, changes)
    return len(ids)


def _again() -> Any:
    """Return the write that queues deliveries anew, from the first step of the ladder."""
    return update(webhook_delivery).values(status="waiting", attempts=0, next_at=func.now(), first_at=None)


async def _active(connection: AsyncConnection, actor: Actor, endpoint_id: UUID) -> None:
    """Raise Conflict for an endpoint that is switched off."""
    if (await endpoints.own(connection, actor, endpoint_id)).status != "active":
        raise Conflict("This endpoint is switched off. Switch it on first.")


async def _written(
    connection: AsyncConnection, endpoint_id: UUID, if_version: int | None, values: dict[str, Any]
) -> None:
    """Change an endpoint's row, if it still has the version that was read."""
    table = webhook_endpoint.c
    which = [table.id == endpoint_id, *([table.version == if_version] if if_version is not None else [])]
    changed = values | {"version": table.version + 1, "updated_at": func.now()}
    if not (await connection.execute(update(webhook_endpoint).where(*which).values(changed))).rowcount:
        raise PreconditionFailed


async def _new_secret(connection: AsyncConnection, actor: Actor, endpoint_id: UUID) -> str:
    """Keep a fresh secret sealed and return it."""
    secret = signing.new_secret()
    values = {"endpoint_id": endpoint_id, "partner_id": actor.partner_id, "hint": secret[-_HINT:]}
    sealed = {"id": new_id(), "sealed": signing.sealed(secret), "created_by": actor.name}
    await connection.execute(insert(webhook_secret).values(values | sealed))
    return secret


async def _end_secrets(
    connection: AsyncConnection, endpoint_id: UUID, *, at: datetime, secret_id: UUID | None = None
) -> list[str]:
    """Let the secrets of an endpoint, or one of them, sign until `at` and no longer; return the hints of those."""
    table = webhook_secret.c
    which = [table.id == secret_id] if secret_id else []
    ending = (
        update(webhook_secret)
        .where(table.endpoint_id == endpoint_id, *which, or_(table.ends_at.is_(None), table.ends_at > at))
        .values(ends_at=at)
        .returning(table.hint)
    )
    return list((await connection.execute(ending)).scalars())


async def _note(
    connection: AsyncConnection,
    actor: Actor,
    endpoint_id: UUID,
    action: Action,
    changes: dict[str, Any],
    *,
    owner: UUID | None = None,
    reason: str = "",
) -> None:
    """Write an act on an endpoint into the trail of its `owner` (the actor's partner, unless one is named)."""
    target, partner_id = Target("webhook_endpoint", endpoint_id), actor.partner_id or owner
    await record(connection, actor, action=action, target=target, partner_id=partner_id, changes=changes, reason=reason)
