"""The vendor's own people, for its leads: the list, inviting, roles, shutting out and letting in."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Invalid, NotFound
from guildhall.domain.people import vendor_team
from guildhall.domain.people.vendor_team import NEEDS, READ, STATES, StaffMember
from guildhall.domain.rbac.registry import STAFF_ROLES
from guildhall.surfaces import asked
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, form, page, redirect, ticked, told, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import N_, gettext
from guildhall.surfaces.kit.tables import Option, Pages
from guildhall.surfaces.question import Question, answer, ask
from guildhall.surfaces.words import staff_role_label

_DETAILS = {
    "lead": N_("Everything of staff, this page included."),
    "partner_manager": N_("Partners, their people and links."),
    "finance": N_("Partners, customers and links, to read."),
    "support": N_("Reads, stops links, runs jobs again."),
    "read_only": N_("Reads, changes nothing."),
}
# Step -> what is asked, what follows, the button, what is said after, whether a reason is due, the button's kind.
_STEPS = {
    "deactivate": (
        N_("Deactivate %(name)s?"),
        N_("Every session ends at once; nobody is ever deleted."),
        N_("Deactivate"),
        N_("%(name)s is deactivated; every session has ended."),
        True,
        "danger-solid",
    ),
    "reactivate": (
        N_("Reactivate %(name)s?"),
        N_("The person can sign in again, in the roles of before."),
        N_("Reactivate"),
        N_("%(name)s is active again."),
        True,
        "primary",
    ),
    "withdraw": (
        N_("Withdraw the invitation of %(name)s?"),
        N_("The link in the letter stops working at once."),
        N_("Withdraw"),
        N_("The invitation of %(name)s is withdrawn."),
        False,
        "danger-solid",
    ),
}


@get("/staff", **needs(READ))
async def staff_list(request: Web, actor: Who) -> Page:
    """Return one page of the vendor's people."""
    number = asked.page_number(request)
    wanted = vendor_team.Filter(
        search=asked.words(request),
        role=asked.choice(request, "role", STAFF_ROLES),
        status=asked.choice(request, "status", STATES),
        limit=asked.PAGE_SIZE,
        offset=(number - 1) * asked.PAGE_SIZE,
    )
    async with db.transaction(actor) as connection:
        rows, total = await vendor_team.listed(connection, actor, wanted)
    return await page(
        request,
        "team/list.html",
        rows=rows,
        pages=Pages(shown=len(rows), page=number, size=asked.PAGE_SIZE, total=total),
        roles=[Option(code, staff_role_label(code)) for code in STAFF_ROLES],
        statuses=STATES,
        actor=actor,
    )


@get("/staff/invite", **needs(NEEDS))
async def invite_form(request: Web) -> Page:
    """Return the form that invites a member of staff."""
    return await _form(request, Form())


@post("/staff/invite", **needs(NEEDS, fresh=True))
async def invite(request: Web, actor: Who) -> Response[Any]:
    """Invite a member of staff, or show the form again with what was typed."""
    values, roles = await typed(request), await ticked(request, "roles")
    try:
        made = await vendor_team.invite(
            actor, email=values.get("email", ""), name=values.get("name", ""), roles=roles, now=clock.now()
        )
    except Invalid as refusal:
        return await _form(request, form(values | {"roles": roles}, refusal), status_code=refusal.status)
    said = gettext("%(name)s was invited; the letter goes to %(email)s.", name=made.name, email=made.email)
    return redirect("/staff", said)


async def _form(request: Web, state: Form, *, member: StaffMember | None = None, status_code: int = 200) -> Page:
    roles = [Option(code, staff_role_label(code), gettext(_DETAILS[code])) for code in STAFF_ROLES]
    return await page(request, "team/form.html", status_code=status_code, form=state, roles=roles, person=member)


@get("/staff/{user_id:uuid}/roles", **needs(NEEDS))
async def roles_form(request: Web, user_id: FromPath[UUID], actor: Who) -> Page:
    """Return the form with somebody's roles."""
    member = await _member(actor, user_id)
    return await _form(request, Form({"roles": member.roles}), member=member)


@post("/staff/{user_id:uuid}/roles", **needs(NEEDS, fresh=True))
async def set_roles(request: Web, user_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Give somebody other roles, or show the form again."""
    member, roles = await _member(actor, user_id), await ticked(request, "roles")
    try:
        await vendor_team.set_roles(actor, user_id=user_id, roles=roles, now=clock.now())
    except Invalid as refusal:
        return await _form(request, form({"roles": roles}, refusal), member=member, status_code=refusal.status)
    except Conflict as refusal:
        return redirect("/staff", told(refusal), "warning")
    return redirect("/staff", gettext("The roles of %(name)s were changed; they bind from now on.", name=member.name))


async def _member(actor: Actor, user_id: UUID) -> StaffMember:
    async with db.transaction(actor) as connection:
        return await vendor_team.get(connection, actor, user_id=user_id)


async def _question(actor: Actor, user_id: UUID, step: str) -> Question:
    """Return what is asked; raises NotFound for a person or a step that there is not."""
    if step not in _STEPS:
        raise NotFound
    name = (await _member(actor, user_id)).name
    title, text, label, done, reason, kind = _STEPS[step]
    return Question(
        title=gettext(title, name=name),
        text=gettext(text),
        label=gettext(label),
        back="/staff",
        done=gettext(done, name=name),
        reason=reason,
        kind=kind,
    )


@get("/staff/{user_id:uuid}/{step:str}", **needs(NEEDS))
async def ask_step(request: Web, user_id: FromPath[UUID], step: FromPath[str], actor: Who) -> Page:
    """Return the page that asks before a member of staff is shut out or let in again."""
    return await ask(request, await _question(actor, user_id, step))


@post("/staff/{user_id:uuid}/{step:str}", **needs(NEEDS, fresh=True))
async def take_step(request: Web, user_id: FromPath[UUID], step: FromPath[str], actor: Who) -> Response[Any]:
    """Deactivate, reactivate, or withdraw an invitation, and say what happened."""
    question, now = await _question(actor, user_id, step), clock.now()
    steps: dict[str, Callable[[str], Awaitable[None]]] = {
        "deactivate": lambda why: vendor_team.set_active(actor, user_id=user_id, active=False, reason=why, now=now),
        "reactivate": lambda why: vendor_team.set_active(actor, user_id=user_id, active=True, reason=why, now=now),
        "withdraw": lambda _: vendor_team.withdraw(actor, user_id=user_id, now=now),
    }
    return await answer(request, question, steps[step])


@post("/staff/{user_id:uuid}/again", **needs(NEEDS, fresh=True))
async def send_again(user_id: FromPath[UUID], actor: Who) -> Redirect:
    """Send an invitation again: the link of before dies."""
    try:
        member = await vendor_team.send_again(actor, user_id=user_id, now=clock.now())
    except Conflict as refusal:
        return redirect("/staff", told(refusal), "warning")
    said = gettext("A new letter goes to %(email)s; the link of before no longer works.", email=member.email)
    return redirect("/staff", said)


ROUTES = [staff_list, invite_form, invite, roles_form, set_roles, ask_step, take_step, send_again]
