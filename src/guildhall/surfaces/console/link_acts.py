"""Acts on one link: withdraw, accept, pause, resume, end. Each asks first, on a page where no script runs."""

from collections.abc import Awaitable
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Redirect

from guildhall.core import clock
from guildhall.core.errors import Conflict, Forbidden, NotFound
from guildhall.domain.access import asking, links, pausing
from guildhall.surfaces import asked
from guildhall.surfaces.console.frame import framed
from guildhall.surfaces.console.link_questions import ASK, END, QUESTIONS
from guildhall.surfaces.console.links import name_of
from guildhall.surfaces.entry import GIVES_NOTHING, Who, needs
from guildhall.surfaces.html import Page, Web, page, redirect, told, typed
from guildhall.surfaces.kit.i18n import gettext

LONGEST_REASON = 2000


@get("/links/{link_id:uuid}/ask/{act:str}", **needs("partner.links.read"))
async def question(request: Web, link_id: FromPath[UUID], act: FromPath[str], actor: Who) -> Page:
    """Return the page that asks before an act, for browsers without script."""
    asks = QUESTIONS.get(act)
    if asks is None:
        raise NotFound
    if not actor.may(asks.permission):
        raise Forbidden
    async with framed(request, actor) as connection:
        link = await links.get(connection, actor, link_id)
    return await page(request, "links/question.html", asks=asks, act=act, link=link, customer=name_of(link))


async def _done(link_id: UUID, doing: Awaitable[None], said: str) -> Redirect:
    """Carry an act out and lead back to the link with what happened, or with why it did not."""
    try:
        await doing
    except Conflict as refusal:
        return redirect(f"/links/{link_id}", told(refusal), "error")
    return redirect(f"/links/{link_id}", said)


async def _reason(request: Web) -> str:
    """Return the reason that was typed along, cut to what the trail takes."""
    return asked.clean((await typed(request)).get("reason", "")).strip()[:LONGEST_REASON]


@post("/links/{link_id:uuid}/withdraw", **needs(ASK))
async def withdraw(link_id: FromPath[UUID], actor: Who) -> Redirect:
    """Take a request back, or turn a counter-offer down."""
    return await _done(link_id, asking.withdraw(actor, link_id=link_id), gettext("The request was withdrawn."))


@post("/links/{link_id:uuid}/accept", **needs(ASK))
async def accept(link_id: FromPath[UUID], actor: Who) -> Redirect:
    """Accept the customer's counter-offer."""
    doing = asking.accept(actor, link_id=link_id, now=clock.now())
    return await _done(link_id, doing, gettext("The counter-offer was accepted. The link stands."))


@post("/links/{link_id:uuid}/withdraw-change", **needs(ASK))
async def withdraw_change(link_id: FromPath[UUID], actor: Who) -> Redirect:
    """Take back what was asked for beside what the link opens."""
    doing = asking.withdraw_change(actor, link_id=link_id)
    return await _done(link_id, doing, gettext("The wish was withdrawn. The link stays as it is."))


@post("/links/{link_id:uuid}/pause", **needs(END, at_once=GIVES_NOTHING))
async def pause(request: Web, link_id: FromPath[UUID], actor: Who) -> Redirect:
    """Stop a link for a while."""
    doing = pausing.pause(actor, link_id=link_id, reason=await _reason(request))
    return await _done(link_id, doing, gettext("The link is paused. Open pages lost access at once."))


@post("/links/{link_id:uuid}/resume", **needs(END, fresh=True))
async def resume(link_id: FromPath[UUID], actor: Who) -> Redirect:
    """Lift the own pause."""
    doing = pausing.resume(actor, link_id=link_id, now=clock.now())
    return await _done(link_id, doing, gettext("The link works again."))


@post("/links/{link_id:uuid}/end", **needs(END, at_once=GIVES_NOTHING))
async def end(request: Web, link_id: FromPath[UUID], actor: Who) -> Redirect:
    """Give a link back for good."""
    doing = asking.end(actor, link_id=link_id, reason=await _reason(request))
    return await _done(link_id, doing, gettext("The link has ended. The customer was told."))


ROUTES = [question, withdraw, accept, withdraw_change, pause, resume, end]
