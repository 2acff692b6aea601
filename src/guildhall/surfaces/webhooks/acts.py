"""Acts on one endpoint: off and on, a new secret, the end of an old one, a test, replays. What hurts asks first."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from guildhall.core import clock, db
from guildhall.core.errors import Conflict, Invalid, NotFound, PreconditionFailed
from guildhall.domain.webhooks import acts, endpoints
from guildhall.domain.webhooks.delivering import KEPT_DAYS
from guildhall.surfaces import asked
from guildhall.surfaces.client_fields import overlaps
from guildhall.surfaces.entry import GIVES_NOTHING, Who, needs
from guildhall.surfaces.html import Page, Web, form, page, redirect, told, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import N_, gettext, ngettext
from guildhall.surfaces.webhooks.pages import shown

ASKED = frozenset({"disable", "enable", "secret", "replay"})
_SWITCHED = frozenset({"disable", "enable"})  # which staff do to a partner's endpoint too
_SENDS = "it sends only where a fresh second factor allowed it"
_BY_HOURS = {str(int(each.total_seconds() // 3600)): each for each in acts.OVERLAPS}
_OFF = N_("The endpoint is switched off. Nothing is sent there any more.")


async def question(request: Web, endpoint_id: FromPath[UUID], act: FromPath[str], actor: Who) -> Page:
    """Return the page that asks before an act."""
    if act not in ASKED:
        raise NotFound
    return await _question(request, actor, endpoint_id, act, Form())


async def _question(request: Web, actor: Who, endpoint_id: UUID, act: str, state: Form, status_code: int = 200) -> Page:
    reading = endpoints.get if act in _SWITCHED else endpoints.own
    async with db.transaction(actor) as connection:
        found = await reading(connection, actor, endpoint_id)
        failed = await endpoints.failed_since(connection, endpoint_id, None)
    return await page(
        request,
        f"webhooks/ask_{act}.html",
        status_code=status_code,
        endpoint=found,
        form=state,
        overlaps=overlaps(),
        failed=failed,
        kept_days=KEPT_DAYS,
        foreign=found.partner_id != actor.partner_id,
    )


async def disable(request: Web, endpoint_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Switch the endpoint off."""
    values = await typed(request)
    try:
        await acts.disable(actor, endpoint_id=endpoint_id, reason=values.get("reason", "").strip())
    except Invalid as refusal:
        return await _question(request, actor, endpoint_id, "disable", form(values, refusal), refusal.status)
    except (Conflict, PreconditionFailed) as refusal:
        return redirect(f"/webhooks/{endpoint_id}", told(refusal), "error")
    return redirect(f"/webhooks/{endpoint_id}", gettext(_OFF))


async def enable(endpoint_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Switch the endpoint on."""
    try:
        await acts.enable(actor, endpoint_id=endpoint_id, now=clock.now())
    except (Conflict, PreconditionFailed) as refusal:
        return redirect(f"/webhooks/{endpoint_id}", told(refusal), "error")
    return redirect(f"/webhooks/{endpoint_id}", gettext("The endpoint is on. It is told of what happens from now on."))


async def rotate(request: Web, endpoint_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Make a new secret and show it, this once."""
    values = await typed(request)
    overlap = _BY_HOURS.get(values.get("overlap", ""), timedelta.max)
    try:
        made = await acts.rotate(actor, endpoint_id=endpoint_id, overlap=overlap, now=clock.now())
    except Invalid as refusal:
        return await _question(request, actor, endpoint_id, "secret", form(values, refusal), refusal.status)
    return await shown(request, actor, endpoint_id, secret=made.secret)


async def ask_end(request: Web, endpoint_id: FromPath[UUID], secret_id: FromPath[UUID], actor: Who) -> Page:
    """Return the page that asks before a secret is ended."""
    async with db.transaction(actor) as connection:
        found = await endpoints.own(connection, actor, endpoint_id)
        live = await endpoints.secrets(connection, endpoint_id)
    secret = next((each for each in live if each.id == secret_id), None)
    if secret is None:
        raise NotFound
    return await page(request, "webhooks/ask_end.html", endpoint=found, secret=secret)


async def end_secret(endpoint_id: FromPath[UUID], secret_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """End an older secret at once."""
    try:
        await acts.end_secret(actor, endpoint_id=endpoint_id, secret_id=secret_id, now=clock.now())
    except Conflict as refusal:
        return redirect(f"/webhooks/{endpoint_id}", told(refusal), "error")
    return redirect(f"/webhooks/{endpoint_id}", gettext("Deliveries are no longer signed with this secret."))


async def test(endpoint_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Send a test event."""
    try:
        await acts.test(actor, endpoint_id=endpoint_id)
    except Conflict as refusal:
        return redirect(f"/webhooks/{endpoint_id}", told(refusal), "error")
    return redirect(
        f"/webhooks/{endpoint_id}", gettext("A test event is on its way. The log below shows what came back.")
    )


async def replay(endpoint_id: FromPath[UUID], delivery_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Send one delivery again."""
    where = f"/webhooks/{endpoint_id}/deliveries/{delivery_id}"
    try:
        await acts.replay(actor, endpoint_id=endpoint_id, delivery_id=delivery_id)
    except Conflict as refusal:
        return redirect(where, told(refusal), "error")
    return redirect(where, gettext("It is sent again, under the same id."))


async def replay_failed(request: Web, endpoint_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Send again what failed since a day."""
    values = await typed(request)
    try:
        since = _since(values.get("since", ""))
        count = await acts.replay_failed(actor, endpoint_id=endpoint_id, since=since)
    except Invalid as refusal:
        return await _question(request, actor, endpoint_id, "replay", form(values, refusal), refusal.status)
    except Conflict as refusal:
        return redirect(f"/webhooks/{endpoint_id}", told(refusal), "error")
    done = ngettext("%(num)s delivery is sent again.", "%(num)s deliveries are sent again.", count)
    return redirect(f"/webhooks/{endpoint_id}", done)


def _since(text: str) -> datetime:
    """Return the start of the day that was typed; without one, everything that the log keeps."""
    try:
        day = asked.day_in(text)
    except Invalid as wrong:
        raise Invalid(errors={"since": wrong.sentence}) from None
    return asked.start_of(day) if day else clock.now() - timedelta(days=KEPT_DAYS)


def routes(manage: str) -> list[ControllerRouterHandler]:
    """Return the routes of a surface on which `manage` is what changes endpoints."""
    one = "/webhooks/{endpoint_id:uuid}"
    ending = one + "/secrets/{secret_id:uuid}/end"
    fresh, sends = needs(manage, fresh=True), needs(manage, at_once=_SENDS)
    return [
        get(one + "/ask/{act:str}", **needs(manage))(question),
        get(ending, **needs(manage))(ask_end),
        post(one + "/disable", **needs(manage, at_once=GIVES_NOTHING))(disable),
        post(one + "/enable", **fresh)(enable),
        post(one + "/secret", status_code=200, **fresh)(rotate),
        post(ending, **needs(manage, at_once=GIVES_NOTHING))(end_secret),
        post(one + "/test", **sends)(test),
        post(one + "/deliveries/{delivery_id:uuid}/replay", **sends)(replay),
        post(one + "/replay", **sends)(replay_failed),
    ]
