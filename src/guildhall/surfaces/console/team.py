"""The people of the partner: the list, and the page of one."""

from typing import Any
from uuid import UUID

from litestar import get
from litestar.params import FromPath
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.domain.audit import reading
from guildhall.domain.people import limits, team
from guildhall.domain.people.factors_held import held
from guildhall.domain.people.team import STATES, Colleague
from guildhall.domain.rbac.registry import PARTNER_ROLES, grantable
from guildhall.domain.team import limiting
from guildhall.domain.team.leading import NEEDS
from guildhall.surfaces import asked, trail
from guildhall.surfaces.console.frame import framed
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, page
from guildhall.surfaces.kit.tables import Pages, Sorting, sorting_of

SORTS = {"name": "name", "active": "last_active_at"}
_LATELY = 8


@get("/team", **needs("partner.team.read"))
async def team_list(request: Web, actor: Who) -> Page:
    """Return one page of the person's colleagues."""
    sorting = sorting_of(request.query_params.get("sort"), SORTS, Sorting("name"))
    number = asked.page_number(request)
    wanted = team.Filter(
        search=asked.words(request),
        role=asked.chosen(request, "role", PARTNER_ROLES),
        status=asked.chosen(request, "status", STATES),
        sort_by=SORTS[sorting.key],  # type: ignore[arg-type]  # the values are the domain's
        sort_order="desc" if sorting.descending else "asc",
        limit=asked.PAGE_SIZE,
        offset=(number - 1) * asked.PAGE_SIZE,
    )
    async with framed(request, actor) as connection:
        found = await team.listed(connection, actor, wanted)
    pages = Pages(shown=len(found.items), page=number, size=asked.PAGE_SIZE, total=found.total)
    return await page(
        request,
        "team/list.html",
        rows=found.items,
        pages=pages,
        sorting=sorting,
        actor=actor,
        leads=actor.may(NEEDS),
        roles=PARTNER_ROLES,
        statuses=STATES,
    )


@get("/team/{user_id:uuid}", **needs("partner.team.read"))
async def team_person(request: Web, user_id: FromPath[UUID], actor: Who) -> Page:
    """Return one colleague: access, proofs, and what the person did lately."""
    leads = actor.may(NEEDS)
    async with framed(request, actor) as connection:
        colleague = await team.get(connection, actor, user_id=user_id)
        named = await _named(connection, actor, user_id)
        proofs = await held(connection, user_id) if leads else None
        lately = await _lately(connection, actor, user_id)
    return await page(
        request,
        "team/person.html",
        person=colleague,
        named=named,
        proofs=proofs,
        lately=lately,
        actor=actor,
        leads=leads,
        changeable=changeable(actor, colleague),
    )


def changeable(actor: Actor, colleague: Colleague) -> bool:
    """Return whether the actor may change this colleague's access: never the own, and no role above the own."""
    below = set(colleague.roles) <= set(grantable(actor.roles))
    return actor.may(NEEDS) and colleague.id != actor.user_id and below


async def _named(connection: AsyncConnection, actor: Actor, user_id: UUID) -> dict[str, list[str]]:
    """Return the names of the customers and groups that the person's limits name."""
    own = await limits.of(connection, user_id)
    tenants = await limiting.known(connection, actor, own.tenant_ids)
    return {"tenants": sorted(tenants.values()), "groups": await limiting.group_names(connection, own.group_ids)}


async def _lately(connection: AsyncConnection, actor: Actor, user_id: UUID) -> list[Any] | None:
    """Return what the person did last; None for whoever may not read the trail."""
    if not actor.may("partner.audit.read"):
        return None
    found = await reading.listed(connection, actor, reading.Filter(actor_id=user_id, limit=_LATELY))
    return trail.told(found.items)


ROUTES = [team_list, team_person]
