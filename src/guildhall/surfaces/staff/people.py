"""People of partners and of customers: search, deactivate, reactivate."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from guildhall.core import clock, db
from guildhall.core.errors import NotFound
from guildhall.domain.partners import directory as partners
from guildhall.domain.people import limits, overseeing, recovering
from guildhall.domain.people.factors_held import held
from guildhall.domain.people.overseeing import Side
from guildhall.domain.people.tables import PERSON_STATUSES
from guildhall.domain.rbac.registry import CUSTOMER_ROLES, PARTNER_ROLES
from guildhall.domain.tenancy import directory as tenants
from guildhall.surfaces import asked
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, page
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.kit.tables import Option, Pages, Sorting, sorting_of
from guildhall.surfaces.question import Question, answer, ask
from guildhall.surfaces.words import customer_role_label, role_options

SORTS = {"name": "name", "active": "last_active_at"}
SIDES: dict[str, Side] = {"partner": "partner", "customer": "customer"}


@get("/people", **needs("staff.people.read"))
async def people_list(request: Web, actor: Who) -> Page:
    """Return one page of the people of partners, or of customers."""
    side = asked.choice(request, "side", SIDES) or "partner"
    sorting = sorting_of(request.query_params.get("sort"), SORTS, Sorting("name"))
    number = asked.page_number(request)
    roles = PARTNER_ROLES if side == "partner" else CUSTOMER_ROLES
    filters: dict[str, Any] = {
        "search": asked.words(request),
        "status": asked.choice(request, "status", PERSON_STATUSES),
        "role": asked.choice(request, "role", roles),
        "sort_by": SORTS[sorting.key],
        "descending": sorting.descending,
        "limit": asked.PAGE_SIZE,
        "offset": (number - 1) * asked.PAGE_SIZE,
    }
    rows: Any
    async with db.transaction(actor) as connection:
        if side == "partner":
            of = partners.Filter(partner_id=asked.identity(request, "partner"), **filters)
            rows, total = await partners.people(connection, actor, of)
        else:
            within = tenants.Filter(tenant_id=asked.identity(request, "tenant"), **filters)
            rows, total = await tenants.people(connection, actor, within)
        waiting = await recovering.all_waiting(connection)
    return await page(
        request,
        "people/list.html",
        rows=rows,
        side=side,
        waiting=waiting,
        sorting=sorting,
        pages=Pages(shown=len(rows), page=number, size=asked.PAGE_SIZE, total=total),
        statuses=PERSON_STATUSES,
        roles=role_options(roles) if side == "partner" else [Option(code, customer_role_label(code)) for code in roles],
        actor=actor,
    )


async def _named(actor: Who, side: str, user_id: UUID) -> str:
    """Return the name of a person; raises NotFound where there is none."""
    async with db.transaction(actor) as connection:
        if side == "partner":
            return (await partners.person_of(connection, actor, user_id)).name
        found, _ = await tenants.people(connection, actor, tenants.Filter(user_id=user_id, limit=1))
    if not found:
        raise NotFound
    return found[0].name


@get("/people/{side:str}/{user_id:uuid}", **needs("staff.people.read"))
async def person_page(request: Web, side: FromPath[str], user_id: FromPath[UUID], actor: Who) -> Page:
    """Return one person of a partner: roles and limits, with what the person signs in, and where."""
    if side != "partner":
        raise NotFound
    async with db.transaction(actor) as connection:
        found = await partners.person_of(connection, actor, user_id)
        proofs = await held(connection, user_id)
        sessions = await partners.sessions_of(connection, actor, user_id)
        own = await limits.of(connection, user_id)
    return await page(
        request, "people/person.html", person=found, proofs=proofs, sessions=sessions, limits=own, actor=actor
    )


async def _warned(actor: Who, user_id: UUID) -> str:
    """Return what is said before a customer's person is deactivated; it names who is left without an approver."""
    async with db.transaction(actor) as connection:
        alone = await tenants.only_approver_of(connection, actor, user_id)
    said = gettext("Every session ends at once; nobody is ever deleted.")
    if not alone:
        return said
    names = ", ".join(alone)
    return f"{said} " + gettext(
        "This is the last approver of %(tenants)s: nobody there can stop a partner.", tenants=names
    )


async def _question(actor: Who, side: str, user_id: UUID, step: str) -> Question:
    """Return what is asked; raises NotFound for a side, a person or a step that there is not."""
    if side not in SIDES or step not in {"deactivate", "reactivate"}:
        raise NotFound
    name, off = await _named(actor, side, user_id), step == "deactivate"
    warned = await _warned(actor, user_id) if off and side == "customer" else ""
    return Question(
        title=gettext("Deactivate %(name)s?", name=name) if off else gettext("Reactivate %(name)s?", name=name),
        text=warned or gettext("Every session ends at once; nobody is ever deleted.")
        if off
        else gettext("The person can sign in again with the password and factor of before."),
        label=gettext("Deactivate") if off else gettext("Reactivate"),
        back=f"/people?side={side}",
        done=gettext("%(name)s is deactivated; every session has ended.", name=name)
        if off
        else gettext("%(name)s is active again.", name=name),
        kind="danger-solid" if off else "primary",
    )


@get("/people/{side:str}/{user_id:uuid}/{step:str}", **needs("staff.people.manage"))
async def ask_active(
    request: Web, side: FromPath[str], user_id: FromPath[UUID], step: FromPath[str], actor: Who
) -> Page:
    """Return the page that asks before a person is deactivated or reactivated."""
    return await ask(request, await _question(actor, side, user_id, step))


@post("/people/{side:str}/{user_id:uuid}/{step:str}", **needs("staff.people.manage", fresh=True))
async def set_active(
    request: Web, side: FromPath[str], user_id: FromPath[UUID], step: FromPath[str], actor: Who
) -> Response[Any]:
    """Deactivate or reactivate a person, with a reason."""
    question = await _question(actor, side, user_id, step)

    async def act(reason: str) -> None:
        active = step == "reactivate"
        await overseeing.set_active(
            actor, side=SIDES[side], user_id=user_id, active=active, reason=reason, now=clock.now()
        )

    return await answer(request, question, act)


ROUTES = [people_list, person_page, ask_active, set_active]
