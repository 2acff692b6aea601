"""The partner's links: every state with its tabs, and one link with its terms, its offers and its course."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from litestar import get
from litestar.params import FromPath
from msgspec import Struct

from guildhall.core.actor import Actor
from guildhall.core.money import Money
from guildhall.domain.access import links
from guildhall.domain.access.links import Link, Offer
from guildhall.domain.access.states import STANDING
from guildhall.domain.rbac.registry import Area
from guildhall.surfaces import asked
from guildhall.surfaces.console.frame import framed
from guildhall.surfaces.console.link_questions import QUESTIONS
from guildhall.surfaces.console.words import sum_of
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, page
from guildhall.surfaces.kit.formats import date
from guildhall.surfaces.kit.i18n import N_, gettext
from guildhall.surfaces.kit.states import STATES, state_label
from guildhall.surfaces.kit.tables import Filter, Pages, Sorting, sorting_of
from guildhall.surfaces.words import area_label, permission_label, service_level, state_options

SORTS = {"name": "tenant_name", "status": "status", "ends": "ends_at", "asked": "created_at"}
GROUPS = {
    "": (N_("All"), ()),
    "waiting": (N_("Waiting"), ("requested", "countered")),
    "standing": (N_("Standing"), ("active", "expiring", "scheduled", "paused")),
    "over": (N_("Over"), ("declined", "lapsed", "withdrawn", "expired", "revoked", "ended")),
}
DECIDED = {"declined": N_("Declined"), "revoked": N_("Revoked")}
UNDECIDED = frozenset({"requested", "countered", "withdrawn", "lapsed"})
OVER_BY = frozenset({"paused", "ended", "withdrawn", "lapsed", "expired"})


@get("/links", **needs("partner.links.read"))
async def link_list(request: Web, actor: Who) -> Page:
    """Return one page of the partner's links, in the states that the tab and the filter name."""
    group = asked.choice(request, "group", GROUPS)
    states = GROUPS[group][1] or tuple(STATES["link"])
    sorting = sorting_of(request.query_params.get("sort"), SORTS, Sorting("asked", descending=True))
    number = asked.page_number(request)
    wanted = links.Filter(
        statuses=asked.chosen(request, "state", states) or GROUPS[group][1],
        search=asked.words(request),
        sort_by=SORTS[sorting.key],
        sort_order="desc" if sorting.descending else "asc",
        limit=asked.PAGE_SIZE,
        offset=(number - 1) * asked.PAGE_SIZE,
    )
    async with framed(request, actor) as connection:
        rows, total = await links.listed(connection, actor, wanted)
    return await page(
        request,
        "links/list.html",
        rows=rows,
        sorting=sorting,
        pages=Pages(shown=len(rows), page=number, size=asked.PAGE_SIZE, total=total),
        filters=[Filter("state", gettext("State"), state_options("link", states))],
        tabs=[
            (gettext(label), f"/links?group={key}" if key else "/links", key == group, None)
            for key, (label, _) in GROUPS.items()
        ],
        group=group,
        may_ask=actor.may("partner.links.request"),
    )


class Step(Struct, frozen=True, kw_only=True):
    """One event in the course of a link."""

    what: str
    at: datetime
    who: str
    icon: str
    tone: str


@get("/links/{link_id:uuid}", **needs("partner.links.read"))
async def link_page(request: Web, link_id: FromPath[UUID], actor: Who) -> Page:
    """Return one link: its terms, what is offered on it, what the person may do with it."""
    async with framed(request, actor) as connection:
        link = await links.get(connection, actor, link_id)
        offers = await links.offers(connection, link_id)
    return await page(
        request,
        "links/link.html",
        link=link,
        customer=name_of(link),
        offer=next((offer for offer in offers if offer.status == "open"), None),
        course=_course(link, offers),
        acts=acts(actor, link, offers),
        settings=_settings(actor, link),
        matrix=matrix,
        difference=difference,
        fine=fine,
        questions=QUESTIONS,
        audit=actor.may("partner.audit.read"),
    )


def _settings(actor: Actor, link: Link) -> list[tuple[str, str]]:
    """Return what is promised on the link and when the partner is warned, in words; an amount to whoever sees any."""
    threshold = link.alert_config.get("billing_threshold")
    owed = sum_of(Money(Decimal(threshold["amount"]), threshold["currency"])) if threshold else gettext("No alert")
    breaches = gettext("Alert") if link.alert_config.get("sla_breach", True) else gettext("No alert")
    rows = [*service_level(link.sla_config), (gettext("Late tickets, uptime below the target"), breaches)]
    return [*rows, (gettext("Owed, from"), owed)] if actor.may("partner.money.read") else rows


def name_of(link: Link) -> str:
    """Return what the partner calls the customer: its name once known, else the domain that was typed."""
    return link.tenant_name or link.tenant_domain or gettext("Unknown customer")


def acts(actor: Actor, link: Link, offers: list[Offer]) -> set[str]:
    """Return what this person may do with this link as it stands."""
    waiting = any(offer.status == "open" and offer.kind == "change" for offer in offers)
    possible = _askable(link, waiting=waiting) if actor.may("partner.links.request") else set()
    return possible | (_endable(link) if actor.may("partner.links.end") else set())


def _askable(link: Link, *, waiting: bool) -> set[str]:
    """Return the acts about terms that the state of a link allows."""
    if link.shown_status in {"requested", "countered"}:
        return {"withdraw"} | ({"accept"} if link.status == "countered" else set())
    if link.status in STANDING and link.shown_status != "expired":
        return {"withdraw-change"} if waiting else {"change"}
    return {"again"}


def _endable(link: Link) -> set[str]:
    """Return the acts that stop or resume a link, as its state allows."""
    if link.status not in STANDING or link.shown_status == "expired":
        return set()
    if link.status == "paused":
        return {"end", "resume"} if link.paused_by == "partner" else {"end"}
    return {"end", "pause"} if link.status == "active" else {"end"}


def matrix(first: list[str], second: list[str] | None = None) -> list[tuple[str, bool] | tuple[str, bool, bool]]:
    """Return every area as a row: in `first`, and where given in `second`."""
    if second is None:
        return [(area_label(area), area in first) for area in Area]
    return [(area_label(area), area in first, area in second) for area in Area]


def fine(more: list[str], less: list[str]) -> list[str]:
    """Return the words for the permissions of `more` that are not in `less`."""
    return sorted(permission_label(name) for name in set(more) - set(less))


def difference(link: Link, offer: Offer) -> list[tuple[str, str, str]]:
    """Return what of model and end an offer changes: label, as it is, as it would be."""
    rows = []
    if offer.operating_model != link.operating_model:
        before, after = state_label("model", link.operating_model), state_label("model", offer.operating_model)
        rows.append((gettext("Operating model"), before, after))
    if offer.ends_at != link.ends_at:
        rows.append((gettext("Ends"), _end(link.ends_at), _end(offer.ends_at)))
    return rows


def _end(moment: datetime | None) -> str:
    """Return the end of a link in words."""
    return date(moment) if moment else gettext("Open-ended")


def _course(link: Link, offers: list[Offer]) -> list[Step]:
    """Return what happened to a link, newest first, as far as the link itself tells."""
    steps = [
        Step(what=gettext("Asked for"), at=link.created_at, who=link.created_by, icon="send", tone="info"),
        *(step for offer in offers for step in _offered(offer)),
    ]
    if link.decided_at is not None and link.status not in UNDECIDED:
        bad = link.status in DECIDED
        what = gettext(DECIDED[link.status]) if bad else gettext("Agreed")
        icon, tone = ("circle-x", "bad") if bad else ("circle-check", "ok")
        steps.append(Step(what=what, at=link.decided_at, who="", icon=icon, tone=tone))
    if link.status in OVER_BY:
        shown = STATES["link"][link.status]
        what = gettext(shown.label)
        steps.append(Step(what=what, at=link.updated_at, who=link.updated_by, icon=shown.icon, tone=shown.tone))
    return sorted(steps, key=lambda step: step.at, reverse=True)


def _offered(offer: Offer) -> list[Step]:
    """Return the events of one offer: that it was made, and how it ended."""
    made = gettext("Counter-offer") if offer.kind == "counter" else gettext("Change asked for")
    steps = [
        Step(what=made, at=offer.created_at, who=offer.proposed_by, icon="message-square-reply", tone="note"),
    ]
    if offer.decided_at is not None:
        said = {
            "accepted": (N_("Offer accepted"), "check", "ok"),
            "declined": (N_("Offer declined"), "circle-x", "bad"),
            "withdrawn": (N_("Offer withdrawn"), "undo-2", "mute"),
        }
        what, icon, tone = said.get(offer.status, (N_("Offer lapsed"), "hourglass", "mute"))
        steps.append(Step(what=gettext(what), at=offer.decided_at, who=offer.decided_by or "", icon=icon, tone=tone))
    return steps


ROUTES = [link_list, link_page]
