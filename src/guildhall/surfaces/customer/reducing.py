"""Offering less than was asked, and taking back a part: one form, one review of the difference, one act."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import Struct

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid, NotFound
from guildhall.domain.access import consent, links
from guildhall.domain.access.links import Link
from guildhall.domain.access.reducing import less, reduced
from guildhall.domain.access.states import STANDING
from guildhall.domain.access.tables import OPERATING_MODELS
from guildhall.domain.access.terms import Terms, depth
from guildhall.surfaces import asked
from guildhall.surfaces.customer.acts import DECIDE, STOP, reason_in
from guildhall.surfaces.entry import GIVES_NOTHING, Who, needs
from guildhall.surfaces.html import Page, Web, form, page, redirect, ticked, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import N_, gettext, speech, zone_of


class Way(Struct, frozen=True, kw_only=True):
    """One way of giving less: before approval (`counter`) or after (`narrow`)."""

    path: str
    needs: str
    statuses: tuple[str, ...]
    title: str
    text: str
    before: str
    after: str
    label: str
    done: str
    run: Callable[[Actor, UUID, Terms, datetime], Awaitable[None]]
    fresh: bool = False


async def _counter(actor: Actor, link_id: UUID, terms: Terms, now: datetime) -> None:
    await consent.counter(actor, link_id=link_id, terms=terms, now=now)


async def _narrow(actor: Actor, link_id: UUID, terms: Terms, now: datetime) -> None:
    await consent.narrow(actor, link_id=link_id, terms=terms, now=now)


WAYS = (
    Way(
        path="counter",
        fresh=True,
        needs=DECIDE,
        statuses=("requested",),
        title=N_("Offer %(partner)s less"),
        text=N_("Untick what you do not want to give. The partner accepts your offer or withdraws."),
        before=N_("Asked for"),
        after=N_("You offer"),
        label=N_("Send the offer"),
        done=N_("Your offer went to %(partner)s. It has no access until it accepts."),
        run=_counter,
    ),
    Way(
        path="narrow",
        needs=STOP,
        statuses=STANDING,
        title=N_("Take back a part from %(partner)s"),
        text=N_("Untick what you take back. It binds on the partner's next request."),
        before=N_("Today"),
        after=N_("From now on"),
        label=N_("Take it back"),
        done=N_("The access of %(partner)s is narrower from now on."),
        run=_narrow,
    ),
)


async def _link(actor: Actor, way: Way, link_id: UUID) -> Link:
    """Return the link, if this way of giving less is open now."""
    async with db.transaction(actor) as connection:
        link = await links.get(connection, actor, link_id)
    if link.status not in way.statuses or link.shown_status == "expired":
        raise NotFound
    return link


async def _shown(request: Web, way: Way, link: Link, state: Form, *, status_code: int = 200) -> Page:
    """Return the form with what stands, or what was typed."""
    models = [model for model in OPERATING_MODELS if depth(model) <= depth(link.operating_model)]
    return await page(
        request, "links/less.html", status_code=status_code, way=way, link=link, form=state, models=models
    )


def _untouched(link: Link) -> Form:
    """Return the form as it first appears: everything that stands is ticked."""
    values = {"permissions": link.permissions, "operating_model": link.operating_model, "ends_at": _last_day(link)}
    return Form(values)


def _last_day(link: Link) -> str:
    """Return the last day on which the link works, for the reader; the end itself is exclusive."""
    if link.ends_at is None:
        return ""
    return str((link.ends_at - timedelta(microseconds=1)).astimezone(zone_of(speech().zone)).date())


def _end(text: str, link: Link) -> datetime | None:
    """Return the end that was typed: the moment that stands while its day was left as it was."""
    if text == _last_day(link):
        return link.ends_at
    try:
        day = date.fromisoformat(text)
        return asked.start_of(day + timedelta(days=1))
    except (ValueError, OverflowError):
        raise Invalid(errors={"ends_at": N_("Write the last day as year-month-day")}) from None


async def _terms(request: Web, link: Link) -> Terms:
    """Return the terms that were typed; raises Invalid by field."""
    values = await typed(request)
    return reduced(
        link,
        kept=await ticked(request, "permissions"),
        operating_model=values.get("operating_model", ""),
        ends_at=_end(values.get("ends_at", ""), link),
        reason=reason_in(values),
    )


async def _posted(request: Web, actor: Actor, way: Way, link_id: UUID) -> Response[Any]:
    """Show the difference first; carry it out when the person confirmed it."""
    link, now = await _link(actor, way, link_id), clock.now()
    values: dict[str, Any] = await typed(request)
    kept = values | {"permissions": await ticked(request, "permissions")}
    try:
        terms = await _terms(request, link)
        after = msgspec.structs.replace(link, **less(terms, link, now=now))
        if "confirmed" in values:
            await way.run(actor, link_id, terms, now)
            return redirect(f"/links/{link_id}", gettext(way.done, partner=link.partner_name))
    except Invalid as refusal:
        return await _shown(request, way, link, form(kept, _beside(refusal)), status_code=422)
    if "edit" in values:
        return await _shown(request, way, link, Form(kept))
    return await page(request, "links/difference.html", way=way, link=link, after=after, kept=kept)


def _beside(refusal: Invalid) -> Invalid:
    """Return the refusal with the domain's field names as this form calls them."""
    names = {"custom_permissions": "permissions"}
    return Invalid(errors={names.get(name, name): said for name, said in refusal.errors.items()})


def _asks(way: Way) -> HTTPRouteHandler:
    """Return the route of one way's form."""

    @get(f"/links/{{link_id:uuid}}/{way.path}", name=f"ask {way.path}", **needs(way.needs))
    async def ask(request: Web, link_id: FromPath[UUID], actor: Who) -> Page:
        link = await _link(actor, way, link_id)
        return await _shown(request, way, link, _untouched(link))

    return ask


def _does(way: Way) -> HTTPRouteHandler:
    """Return the route that takes one way's form."""
    mark = needs(way.needs, fresh=way.fresh, at_once="" if way.fresh else GIVES_NOTHING)

    @post(f"/links/{{link_id:uuid}}/{way.path}", name=way.path, status_code=200, **mark)
    async def take(request: Web, link_id: FromPath[UUID], actor: Who) -> Response[Any]:
        return await _posted(request, actor, way, link_id)

    return take


ROUTES = [made(way) for way in WAYS for made in (_asks, _does)]
