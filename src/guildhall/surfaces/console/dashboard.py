"""The dashboard: what needs me today first, then the figures, each leading to the list behind it (PRODUCT §10)."""

from litestar import get
from msgspec import Struct

from guildhall.core import clock
from guildhall.domain.reports import dashboard
from guildhall.domain.reports.dashboard import Dashboard, Need, Share
from guildhall.domain.reports.first_steps import first_steps
from guildhall.surfaces.console.frame import framed, rung
from guildhall.surfaces.console.words import sums_of
from guildhall.surfaces.entry import Who, own
from guildhall.surfaces.html import Page, Web, page
from guildhall.surfaces.kit.charts import Chart, Kind, Series
from guildhall.surfaces.kit.i18n import N_, gettext
from guildhall.surfaces.kit.states import state_label


class Waiting(Struct, frozen=True, kw_only=True):
    """Something that needs somebody today: what, how many, what to do about it, and where it leads."""

    text: str
    count: int
    note: str
    href: str
    icon: str
    tone: str


class Drawing(Struct, frozen=True, kw_only=True):
    """A chart with the lists behind its parts: `links` are a label and an address each."""

    id: str
    title: str
    chart: Chart
    links: list[tuple[str, str]]


# Label, what to do, icon, tone, and the list behind it.
_NEEDS = {
    "tickets_breached": (
        N_("Tickets past their SLA clock"),
        N_("Answer these first"),
        "siren",
        "bad",
        "/tickets?status=unresolved&clock=breached&sort=due",
    ),
    "tickets_due_soon": (
        N_("Tickets due soon"),
        N_("Their clocks run out next"),
        "clock-alert",
        "warn",
        "/tickets?status=unresolved&clock=soon&sort=due",
    ),
    "links_countered": (
        N_("Counter-offers"),
        N_("The customer waits for you"),
        "message-square-reply",
        "note",
        "/links?group=waiting&state=countered",
    ),
    "links_expiring": (
        N_("Links that end soon"),
        N_("Ask for more time now"),
        "calendar-clock",
        "warn",
        "/links?group=standing&state=expiring",
    ),
    "trials_ending": (
        N_("Trials that end soon"),
        N_("Talk about the plan"),
        "hourglass",
        "info",
        "/customers?status=trial",
    ),
    "balance_overdue": (
        N_("Customers with overdue balances"),
        "",
        "receipt-text",
        "bad",
        "/billing/invoices?status=overdue",
    ),
}


@get("/", **own("the dashboard shows what each may see"))
async def start(request: Web, actor: Who) -> Page:
    """Return the dashboard of this person."""
    async with framed(request, actor) as connection:
        found = await dashboard.today(connection, actor, now=clock.now())
        first = await first_steps(connection, actor)
    waiting = (await rung(request, actor)).waiting
    return await page(
        request,
        "dashboard/dashboard.html",
        actor=actor,
        found=found,
        first=first,
        waiting=[*_alerts(waiting), *(_waiting(need) for need in found.needs)],
        drawings=_drawings(found),
    )


def _alerts(wrong: int) -> list[Waiting]:
    """Return the alerts that nobody sees to, as something that waits."""
    note = gettext("Acknowledge them, or see what is wrong")
    text = gettext("Alerts that nobody sees to")
    return [Waiting(text=text, count=wrong, note=note, href="/alerts", icon="siren", tone="bad")] if wrong else []


def _waiting(need: Need) -> Waiting:
    """Return a need as the page shows it."""
    text, note, icon, tone, href = _NEEDS[need.kind]
    said = sums_of(need.amounts) if need.amounts else gettext(note)
    return Waiting(text=gettext(text), count=need.count, note=said, href=href, icon=icon, tone=tone)


def _drawings(found: Dashboard) -> list[Drawing]:
    """Return the charts that this person may see and that have something to show."""
    drawn = (
        _drawing("tickets", gettext("Unresolved tickets by priority"), "bars", found.open_tickets, "priority"),
        _drawing("funnel", gettext("Links by state"), "bars-flat", found.funnel, "link"),
        _drawing("models", gettext("Operating models"), "ring", found.models, "model"),
        _drawing("plans", gettext("Plan mix"), "ring", found.plans, ""),
    )
    return [each for each in drawn if each is not None]


_BEHIND = {
    "tickets": "/tickets?status=unresolved&priority=",
    "funnel": "/links?state=",
    "models": "/customers?model=",
}


def _drawing(id_: str, title: str, kind: Kind, shares: list[Share] | None, family: str) -> Drawing | None:
    """Return the chart of some parts of a whole, named by the states of `family` or as they are."""
    if not shares or not any(share.count for share in shares):
        return None
    labels = [state_label(family, share.name) if family else share.name.capitalize() for share in shares]
    told = [f"{label}: {share.count}" for label, share in zip(labels, shares, strict=True)]
    chart = Chart(
        kind=kind,
        labels=labels,
        series=[Series(gettext("Number"), [share.count for share in shares])],
        summary=f"{title}. {', '.join(told)}",
    )
    behind = _BEHIND.get(id_)
    links = [(text, behind + share.name) for text, share in zip(told, shares, strict=True)] if behind else []
    return Drawing(id=id_, title=title, chart=chart, links=links)


ROUTES = [start]
