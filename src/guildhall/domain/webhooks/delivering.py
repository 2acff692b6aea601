"""Delivery: a job for each event at each endpoint, tries on a ladder of about 75 hours, and the end of old logs.

The delivery's row is locked while it is posted, so two workers never post one; the lock ends with its worker's
connection, which the database ends when nothing comes for a minute. Whoever is killed has written nothing, and the
next worker posts it again under the same webhook-id: at least once on the wire, once in the log. Order is not promised.
"""

import random
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from msgspec import Struct
from sqlalchemy import bindparam, delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Uuid

from guildhall.core import clock, db
from guildhall.core.actor import Actor, DbRole
from guildhall.core.i18n import N_
from guildhall.core.ids import new_id
from guildhall.core.jobs import enqueue_at, periodic, task
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.webhooks import signing
from guildhall.domain.webhooks.carrier import Unsent, carrier
from guildhall.domain.webhooks.events import KINDS
from guildhall.domain.webhooks.letters import tell_off
from guildhall.domain.webhooks.tables import (
    webhook_attempt,
    webhook_delivery,
    webhook_endpoint,
    webhook_event,
)

DELIVER = "webhooks.deliver"
LADDER = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
LONGEST_FAILING = timedelta(days=5)
KEPT_DAYS = 30
GONE = 410
_SURFACES = (DbRole.PARTNER, DbRole.CUSTOMER, DbRole.STAFF, DbRole.PLATFORM)
_LOST_MINUTES, _AT_ONCE = 10, 500
_JITTER = 0.1  # of each pause, so that a receiver that comes back is not met by everything at once
_SECRETS = text("SELECT portal.webhook_secrets(:endpoint)").bindparams(bindparam("endpoint", type_=Uuid))
_MAY_HEAR = text("SELECT portal.webhook_open(:partner, :tenant, :needed)").bindparams(
    bindparam("partner", type_=Uuid), bindparam("tenant", type_=Uuid)
)
CLOSED = N_("The link no longer opens this, so it was not sent")
OFF = N_("The endpoint is switched off")
_UNREADABLE = N_("No secret of this endpoint can be opened; make a new one")


class Tried(Struct, frozen=True, kw_only=True):
    """One try: its length, the status and the beginning of the answer, or why there was none."""

    at: datetime
    milliseconds: int
    status: int | None = None
    response: str = ""
    error: str = ""

    @property
    def taken(self) -> bool:
        """Return whether the endpoint took it: any 2xx."""
        return self.status is not None and self.status // 100 == 2  # noqa: PLR2004


@task(DELIVER, roles=_SURFACES)
async def deliver(actor: Actor, *, delivery_id: UUID, partner_id: UUID | None = None) -> str:
    """Post one delivery that is due, and return what became of it; one that is not due is left alone.

    `partner_id` is whose it is; None: the platform's.

    A try that fails is no failure of the job: the next one has a job of its own.
    """
    async with db.transaction(actor) as connection:
        row = await _claimed(connection, delivery_id)
        if row is None or row["partner_id"] != partner_id:
            return "not due"
        if row["endpoint_status"] != "active":
            return await _settle(connection, row, "failed", OFF)
        if not await _may_hear(connection, row):
            return await _settle(connection, row, "dropped", CLOSED)
        tried = await _tried(connection, row)
        return await _write_down(connection, actor, row, tried)


def job_of(delivery_id: UUID, partner_id: UUID | None) -> dict[str, UUID]:
    """Return the ids of a delivery's job; one of the platform is of no partner."""
    return {"delivery_id": delivery_id} | ({"partner_id": partner_id} if partner_id else {})


async def _claimed(connection: AsyncConnection, delivery_id: UUID) -> Mapping[str, Any] | None:
    """Lock a delivery that is due and return it with its event, or None where it is not or another worker has it."""
    delivery, event, endpoint = webhook_delivery.c, webhook_event.c, webhook_endpoint.c
    wanted = (
        select(
            *(delivery.id, delivery.partner_id, delivery.endpoint_id, delivery.event_id, delivery.attempts),
            *(delivery.first_at, event.kind, event.tenant_id, event.data, event.created_at, endpoint.url),
            *(endpoint.status.label("endpoint_status"), endpoint.failing_since),
        )
        .join(webhook_event, event.id == delivery.event_id)
        .join(webhook_endpoint, endpoint.id == delivery.endpoint_id)
        .where(delivery.id == delivery_id, delivery.status == "waiting", delivery.next_at <= clock.now())
        .with_for_update(skip_locked=True, of=webhook_delivery)
    )
    row = (await connection.execute(wanted)).mappings().one_or_none()
    return dict(row) if row else None


async def _may_hear(connection: AsyncConnection, row: Mapping[str, Any]) -> bool:
    """Return whether its owner may hear of the event now: the link may have died since."""
    kind = KINDS.get(row["kind"])
    if kind is None:
        return False
    values = {"partner": row["partner_id"], "tenant": row["tenant_id"], "needed": kind.needs}
    return bool(await connection.scalar(_MAY_HEAR, values))


async def _tried(connection: AsyncConnection, row: Mapping[str, Any]) -> Tried:
    """Post one delivery."""
    at, began = clock.now(), time.monotonic()
    try:
        sealed = (await connection.scalars(_SECRETS, {"endpoint": row["endpoint_id"]})).all()
        secrets = [signing.opened(each) for each in sealed]
    except InvalidTag:
        secrets = []
    if not secrets:
        return Tried(at=at, milliseconds=0, error=_UNREADABLE)
    body = signing.body_of(row["kind"], row["created_at"], row["data"])
    headers = signing.headers(secrets, event_id=row["event_id"], at=at, body=body)
    try:
        reply = await carrier().post(row["url"], headers=headers, body=body)
    except Unsent as unsent:
        return Tried(at=at, milliseconds=_since(began), error=str(unsent))
    said = reply.body.decode("utf-8", "replace").replace("\x00", "")
    return Tried(at=at, milliseconds=_since(began), status=reply.status, response=said)


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


async def _write_down(connection: AsyncConnection, actor: Actor, row: Mapping[str, Any], tried: Tried) -> str:
    """Keep a try, and settle the delivery or have it tried again."""
    values = {"id": new_id(), "delivery_id": row["id"], "partner_id": row["partner_id"], "at": tried.at}
    said = {"milliseconds": tried.milliseconds, "response_status": tried.status, "response": tried.response}
    await connection.execute(insert(webhook_attempt).values(values | said | {"error": tried.error}))
    if tried.taken:
        await _endpoint(connection, row, failing_since=None)
        return await _settle(connection, row, "delivered", "", tried)
    failing_since = row["failing_since"] or tried.at
    await _endpoint(connection, row, failing_since=failing_since)
    if tried.status == GONE:
        await _switch_off(connection, actor, row, "gone")
        return await _settle(connection, row, "failed", "", tried)
    if row["attempts"] >= len(LADDER):
        outcome = await _settle(connection, row, "failed", tried.error, tried)
    else:
        outcome = await _later(connection, row, tried)
    if _hopeless(row, failing_since, tried.at, over=outcome == "failed"):
        await _switch_off(connection, actor, row, "failing")
    return outcome


def _hopeless(row: Mapping[str, Any], failing_since: datetime, now: datetime, *, over: bool) -> bool:
    """Return whether an endpoint is given up: nothing got through down one event's whole ladder, or in five days."""
    first = row["first_at"] or now
    return (over and failing_since <= first) or now - failing_since >= LONGEST_FAILING


async def _later(connection: AsyncConnection, row: Mapping[str, Any], tried: Tried) -> str:
    """Have a delivery tried again at the next step of the ladder."""
    pause = LADDER[row["attempts"]] * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - no secret
    next_at = tried.at + pause
    again = _result(row, tried) | {"error": tried.error, "next_at": next_at}
    await connection.execute(update(webhook_delivery).where(webhook_delivery.c.id == row["id"]).values(again))
    await enqueue_at(connection, DELIVER, next_at, **job_of(row["id"], row["partner_id"]))
    return "waiting"


async def _settle(
    connection: AsyncConnection, row: Mapping[str, Any], status: str, error: str, tried: Tried | None = None
) -> str:
    """Close a delivery."""
    values = {"status": status, "error": error, "next_at": None} | (_result(row, tried) if tried else {})
    await connection.execute(update(webhook_delivery).where(webhook_delivery.c.id == row["id"]).values(values))
    return status


def _result(row: Mapping[str, Any], tried: Tried) -> dict[str, Any]:
    """Return what a delivery's row says of its last try."""
    return {
        "attempts": row["attempts"] + 1,
        "response_status": tried.status,
        "first_at": row["first_at"] or tried.at,
        "last_at": tried.at,
    }


async def _endpoint(connection: AsyncConnection, row: Mapping[str, Any], *, failing_since: datetime | None) -> None:
    """Note whether an endpoint takes what it is sent; most deliveries change nothing."""
    if failing_since != row["failing_since"]:
        changed = update(webhook_endpoint).where(webhook_endpoint.c.id == row["endpoint_id"])
        await connection.execute(changed.values(failing_since=failing_since))


async def _switch_off(connection: AsyncConnection, actor: Actor, row: Mapping[str, Any], why: str) -> None:
    """Switch an endpoint off, once, and write to who looks after it."""
    table = webhook_endpoint.c
    values = {"status": "disabled", "disabled_for": why, "disabled_at": func.now(), "updated_at": func.now()}
    off = update(webhook_endpoint).where(table.id == row["endpoint_id"], table.status == "active")
    if not (await connection.execute(off.values(values | {"version": table.version + 1}))).rowcount:
        return
    ids = {"partner_id": row["partner_id"], "endpoint_id": row["endpoint_id"]}
    await tell_off(connection, why, url=row["url"], **ids)
    target, changes = Target("webhook_endpoint", row["endpoint_id"]), {"url": row["url"], "why": why}
    await record(
        connection,
        actor,
        action=Action.WEBHOOK_DISABLED,
        target=target,
        partner_id=row["partner_id"],
        changes=changes,
    )


@periodic("*/10 * * * *", "webhooks.chase")
async def chase(actor: Actor) -> int:
    """Queue deliveries again that are due and whose job is lost; return how many."""
    table, now = webhook_delivery.c, func.now()
    late = now - func.make_interval(0, 0, 0, 0, 0, _LOST_MINUTES)
    waiting = select(table.id, table.partner_id).where(table.status == "waiting", table.next_at < late)
    async with db.transaction(actor) as connection:
        lost = waiting.order_by(table.next_at).limit(_AT_ONCE).with_for_update(skip_locked=True)
        rows = (await connection.execute(lost)).all()
        for row in rows:
            await enqueue_at(connection, DELIVER, clock.now(), **job_of(row.id, row.partner_id))
    return len(rows)


@periodic("41 4 * * *", "webhooks.tidy")
async def tidy(actor: Actor) -> int:
    """Drop the log of events older than a month; return how many events went."""
    limit = func.now() - func.make_interval(0, 0, 0, KEPT_DAYS)
    old = select(webhook_event.c.id).where(webhook_event.c.created_at < limit)
    closed = select(webhook_delivery.c.id).where(webhook_delivery.c.event_id.in_(old))
    async with db.transaction(actor) as connection:
        await connection.execute(delete(webhook_attempt).where(webhook_attempt.c.delivery_id.in_(closed)))
        await connection.execute(delete(webhook_delivery).where(webhook_delivery.c.event_id.in_(old)))
        gone = await connection.execute(delete(webhook_event).where(webhook_event.c.created_at < limit))
    return gone.rowcount
