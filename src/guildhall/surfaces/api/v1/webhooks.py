"""Webhook endpoints: what the console does with them, for software. Ways out are opened by people, with a code."""

from typing import Any

from guildhall.core import db
from guildhall.domain.webhooks import acts, endpoints
from guildhall.domain.webhooks.acts import Draft
from guildhall.domain.webhooks.endpoints import MISSING, NEEDS, Endpoint
from guildhall.surfaces.api.operations import Answer, Call, Operation, serves
from guildhall.surfaces.api.operations import Endpoint as Served
from guildhall.surfaces.api.v1.webhook_shapes import (
    DeliveriesQuery,
    DeliveryDetail,
    DeliveryPage,
    NewWebhook,
    Replay,
    Replayed,
    Rotation,
    WebhookChange,
    WebhookDetail,
    WebhookPage,
    WebhookSecret,
    WebhooksQuery,
    changed,
    detailed,
    listed_as,
)
from guildhall.surfaces.entry import needs

GROUP = "Webhooks"
PATH = "/partner/webhooks"
ONE = PATH + "/{webhook_id}"
LOG = ONE + "/deliveries"
NO_DELIVERY = "DELIVERY_NOT_FOUND"
_FRESH = (
    " Needs a second factor of the last ten minutes: a person's token just after `POST /auth/login`. An API client "
    "gets `STEP_UP_REQUIRED`; a principal does it in the console."
)
_SHOWN_ONCE = (
    " An answer that is repeated under an Idempotency-Key has null in the secret's place; if the first one got lost, "
    "make a new secret."
)


def _operation(id_: str, method: Any, path: str, summary: str, description: str, **more: Any) -> Operation:
    """Return an operation on endpoints."""
    return Operation(
        id=id_,
        method=method,
        path=path,
        group=GROUP,
        summary=summary,
        description=description,
        mark=needs(NEEDS),
        **more,
    )


LIST = _operation(
    "listWebhooks",
    "GET",
    PATH,
    "List endpoints",
    "Addresses of your software that are told what happens, at most 20.",
    query=WebhooksQuery,
    answer=WebhookPage,
)


@serves(LIST)
async def list_webhooks(call: Call[WebhooksQuery, None]) -> WebhookPage:
    """Return one page of the partner's endpoints."""
    asked = call.query
    async with db.transaction(call.actor) as connection:
        found = await endpoints.listed(
            connection,
            call.actor,
            states=asked.state,
            limit=asked.limit,
            offset=asked.offset,
            after=asked.cursor,
        )
    return WebhookPage(
        items=[listed_as(each) for each in found.items],
        total=found.total,
        limit=asked.limit,
        offset=None if asked.cursor else asked.offset,
        has_more=found.next_cursor is not None,
        next_cursor=found.next_cursor,
    )


GET = _operation(
    "getWebhook",
    "GET",
    ONE,
    "Read one endpoint",
    "Send its ETag with a PATCH.",
    answer=WebhookDetail,
    codes=(MISSING,),
    versioned=True,
)


@serves(GET)
async def get_webhook(call: Call[None, None]) -> Answer:
    """Return one endpoint."""
    return await _answer(call)


async def _read(call: Call[Any, Any]) -> Endpoint:
    """Return the endpoint that the path names."""
    async with db.transaction(call.actor) as connection:
        return await endpoints.get(connection, call.actor, call.id("webhook_id", MISSING))


async def _detail(call: Call[Any, Any], found: Endpoint) -> WebhookDetail:
    async with db.transaction(call.actor) as connection:
        return detailed(found, await endpoints.secrets(connection, found.id))


async def _answer(call: Call[Any, Any]) -> Answer:
    """Return the endpoint that the path names as callers get it."""
    made = await _detail(call, await _read(call))
    return Answer(made, made.version)


CREATE = _operation(
    "createWebhook",
    "POST",
    PATH,
    "Add an endpoint",
    "The answer holds the signing secret, this once; deliveries are signed under Standard Webhooks 1.0.0."
    + _SHOWN_ONCE
    + _FRESH,
    status=201,
    body=NewWebhook,
    answer=WebhookSecret,
    shown_once="secret",
    codes=("CONFLICT", "STEP_UP_REQUIRED"),
    sent={"url": "https://hooks.example.com/guildhall", "events": ["partner.link.*"], "description": "Service desk"},
)


@serves(CREATE)
async def create_webhook(call: Call[None, NewWebhook]) -> WebhookSecret:
    """Add an endpoint."""
    asked = call.body
    draft = Draft(url=asked.url, description=asked.description, events=tuple(asked.events))
    made = await acts.add(call.actor, draft=draft, now=call.now)
    async with db.transaction(call.actor) as connection:
        found = await endpoints.get(connection, call.actor, made.endpoint_id)
    return WebhookSecret(webhook=await _detail(call, found), secret=made.secret)


CHANGE = _operation(
    "changeWebhook",
    "PATCH",
    ONE,
    "Change an endpoint",
    "Fewer events hold at once; another address or more events are another way out." + _FRESH,
    body=WebhookChange,
    answer=WebhookDetail,
    codes=(MISSING, "STEP_UP_REQUIRED"),
    versioned=True,
    sent={"description": "Service desk, second line"},
)


@serves(CHANGE)
async def change_webhook(call: Call[None, WebhookChange]) -> Answer:
    """Change an endpoint."""
    found = await _read(call)
    version = call.expects(found.version)
    draft = changed(found, call.body)
    await acts.change(call.actor, endpoint_id=found.id, draft=draft, now=call.now, if_version=version)
    return await _answer(call)


DISABLE = _operation(
    "disableWebhook",
    "POST",
    ONE + "/disable",
    "Switch an endpoint off",
    "At once: nothing more is sent there.",
    answer=WebhookDetail,
    codes=(MISSING, "CONFLICT"),
)
ENABLE = _operation(
    "enableWebhook",
    "POST",
    ONE + "/enable",
    "Switch an endpoint on",
    "It is told of what happens from now on; what failed can be replayed." + _FRESH,
    answer=WebhookDetail,
    codes=(MISSING, "CONFLICT", "STEP_UP_REQUIRED"),
)


@serves(DISABLE)
async def disable_webhook(call: Call[None, None]) -> WebhookDetail:
    """Switch an endpoint off."""
    await acts.disable(call.actor, endpoint_id=call.id("webhook_id", MISSING))
    return await _detail(call, await _read(call))


@serves(ENABLE)
async def enable_webhook(call: Call[None, None]) -> WebhookDetail:
    """Switch an endpoint on."""
    await acts.enable(call.actor, endpoint_id=call.id("webhook_id", MISSING), now=call.now)
    return await _detail(call, await _read(call))


ROTATE = _operation(
    "rotateWebhookSecret",
    "POST",
    ONE + "/rotate",
    "Make a new secret",
    "Shown this once. Older ones sign too until the overlap is over." + _SHOWN_ONCE + _FRESH,
    body=Rotation,
    answer=WebhookSecret,
    shown_once="secret",
    codes=(MISSING, "STEP_UP_REQUIRED"),
    sent={"overlap_hours": 24},
)


@serves(ROTATE)
async def rotate_secret(call: Call[None, Rotation]) -> WebhookSecret:
    """Make a new secret."""
    webhook_id = call.id("webhook_id", MISSING)
    made = await acts.rotate(call.actor, endpoint_id=webhook_id, overlap=call.body.overlap, now=call.now)
    return WebhookSecret(webhook=await _detail(call, await _read(call)), secret=made.secret)


TEST = _operation(
    "testWebhook",
    "POST",
    ONE + "/test",
    "Send a test event",
    "Of type `webhook.test`; the log shows what came back.",
    status=202,
    answer=WebhookDetail,
    codes=(MISSING, "CONFLICT"),
)


@serves(TEST)
async def test_webhook(call: Call[None, None]) -> WebhookDetail:
    """Send a test event."""
    await acts.test(call.actor, endpoint_id=call.id("webhook_id", MISSING))
    return await _detail(call, await _read(call))


DELIVERIES = _operation(
    "listWebhookDeliveries",
    "GET",
    LOG,
    "Read the log",
    "Each event once, kept for 30 days.",
    query=DeliveriesQuery,
    answer=DeliveryPage,
    codes=(MISSING,),
)


@serves(DELIVERIES)
async def list_deliveries(call: Call[DeliveriesQuery, None]) -> DeliveryPage:
    """Return one page of an endpoint's log."""
    asked, found = call.query, await _read(call)
    wanted = endpoints.Filter(status=asked.status, limit=asked.limit, offset=asked.offset, cursor=asked.cursor)
    async with db.transaction(call.actor) as connection:
        log = await endpoints.deliveries(connection, found.id, wanted)
    return DeliveryPage(
        items=log.items,
        total=log.total,
        limit=asked.limit,
        offset=None if asked.cursor else asked.offset,
        has_more=log.next_cursor is not None,
        next_cursor=log.next_cursor,
    )


DELIVERY = _operation(
    "getWebhookDelivery",
    "GET",
    LOG + "/{delivery_id}",
    "Read one delivery",
    "With what was posted and what came back at each try, its first 2 KB.",
    answer=DeliveryDetail,
    codes=(MISSING, NO_DELIVERY),
)
REPLAY = _operation(
    "replayWebhookDelivery",
    "POST",
    LOG + "/{delivery_id}/replay",
    "Send one delivery again",
    "Under the same `webhook-id`, so that your software can tell that it had it.",
    status=202,
    answer=DeliveryDetail,
    codes=(MISSING, NO_DELIVERY, "CONFLICT"),
)
REPLAY_FAILED = _operation(
    "replayFailedDeliveries",
    "POST",
    ONE + "/replay",
    "Send again what failed",
    "Everything that failed since a moment, 1000 for each call, the oldest first.",
    status=202,
    body=Replay,
    answer=Replayed,
    codes=(MISSING, "CONFLICT"),
    sent={"since": "2026-11-22T00:00:00Z"},
)


@serves(DELIVERY)
async def get_delivery(call: Call[None, None]) -> DeliveryDetail:
    """Return one delivery."""
    return await _delivery(call)


async def _delivery(call: Call[Any, Any]) -> DeliveryDetail:
    """Return the delivery that the path names as callers get it."""
    webhook_id, delivery_id = call.id("webhook_id", MISSING), call.id("delivery_id", NO_DELIVERY)
    async with db.transaction(call.actor) as connection:
        await endpoints.get(connection, call.actor, webhook_id)
        found, body, attempts = await endpoints.get_delivery(connection, call.actor, webhook_id, delivery_id)
    return DeliveryDetail(delivery=found, body=body, attempts=attempts)


@serves(REPLAY)
async def replay_delivery(call: Call[None, None]) -> DeliveryDetail:
    """Send one delivery again."""
    webhook_id, delivery_id = call.id("webhook_id", MISSING), call.id("delivery_id", NO_DELIVERY)
    await acts.replay(call.actor, endpoint_id=webhook_id, delivery_id=delivery_id)
    return await _delivery(call)


@serves(REPLAY_FAILED)
async def replay_failed(call: Call[None, Replay]) -> Replayed:
    """Send again what failed."""
    webhook_id = call.id("webhook_id", MISSING)
    return Replayed(deliveries=await acts.replay_failed(call.actor, endpoint_id=webhook_id, since=call.body.since))


ENDPOINTS: tuple[Served, ...] = (
    list_webhooks,
    get_webhook,
    create_webhook,
    change_webhook,
    disable_webhook,
    enable_webhook,
    rotate_secret,
    test_webhook,
    list_deliveries,
    get_delivery,
    replay_delivery,
    replay_failed,
)
