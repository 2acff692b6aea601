"""What a customer does to one link with one press: each act asks first, says what follows, and is one row here."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import Struct

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid, NotFound
from guildhall.domain.access import consent, links, pausing
from guildhall.domain.access.links import Link, Offer
from guildhall.domain.access.states import STANDING
from guildhall.surfaces.entry import GIVES_NOTHING, Who, needs
from guildhall.surfaces.html import Page, Web, form, page, redirect, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import N_, gettext

DECIDE, STOP = "customer.links.decide", "customer.links.stop"
LONGEST_REASON = 2000


class Act(Struct, frozen=True, kw_only=True):
    """One act: its path, what it needs, its words, whether it takes a reason, and the rule that carries it out."""

    path: str
    needs: str
    label: str
    icon: str
    title: str
    text: str
    done: str
    run: Callable[[Actor, UUID, str], Awaitable[Any]]
    kind: str = "danger"
    reason: bool = True
    fresh: bool = False

    def fits(self, link: Link, offer: Offer | None) -> bool:
        """Return whether the act makes sense where the link stands now."""
        return _FITS[self.path](link, offer)


async def _approve(actor: Actor, link_id: UUID, _reason: str) -> None:
    await consent.approve(actor, link_id=link_id, now=clock.now())


async def _decline(actor: Actor, link_id: UUID, reason: str) -> None:
    await consent.decline(actor, link_id=link_id, reason=reason)


async def _approve_change(actor: Actor, link_id: UUID, _reason: str) -> None:
    await consent.approve_change(actor, link_id=link_id, now=clock.now())


async def _decline_change(actor: Actor, link_id: UUID, reason: str) -> None:
    await consent.decline_change(actor, link_id=link_id, reason=reason)


async def _pause(actor: Actor, link_id: UUID, reason: str) -> None:
    await pausing.pause(actor, link_id=link_id, reason=reason)


async def _resume(actor: Actor, link_id: UUID, _reason: str) -> None:
    await pausing.resume(actor, link_id=link_id, now=clock.now())


async def _revoke(actor: Actor, link_id: UUID, reason: str) -> None:
    await consent.revoke(actor, link_id=link_id, reason=reason)


_FITS: dict[str, Callable[[Link, Offer | None], bool]] = {
    "approve": lambda link, _: link.status == "requested",
    "decline": lambda link, _: link.status == "requested",
    "approve-change": lambda link, offer: offer is not None and _stands(link),
    "decline-change": lambda link, offer: offer is not None and _stands(link),
    "pause": lambda link, _: link.shown_status in {"active", "expiring"},
    "resume": lambda link, _: link.shown_status == "paused" and link.paused_by == "tenant",
    "revoke": lambda link, _: _stands(link),
}
ACTS = (
    Act(
        path="approve",
        fresh=True,
        needs=DECIDE,
        label=N_("Approve"),
        icon="check",
        title=N_("Approve the access of %(partner)s?"),
        text=N_("%(partner)s gets exactly what it asked for, no more. You can narrow, pause or revoke it any time."),
        done=N_("You approved the access of %(partner)s."),
        run=_approve,
        kind="primary",
        reason=False,
    ),
    Act(
        path="decline",
        needs=DECIDE,
        label=N_("Decline"),
        icon="x",
        title=N_("Decline the request of %(partner)s?"),
        text=N_("%(partner)s gets no access and reads your reason."),
        done=N_("You declined the request of %(partner)s."),
        run=_decline,
    ),
    Act(
        path="approve-change",
        fresh=True,
        needs=DECIDE,
        label=N_("Approve the change"),
        icon="check",
        title=N_("Approve the change for %(partner)s?"),
        text=N_("Only the difference is new. What stands today stays as it is."),
        done=N_("The change for %(partner)s is in force."),
        run=_approve_change,
        kind="primary",
        reason=False,
    ),
    Act(
        path="decline-change",
        needs=DECIDE,
        label=N_("Decline the change"),
        icon="x",
        title=N_("Decline the change for %(partner)s?"),
        text=N_("The access stays as it is today. %(partner)s reads your reason."),
        done=N_("You declined the change; the access of %(partner)s stays as it was."),
        run=_decline_change,
    ),
    Act(
        path="pause",
        needs=STOP,
        label=N_("Pause"),
        icon="pause",
        title=N_("Pause the access of %(partner)s?"),
        text=N_("%(partner)s is locked out from its next click until you resume. Nothing is lost."),
        done=N_("The access of %(partner)s is paused."),
        run=_pause,
        kind="secondary",
    ),
    Act(
        path="resume",
        fresh=True,
        needs=STOP,
        label=N_("Resume"),
        icon="play",
        title=N_("Resume the access of %(partner)s?"),
        text=N_("%(partner)s can see and do again what you approved."),
        done=N_("The access of %(partner)s works again."),
        run=_resume,
        kind="primary",
        reason=False,
    ),
    Act(
        path="revoke",
        needs=STOP,
        label=N_("Revoke"),
        icon="ban",
        title=N_("Revoke the access of %(partner)s?"),
        text=N_("%(partner)s is locked out from its next click, for good. To let it in again it has to ask anew."),
        done=N_("You revoked the access of %(partner)s. Its next request is refused."),
        run=_revoke,
    ),
)


def _stands(link: Link) -> bool:
    """Return whether a link stands: approved, and not over."""
    return link.status in STANDING and link.shown_status != "expired"


def offered(actor: Actor, link: Link, offers: list[Offer]) -> list[Act]:
    """Return the acts that this person may take on a link now."""
    offer = next((each for each in offers if each.status == "open" and each.kind == "change"), None)
    return [act for act in ACTS if actor.may(act.needs) and act.fits(link, offer)]


def reason_in(values: dict[str, str]) -> str:
    """Return the reason that was typed; raises Invalid for one that is too long."""
    reason = values.get("reason", "").replace("\x00", "").strip()
    if len(reason) > LONGEST_REASON:
        raise Invalid(errors={"reason": N_("Use at most 2000 characters")})
    return reason


async def _question(request: Web, actor: Actor, act: Act, link_id: UUID, state: Form | None = None) -> Page:
    """Return the page that asks before an act."""
    async with db.transaction(actor) as connection:
        link = await links.get(connection, actor, link_id)
        offers = await links.offers(connection, link_id, only_open=True)
    if act not in offered(actor, link, offers):
        raise NotFound
    offer = offers[0] if offers else None
    status = 422 if state else 200
    return await page(
        request, "links/question.html", status_code=status, act=act, link=link, offer=offer, form=state or Form()
    )


async def _carried_out(request: Web, actor: Actor, act: Act, link_id: UUID) -> Response[Any]:
    """Carry an act out and say what happened; what cannot be read is asked for again."""
    values = await typed(request)
    async with db.transaction(actor) as connection:
        link = await links.get(connection, actor, link_id)
    try:
        await act.run(actor, link_id, reason_in(values))
    except Invalid as refusal:
        return await _question(request, actor, act, link_id, form(values, refusal))
    return redirect(f"/links/{link_id}", gettext(act.done, partner=link.partner_name))


def _asks(act: Act) -> HTTPRouteHandler:
    """Return the page on which an act asks first, for browsers without script."""

    @get(f"/links/{{link_id:uuid}}/{act.path}", name=f"ask {act.path}", **needs(act.needs))
    async def question(request: Web, link_id: FromPath[UUID], actor: Who) -> Page:
        return await _question(request, actor, act, link_id)

    return question


def _does(act: Act) -> HTTPRouteHandler:
    """Return the route that carries an act out."""

    @post(
        f"/links/{{link_id:uuid}}/{act.path}",
        name=act.path,
        **needs(act.needs, fresh=act.fresh, at_once="" if act.fresh else GIVES_NOTHING),
    )
    async def carry_out(request: Web, link_id: FromPath[UUID], actor: Who) -> Response[Any]:
        return await _carried_out(request, actor, act, link_id)

    return carry_out


ROUTES = [made(act) for act in ACTS for made in (_asks, _does)]
