"""What stands around every page of the console: sections by permission, the notices, the tenant in context."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.domain.access.gates import Standing
from guildhall.domain.access.links import EXPIRING_DAYS
from guildhall.domain.alerts.kinds import readable
from guildhall.domain.notify import bell
from guildhall.domain.notify.bell import Bell
from guildhall.surfaces.entry import Entered
from guildhall.surfaces.html import Frame, Web
from guildhall.surfaces.kit.i18n import N_, gettext
from guildhall.surfaces.kit.shell import NavGroup, NavItem, TenantContext

CUSTOMERS = "partner.tenants.list"
_REPORTS = ("partner.reports.usage.read", "partner.reports.sla.read", "partner.reports.revenue.read")
# Where it leads, what it is called, its icon, and of what the person must hold one thing to see it.
_WORK = (
    ("/customers", N_("Customers"), "building-2", CUSTOMERS),
    ("/billing", N_("Billing"), "receipt-text", "partner.billing.summary.read"),
    ("/tickets", N_("Tickets"), "ticket", "partner.support.tickets.list"),
    (
        "/reports",
        N_("Reports"),
        "chart-line",
        *_REPORTS,
    ),
    ("/links", N_("Links"), "link-2", "partner.links.read"),
)
_ORGANISATION = (
    ("/team", N_("Team"), "users", "partner.team.read"),
    ("/clients", N_("API clients"), "key-round", "partner.clients.manage"),
    ("/webhooks", N_("Webhooks"), "webhook", "partner.webhooks.manage"),
    ("/audit", N_("Audit trail"), "history", "partner.audit.read"),
)


async def frame(request: Web) -> Frame:
    """Return the navigation of this person, and the tenant that the address names."""
    found: Entered = request.scope["state"]["entered"]
    actor, path = found.actor, request.url.path
    lists = actor.may(CUSTOMERS)
    return Frame(
        navigation=await _navigation(request, actor, path),
        menu=(NavItem(gettext("Your account"), "/account", "user-round"),),
        tenant=context(found.tenant) if found.tenant else None,
        tenant_search_url="/tenants/options" if lists else None,
        tenant_list_url="/customers" if lists else None,
    )


@asynccontextmanager
async def framed(request: Web, actor: Actor, *, planned_once: bool = False) -> AsyncIterator[AsyncConnection]:
    """Open the transaction in which a page reads; what waits for the person is counted in it too."""
    async with db.transaction(actor, planned_once=planned_once) as connection:
        yield connection
        request.scope["state"]["bell"] = await bell.rung(connection, actor)


async def rung(request: Web, actor: Actor) -> Bell:
    """Return what waits for the person, counted once for a page."""
    state = request.scope["state"]
    if "bell" not in state:
        async with framed(request, actor):
            pass
    counted: Bell = state["bell"]
    return counted


async def _navigation(request: Web, actor: Actor, path: str) -> tuple[NavGroup, ...]:
    """Return the sections that the person may use; the others are not there."""
    found = await rung(request, actor)
    here = "/customers" if path.startswith("/t/") else path
    first = NavItem(gettext("Dashboard"), "/", "layout-dashboard", path == "/")
    siren = NavItem(gettext("Alerts"), "/alerts", "siren", _within(here, "/alerts"), found.alerts or None)
    waiting = (siren,) if readable(actor) else ()
    news = NavItem(gettext("Notices"), "/notices", "bell", _within(here, "/notices"), found.unread or None)
    return (
        NavGroup((first, *_allowed(actor, here, _WORK), *waiting, news)),
        NavGroup(_allowed(actor, here, _ORGANISATION), gettext("Organisation")),
    )


def _allowed(actor: Actor, here: str, sections: tuple[tuple[str, ...], ...]) -> tuple[NavItem, ...]:
    """Return the links of `sections` that the person's permissions open."""
    return tuple(
        NavItem(gettext(label), href, icon, _within(here, href))
        for href, label, icon, *permissions in sections
        if any(map(actor.may, permissions))
    )


def _within(path: str, section: str) -> bool:
    """Return whether `path` belongs to `section`."""
    return path == section or path.startswith(f"{section}/")


def context(tenant: Standing) -> TenantContext | None:
    """Return what the coloured bar says of the tenant; nothing where the gates would not let the person in."""
    at_home = tenant.is_home and tenant.link_id is None
    if not at_home and not (tenant.live and tenant.within_limits):
        return None
    ending = tenant.ends_at is not None and tenant.ends_at <= clock.now() + timedelta(days=EXPIRING_DAYS)
    return TenantContext(
        id=str(tenant.tenant_id),
        name=tenant.tenant_name or gettext("Your own organisation"),
        operating_model=tenant.operating_model,
        link_state="expiring" if ending else "active",
        leave_url="/customers",
        ends_at=tenant.ends_at,
    )
