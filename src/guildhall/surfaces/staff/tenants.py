"""Customers: the list, the page of one, and the one-time link for its first people."""

from uuid import UUID

from litestar import get, post
from litestar.params import FromPath

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid
from guildhall.domain.access import links
from guildhall.domain.files import room
from guildhall.domain.people import invites
from guildhall.domain.rbac.registry import CUSTOMER_ROLES
from guildhall.domain.tenancy import directory
from guildhall.domain.tenancy.tables import TENANT_STATUSES
from guildhall.surfaces import asked
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, form, page, site_of, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.tables import Option, Pages, Sorting, sorting_of
from guildhall.surfaces.words import customer_role_label

SORTS = {"name": "name", "created": "created_at"}
_SOME = 20


@get("/tenants", **needs("staff.tenants.read"))
async def tenant_list(request: Web, actor: Who) -> Page:
    """Return one page of the customers."""
    sorting = sorting_of(request.query_params.get("sort"), SORTS, Sorting("name"))
    number = asked.page_number(request)
    wanted = directory.Filter(
        search=asked.words(request),
        status=asked.choice(request, "status", TENANT_STATUSES),
        no_approver=asked.choice(request, "approver", {"none"}) == "none",
        sort_by=SORTS[sorting.key],
        descending=sorting.descending,
        limit=asked.PAGE_SIZE,
        offset=(number - 1) * asked.PAGE_SIZE,
    )
    async with db.transaction(actor) as connection:
        rows, total = await directory.tenants(connection, actor, wanted)
    pages = Pages(shown=len(rows), page=number, size=asked.PAGE_SIZE, total=total)
    return await page(request, "tenants/list.html", rows=rows, pages=pages, sorting=sorting, statuses=TENANT_STATUSES)


@get("/tenants/{tenant_id:uuid}", **needs("staff.tenants.read"))
async def tenant_page(request: Web, tenant_id: FromPath[UUID], actor: Who) -> Page:
    """Return one customer with its links and people."""
    return await _tenant(request, actor, tenant_id, Form())


async def _tenant(request: Web, actor: Actor, tenant_id: UUID, state: Form, made: str = "") -> Page:
    async with db.transaction(actor) as connection:
        found = await directory.get(connection, actor, tenant_id)
        reads_people = actor.may("staff.people.read")
        members = directory.Filter(tenant_id=tenant_id, limit=_SOME)
        people, of_people = await directory.people(connection, actor, members) if reads_people else ([], 0)
        octets = await room.used(connection, tenant_id)
        rows, of_links = await links.listed(connection, actor, links.Filter(tenant_id=tenant_id, limit=_SOME))
    return await page(
        request,
        "tenants/tenant.html",
        status_code=422 if state.errors else 200,
        tenant=found,
        people=people,
        more_people=of_people > len(people),
        links=rows,
        files_octets=octets,
        files_most=room.most(),
        more_links=of_links > len(rows),
        form=state,
        made=made,
        days=invites.DAYS,
        roles=[Option(code, customer_role_label(code)) for code in CUSTOMER_ROLES],
        actor=actor,
    )


@post("/tenants/{tenant_id:uuid}/invite", status_code=200, **needs("staff.people.manage", fresh=True))
async def invite(request: Web, tenant_id: FromPath[UUID], actor: Who) -> Page:
    """Make a one-time link for a person of the customer and show it, this once."""
    values = await typed(request)
    try:
        token = await invites.invite_customer(
            actor,
            tenant_id=tenant_id,
            email=values.get("email", ""),
            name=values.get("name", ""),
            role=values.get("role", ""),
            now=clock.now(),
        )
    except Invalid as refusal:
        return await _tenant(request, actor, tenant_id, form(values, refusal))
    made = f"{site_of(request).settings.origin('customers')}/welcome/{token}"
    return await _tenant(request, actor, tenant_id, Form(), made)


ROUTES = [tenant_list, tenant_page, invite]
