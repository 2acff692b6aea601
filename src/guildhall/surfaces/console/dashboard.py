"""The dashboard: what needs me today first, then the figures, each leading to the list behind it (PRODUCT §10)."""

from urllib.parse import urlencode

from litestar import get
from msgspec import Struct

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.domain.reports import dashboard
from guildhall.domain.reports.dashboard import Dashboard, Need, Share
from guildhall.surfaces.console.words import sums_of
from guildhall.surfaces.entry import Who, own
from guildhall.surfaces.html import Page, Web, page
from guildhall.surfaces.kit.charts import Chart, Kind, Series
from guildhall.surfaces.kit.i18n import gettext, ngettext
from guildhall.surfaces.kit.states import state_label


class Waiting(Struct, frozen=True, kw_only=True):
    """Something that needs somebody today: how many, in words, and where it leads."""

    count: int
    text: str
    note: str
    href: str
    icon: str
    tone: str


_NEEDS = {
    "tickets_breached": ("siren", "bad"),
    "tickets_due_soon": ("clock-alert", "warn"),
    "links_countered": ("message-square-reply", "note"),
    "links_expiring": ("calendar-clock", "warn"),
    "trials_ending": ("hourglass", "info"),
    "balance_overdue": ("receipt-text", "bad"),
}


@get("/", **own("the dashboard shows what each may see"))
async def start(request: Web, actor: Who) -> Page:
    """Return the dashboard of this person."""
    async with db.transaction(actor) as connection:
        found = await dashboard.today(connection, actor, now=clock.now())
    return await page(
        request,
        "dashboard/dashboard.html",
        actor=actor,
        found=found,
        waiting=[_waiting(need) for need in found.needs],
        charts=_charts(found),
        lists=_lists(actor),
        href=href,
    )


def _lists(actor: Actor) -> frozenset[str]:
    """Return the lists that this person may open from a tile."""
    needed = {
        "customers": "partner.tenants.list",
        "tickets": "partner.support.tickets.list",
        "links": "partner.links.read",
    }
    return frozenset(name for name, permission in needed.items() if actor.may(permission))


def href(path: str, chosen: dict[str, str]) -> str:
    """Return the address of a list with the filter of a tile."""
    return f"{path}?{urlencode(chosen)}" if chosen else path


def _waiting(need: Need) -> Waiting:
    """Return a need as the page shows it."""
    icon, tone = _NEEDS[need.kind]
    return Waiting(
        count=need.count,
        text=_sentence(need),
        note=sums_of(need.amounts) if need.amounts else "",
        href=_behind(need),
        icon=icon,
        tone=tone,
    )


def _sentence(need: Need) -> str:
    """Return what waits, in words that follow its number."""
    count = need.count
    said = {
        "tickets_breached": ngettext("ticket past its SLA clock", "tickets past their SLA clocks", count),
        "tickets_due_soon": ngettext("ticket due soon", "tickets due soon", count),
        "links_countered": ngettext("counter-offer to answer", "counter-offers to answer", count),
        "links_expiring": ngettext("link about to end", "links about to end", count),
        "trials_ending": ngettext("trial about to end", "trials about to end", count),
        "balance_overdue": ngettext("customer with an overdue balance", "customers with overdue balances", count),
    }
    return said[need.kind]


def _behind(need: Need) -> str:
    """Return the list behind a need, filtered as this surface filters."""
    return {
        "tickets_breached": "/tickets?status=unresolved&clock=breached&sort=due",
        "tickets_due_soon": "/tickets?status=unresolved&clock=soon&sort=due",
        "links_countered": "/links?group=waiting&state=countered",
        "links_expiring": "/links?group=standing&state=expiring",
        "trials_ending": "/customers?status=trial",
        "balance_overdue": "/customers?sort=-balance",
    }[need.kind]


def _charts(found: Dashboard) -> dict[str, Chart]:
    """Return the charts that this person may see and that have something to show."""
    drawn = {
        "funnel": _chart(found.funnel, "funnel", "link", gettext("Links")),
        "models": _chart(found.models, "ring", "model", gettext("Customers")),
        "plans": _chart(found.plans, "ring", "", gettext("Customers")),
        "tickets": _chart(found.open_tickets, "bars", "priority", gettext("Open tickets")),
    }
    return {name: chart for name, chart in drawn.items() if chart is not None}


def _chart(shares: list[Share] | None, kind: Kind, family: str, name: str) -> Chart | None:
    """Return the chart of some parts of a whole, named by the states of `family` or as they are."""
    if not shares or not any(share.count for share in shares):
        return None
    labels = [state_label(family, share.name) if family else share.name.capitalize() for share in shares]
    pairs = ", ".join(f"{label}: {share.count}" for label, share in zip(labels, shares, strict=True))
    return Chart(
        kind=kind,
        labels=labels,
        series=[Series(name, [share.count for share in shares])],
        summary=f"{name}. {pairs}",
    )


ROUTES = [start]
