"""Inviting a colleague, and giving one other roles or limits."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Invalid, NotFound
from guildhall.domain.people import limits, team
from guildhall.domain.people.team import Colleague
from guildhall.domain.team import colleagues, invitations
from guildhall.domain.team.leading import NEEDS
from guildhall.surfaces.console import team_limits
from guildhall.surfaces.console.team import changeable
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, form, page, redirect, told, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import gettext


@get("/team/invite", **needs(NEEDS))
async def invite_form(request: Web, actor: Who) -> Page:
    """Return the form that invites a colleague."""
    return await _form(request, actor, Form({"scope": "all"}))


@post("/team/invite", **needs(NEEDS, fresh=True))
async def invite(request: Web, actor: Who) -> Response[Any]:
    """Invite a colleague, or show the form again with what was typed."""
    values: dict[str, Any] = await typed(request) | await team_limits.chosen(request)
    if "search" in values:
        return await _form(request, actor, Form(values), picked=values["tenants"])
    try:
        made = await invitations.invite(
            actor,
            email=values.get("email", ""),
            name=values.get("name", ""),
            roles=values["roles"],
            limits=team_limits.limits_in(values),
            now=clock.now(),
        )
    except (Invalid, Conflict) as refusal:
        state = form(values, refusal)
        return await _form(request, actor, state, picked=values["tenants"], status_code=refusal.status)
    said = gettext("%(name)s was invited; the letter goes to %(email)s.", name=made.name, email=made.email)
    return redirect(f"/team/{made.id}", said)


async def _form(
    request: Web,
    actor: Actor,
    state: Form,
    *,
    picked: Collection[str] = (),
    colleague: Colleague | None = None,
    status_code: int = 200,
) -> Page:
    """Return the form of an invitation, or with `colleague` of a change of access."""
    async with db.transaction(actor) as connection:
        offers = await team_limits.choices(connection, actor, picked=picked, find=state.text("find"))
    template = "team/access.html" if colleague else "team/invite.html"
    return await page(request, template, status_code=status_code, form=state, person=colleague, **offers)


@get("/team/{user_id:uuid}/access", **needs(NEEDS))
async def access_form(request: Web, user_id: FromPath[UUID], actor: Who) -> Page:
    """Return the form with a colleague's roles and limits."""
    colleague = await _colleague(actor, user_id)
    async with db.transaction(actor) as connection:
        own = await limits.of(connection, user_id)
    picked = [str(each) for each in own.tenant_ids]
    groups = [str(each) for each in own.group_ids]
    state = Form({"roles": colleague.roles, "scope": own.scope, "tenants": picked, "groups": groups})
    return await _form(request, actor, state, picked=picked, colleague=colleague)


@post("/team/{user_id:uuid}/access", **needs(NEEDS, fresh=True))
async def set_access(request: Web, user_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Give a colleague other roles or limits, or show the form again."""
    colleague = await _colleague(actor, user_id)
    values: dict[str, Any] = await typed(request) | await team_limits.chosen(request)
    if "search" in values:
        return await _form(request, actor, Form(values), picked=values["tenants"], colleague=colleague)
    try:
        await colleagues.set_access(
            actor,
            user_id=user_id,
            roles=values["roles"],
            limits=team_limits.limits_in(values),
            now=clock.now(),
        )
    except Invalid as refusal:
        state = form(values, refusal)
        return await _form(
            request, actor, state, picked=values["tenants"], colleague=colleague, status_code=refusal.status
        )
    except Conflict as refusal:
        return redirect(f"/team/{user_id}", told(refusal), "warning")
    return redirect(
        f"/team/{user_id}", gettext("The access of %(name)s was changed; it binds from now on.", name=colleague.name)
    )


async def _colleague(actor: Actor, user_id: UUID) -> Colleague:
    """Return a colleague whose access the actor may change; raises NotFound for any other."""
    async with db.transaction(actor) as connection:
        colleague = await team.get(connection, actor, user_id=user_id)
    if not changeable(actor, colleague) or colleague.status != "active":
        raise NotFound
    return colleague


ROUTES = [invite_form, invite, access_form, set_access]
