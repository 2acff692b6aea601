"""A customer's pages: overview, billing, usage, subscribers, posture; each behind its own permission."""

from typing import Any
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath
from litestar.response import Redirect

from guildhall.core import clock
from guildhall.core.actor import Actor
from guildhall.core.errors import NotFound
from guildhall.domain.access.gates import Standing, inside, posture_visible
from guildhall.domain.rbac.registry import Area, areas_of
from guildhall.domain.reports import customer
from guildhall.surfaces.console.frame import framed
from guildhall.surfaces.entry import Where, Who, needs
from guildhall.surfaces.html import Page, Web, page, redirect
from guildhall.surfaces.kit.i18n import N_, gettext

Tab = tuple[str, str, bool, None]
# The part of the address, the word on the tab, and what the person and the link must open.
TABS = (
    ("", N_("Overview"), "partner.tenants.switch_context"),
    ("tickets", N_("Tickets"), "partner.support.tickets.list"),
    ("billing", N_("Billing"), "partner.billing.invoices.read"),
    ("usage", N_("Usage"), "partner.reports.usage.read"),
    ("subscribers", N_("Subscribers"), "partner.provisioning.subscribers.list"),
    ("posture", N_("Posture"), "partner.posture.read"),
)
ADDRESS = ("street", "postal_code", "city", "region", "country")


def opens(actor: Actor, standing: Standing, permission: str) -> bool:
    """Return whether the gates let this person use `permission` in this tenant."""
    return actor.may(permission) and inside(standing, needs=permission, named="path") is None


def tabs(actor: Actor, standing: Standing, current: str) -> list[Tab]:
    """Return the tabs of a customer's pages that this person and this link open; `current` is the one shown."""
    base = f"/t/{standing.tenant_id}/"
    return [
        (gettext(label), base + part, part == current, None)
        for part, label, permission in TABS
        if opens(actor, standing, permission) and (part or standing.link_id is not None)
    ]


async def tenant_page(request: Web, name: str, actor: Actor, standing: Standing, current: str, **context: Any) -> Page:
    """Return one page inside a customer, with its tabs and what the person may do there."""
    return await page(
        request,
        f"tenants/{name}.html",
        actor=actor,
        tenant=standing,
        base=f"/t/{standing.tenant_id}/",
        tabs=tabs(actor, standing, current),
        opens=lambda permission: opens(actor, standing, permission),
        **context,
    )


@get("/t/{tenant_id:uuid}/", **needs("partner.tenants.switch_context"))
async def overview(request: Web, tenant_id: FromPath[UUID], actor: Who, tenant: Where) -> Response[Any]:
    """Return what a partner sees first of a customer; at home, where there is no link, its first list."""
    del tenant_id  # the gates took it from the path
    if tenant.link_id is None:
        return _home(actor, tenant)
    now = clock.now()
    async with framed(request, actor) as connection:
        found = await customer.detail(connection, actor, standing=tenant, now=now)
        invoices = await customer.recent_invoices(connection, actor, standing=tenant, today=now.date())
        outages = await customer.outages(connection, actor, standing=tenant, limit=3)
    return await tenant_page(
        request,
        "overview",
        actor,
        tenant,
        "",
        found=found,
        invoices=invoices,
        outages=outages,
        areas=_areas(found.effective_permissions, tenant),
        address=_address(found.address),
    )


def _home(actor: Actor, standing: Standing) -> Redirect:
    """Lead to the first list of the home tenant that is open; raises NotFound where none is."""
    shown = tabs(actor, standing, "")
    if not shown:
        raise NotFound(code="TENANT_NOT_FOUND")
    return redirect(shown[0][1])


def _areas(permissions: list[str], standing: Standing) -> list[Area]:
    """Return the areas that are open to the person here, without what the operating model keeps back."""
    found = areas_of(permissions) if permissions else frozenset()
    return [area for area in Area if area in found and (area != Area.POSTURE or posture_visible(standing))]


def _address(parts: dict[str, Any]) -> list[str]:
    """Return the lines of an address that are there, in the order in which they are written."""
    return [str(parts[name]) for name in ADDRESS if parts.get(name)]


@get("/t/{tenant_id:uuid}/posture", **needs("partner.posture.read"))
async def posture(request: Web, tenant_id: FromPath[UUID], actor: Who, tenant: Where) -> Page:
    """Return the latest posture of a customer that shares it."""
    del tenant_id
    async with framed(request, actor) as connection:
        found = await customer.posture_latest(connection, actor, standing=tenant)
    return await tenant_page(request, "posture", actor, tenant, "posture", found=found)


ROUTES = [overview, posture]
