"""Partners: the list, the page of one, and its status."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from guildhall.core import clock, db
from guildhall.core.errors import NotFound
from guildhall.domain.access import links, partner_status
from guildhall.domain.partners import directory, tiers
from guildhall.domain.partners.tables import STATUSES, TYPES
from guildhall.surfaces import asked
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, page
from guildhall.surfaces.kit.i18n import N_, gettext
from guildhall.surfaces.kit.tables import Option, Pages, Sorting, sorting_of
from guildhall.surfaces.question import Question, answer, ask
from guildhall.surfaces.staff.words import tier_label

SORTS = {"name": "name", "created": "created_at", "tier": "tier"}
_SOME = 20
# Address -> status, what is asked, what follows, the button, what is said after.
_STEPS = {
    "activate": (
        "active",
        N_("Reinstate %(partner)s?"),
        N_("Its people can act again on their next request, inside the links that stand."),
        N_("Reinstate"),
        N_("%(partner)s is active again."),
    ),
    "suspend": (
        "suspended",
        N_("Suspend %(partner)s?"),
        N_("From the next request its people may sign in and read, nothing else. API tokens are refused."),
        N_("Suspend"),
        N_("%(partner)s is suspended from its next request on."),
    ),
    "terminate": (
        "terminated",
        N_("Terminate %(partner)s?"),
        N_("Nobody of it can sign in any more, and every link is revoked at once. Links do not come back."),
        N_("Terminate"),
        N_("%(partner)s is terminated and its links are revoked."),
    ),
}


@get("/partners", **needs("staff.partners.read"))
async def partner_list(request: Web, actor: Who) -> Page:
    """Return one page of the partners."""
    sorting = sorting_of(request.query_params.get("sort"), SORTS, Sorting("name"))
    number = asked.page_number(request)
    async with db.transaction(actor) as connection:
        known = await tiers.listed(connection, actor)
    wanted = directory.Filter(
        search=asked.words(request),
        status=asked.choice(request, "status", STATUSES),
        type=asked.choice(request, "type", TYPES),
        tier=asked.choice(request, "tier", [tier.code for tier in known]),
        sort_by=SORTS[sorting.key],
        descending=sorting.descending,
        limit=asked.PAGE_SIZE,
        offset=(number - 1) * asked.PAGE_SIZE,
    )
    async with db.transaction(actor) as connection:
        rows, total = await directory.partners(connection, actor, wanted)
    pages = Pages(shown=len(rows), page=number, size=asked.PAGE_SIZE, total=total)
    return await page(
        request,
        "partners/list.html",
        rows=rows,
        pages=pages,
        sorting=sorting,
        statuses=STATUSES,
        types=TYPES,
        tiers=[Option(tier.code, tier_label(tier.code, tier.name)) for tier in known],
    )


@get("/partners/{partner_id:uuid}", **needs("staff.partners.read"))
async def partner_page(request: Web, partner_id: FromPath[UUID], actor: Who) -> Page:
    """Return one partner with its people and links."""
    async with db.transaction(actor) as connection:
        found = await directory.get(connection, actor, partner_id)
        reads_people = actor.may("staff.people.read")
        mine = directory.Filter(partner_id=partner_id, limit=_SOME)
        people, of_people = await directory.people(connection, actor, mine) if reads_people else ([], 0)
        rows, of_links = await links.listed(connection, actor, links.Filter(partner_id=partner_id, limit=_SOME))
    return await page(
        request,
        "partners/partner.html",
        partner=found,
        people=people,
        more_people=of_people > len(people),
        links=rows,
        more_links=of_links > len(rows),
        steps=[name for name, step in _STEPS.items() if step[0] != found.status],
        labels={name: step[3] for name, step in _STEPS.items()},
        actor=actor,
    )


async def _question(actor: Who, partner_id: UUID, step: str) -> Question:
    """Return what is asked before a step; raises NotFound for a step that there is not."""
    if step not in _STEPS:
        raise NotFound
    _, title, text, label, done = _STEPS[step]
    async with db.transaction(actor) as connection:
        found = await directory.get(connection, actor, partner_id)
    return Question(
        title=gettext(title, partner=found.name),
        text=gettext(text),
        label=gettext(label),
        back=f"/partners/{partner_id}",
        done=gettext(done, partner=found.name),
        kind="primary" if step == "activate" else "danger-solid",
    )


@get("/partners/{partner_id:uuid}/{step:str}", **needs("staff.partners.manage"))
async def ask_status(request: Web, partner_id: FromPath[UUID], step: FromPath[str], actor: Who) -> Page:
    """Return the page that asks before the partner's status is changed."""
    return await ask(request, await _question(actor, partner_id, step))


@post("/partners/{partner_id:uuid}/{step:str}", **needs("staff.partners.manage", fresh=True))
async def set_status(request: Web, partner_id: FromPath[UUID], step: FromPath[str], actor: Who) -> Response[Any]:
    """Change the partner's status, with a reason."""
    question = await _question(actor, partner_id, step)

    async def act(reason: str) -> None:
        await partner_status.set_status(
            actor, partner_id=partner_id, status=_STEPS[step][0], reason=reason, now=clock.now()
        )

    return await answer(request, question, act)


ROUTES = [partner_list, partner_page, ask_status, set_status]
