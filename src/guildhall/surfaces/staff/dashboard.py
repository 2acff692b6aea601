"""The dashboard of staff: counts that lead to the list behind them."""

from litestar import get
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.domain.access import links
from guildhall.domain.jobs import reading as jobs
from guildhall.domain.mail import reading as mail
from guildhall.domain.partners import applications
from guildhall.domain.partners import directory as partners
from guildhall.domain.partners.application_states import WAITING
from guildhall.domain.tenancy import directory as tenants
from guildhall.surfaces.entry import Who, own
from guildhall.surfaces.html import Page, Web, page
from guildhall.surfaces.staff.applications import Line, line

_SOME = 6


@get("/", **own("the start page shows what each may see"))
async def dashboard(request: Web, actor: Who) -> Page:
    """Return what needs staff today."""
    async with db.transaction(actor) as connection:
        counts = await _counts(connection, actor)
        requests, _ = await links.listed(connection, actor, links.Filter(statuses=("requested",), limit=_SOME))
        ending, _ = await links.listed(
            connection,
            actor,
            links.Filter(statuses=("expiring",), sort_by="ends_at", sort_order="asc", limit=_SOME),
        )
        queue = await jobs.summary(connection) if actor.may("staff.jobs.read") else None
        counts["failed_letters"] = await mail.failed(connection, actor) if actor.may("staff.mail.list") else 0
        applied, waiting = await _applied(connection, actor)
    return await page(
        request,
        "dashboard/dashboard.html",
        counts=counts,
        requests=requests,
        ending=ending,
        queue=queue,
        applied=applied,
        waiting=waiting,
        actor=actor,
    )


async def _applied(connection: AsyncConnection, actor: Actor) -> tuple[list[Line], int | None]:
    """Return the applications that wait for staff, what is due first, and how many; None who may not read them."""
    if not actor.may("staff.applications.read"):
        return [], None
    wanted = applications.Filter(statuses=WAITING, limit=_SOME)
    rows, total = await applications.listed(connection, actor, wanted)
    return [line(row) for row in rows], total


async def _counts(connection: AsyncConnection, actor: Actor) -> dict[str, int]:
    """Return how many there are of each thing on the tiles."""
    found = {}
    for status in ("active", "suspended"):
        _, found[f"partners_{status}"] = await partners.partners(
            connection, actor, partners.Filter(status=status, limit=1)
        )
    _, found["no_approver"] = await tenants.tenants(connection, actor, tenants.Filter(no_approver=True, limit=1))
    _, found["tenants"] = await tenants.tenants(connection, actor, tenants.Filter(limit=1))
    for status in ("active", "requested", "expiring", "paused"):
        _, found[status] = await links.listed(connection, actor, links.Filter(statuses=(status,), limit=1))
    return found


ROUTES = [dashboard]
