"""Groups of customers: the list, making one, changing one, removing one."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Invalid
from guildhall.core.ids import parse_id
from guildhall.domain.team import groups, limiting
from guildhall.domain.team.groups import Group
from guildhall.domain.team.leading import NEEDS
from guildhall.surfaces.console import team_limits
from guildhall.surfaces.console.frame import framed
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, form, page, redirect, ticked, told, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.question import Question, answer, ask


@get("/team/groups", **needs(NEEDS))
async def group_list(request: Web, actor: Who) -> Page:
    """Return the groups of the partner."""
    async with framed(request, actor) as connection:
        rows = await groups.listed(connection, actor)
    return await page(request, "team/groups.html", rows=rows)


@get("/team/groups/new", **needs(NEEDS))
async def new_form(request: Web, actor: Who) -> Page:
    """Return the form of a new group."""
    return await _form(request, actor, Form())


@post("/team/groups/new", **needs(NEEDS, fresh=True))
async def make(request: Web, actor: Who) -> Response[Any]:
    """Make a group, or show the form again."""
    return await _saved(request, actor, None)


@get("/team/groups/{group_id:uuid}", **needs(NEEDS))
async def change_form(request: Web, group_id: FromPath[UUID], actor: Who) -> Page:
    """Return the form of a group."""
    async with db.transaction(actor) as connection:
        group, inside = await groups.get(connection, actor, group_id=group_id)
    return await _form(request, actor, Form({"name": group.name, "tenants": [str(each) for each in inside]}), group)


@post("/team/groups/{group_id:uuid}", **needs(NEEDS, fresh=True))
async def change(request: Web, group_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Change a group, or show the form again."""
    async with db.transaction(actor) as connection:
        group, _ = await groups.get(connection, actor, group_id=group_id)
    return await _saved(request, actor, group)


async def _saved(request: Web, actor: Actor, group: Group | None) -> Response[Any]:
    """Make or change a group with what was typed, and lead back to the list."""
    values: dict[str, Any] = await typed(request)
    values["tenants"] = list(dict.fromkeys(await ticked(request, "tenants")))
    if "search" in values:
        return await _form(request, actor, Form(values), group)
    try:
        ids = _ids(values["tenants"])
        if group is None:
            await groups.make(actor, name=values.get("name", ""), tenant_ids=ids, now=clock.now())
        else:
            name = values.get("name", "")
            await groups.change(actor, group_id=group.id, name=name, tenant_ids=ids, now=clock.now())
    except Invalid as refusal:
        return await _form(request, actor, form(values, refusal), group, status_code=refusal.status)
    except Conflict as refusal:
        return redirect("/team/groups", told(refusal), "warning")
    said = gettext("The group was made.") if group is None else gettext("The group was changed; it binds from now on.")
    return redirect("/team/groups", said)


def _ids(texts: list[str]) -> list[UUID]:
    """Return the ids that were ticked; raises Invalid for what is none."""
    found = [parse_id(text) for text in texts]
    if None in found:
        raise Invalid(errors={"tenants": "Choose among your customers"})
    return [each for each in found if each is not None]


async def _form(request: Web, actor: Actor, state: Form, group: Group | None = None, *, status_code: int = 200) -> Page:
    picked: Any = state.values.get("tenants", ())
    async with db.transaction(actor) as connection:
        everybody = await limiting.customers(connection, actor)
    return await page(
        request,
        "team/group.html",
        status_code=status_code,
        form=state,
        group=group,
        customers=team_limits.offered(everybody, picked=picked, find=state.text("find")),
        more=len(everybody) > team_limits.SHOWN,
    )


async def _question(actor: Actor, group_id: UUID) -> Question:
    """Return what is asked before a group is removed."""
    async with db.transaction(actor) as connection:
        group, _ = await groups.get(connection, actor, group_id=group_id)
    return Question(
        title=gettext("Remove the group %(name)s?", name=group.name),
        text=gettext("Its customers stay as they are. A group that the limits of somebody name cannot be removed."),
        label=gettext("Remove"),
        back="/team/groups",
        done=gettext("The group %(name)s was removed.", name=group.name),
        reason=False,
    )


@get("/team/groups/{group_id:uuid}/remove", **needs(NEEDS))
async def ask_remove(request: Web, group_id: FromPath[UUID], actor: Who) -> Page:
    """Return the page that asks before a group is removed."""
    return await ask(request, await _question(actor, group_id))


@post("/team/groups/{group_id:uuid}/remove", **needs(NEEDS, fresh=True))
async def remove(request: Web, group_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Remove a group that no limit names."""
    question = await _question(actor, group_id)
    return await answer(request, question, lambda _: groups.remove(actor, group_id=group_id, now=clock.now()))


ROUTES = [group_list, new_form, make, change_form, change, ask_remove, remove]
