"""An approver's own people: inviting, inviting again, shutting out and letting in."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Invalid, NotFound
from guildhall.domain.people import members
from guildhall.domain.people.approvers import NEEDS
from guildhall.domain.rbac.registry import CUSTOMER_ROLES
from guildhall.domain.team import joining
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, form, page, redirect, told, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import N_, gettext
from guildhall.surfaces.kit.tables import Option
from guildhall.surfaces.question import Question, answer, ask
from guildhall.surfaces.words import customer_role_label

_DETAILS = {
    "approver": N_("Lets partners in, stops them, and invites colleagues."),
    "viewer": N_("Reads along: who has access, and what they do."),
}
# Step -> what is asked, what follows, the button, what is said after, whether a reason is due, the button's kind.
_STEPS = {
    "deactivate": (
        N_("Deactivate %(name)s?"),
        N_("From the next click %(name)s reaches nothing of yours any more. Nobody is ever deleted."),
        N_("Deactivate"),
        N_("%(name)s is deactivated."),
        True,
        "danger-solid",
    ),
    "reactivate": (
        N_("Reactivate %(name)s?"),
        N_("%(name)s can sign in to your portal again, in the role of before."),
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


@get("/people/invite", **needs(NEEDS))
async def invite_form(request: Web) -> Page:
    """Return the form that invites a colleague."""
    return await _form(request, Form({"role": "viewer"}))


async def _form(request: Web, state: Form, status_code: int = 200) -> Page:
    roles = [Option(code, customer_role_label(code), gettext(_DETAILS[code])) for code in CUSTOMER_ROLES]
    return await page(request, "people/invite.html", status_code=status_code, form=state, roles=roles)


@post("/people/invite", **needs(NEEDS, fresh=True))
async def invite(request: Web, actor: Who) -> Response[Any]:
    """Invite a colleague, or show the form again with what was typed."""
    values = await typed(request)
    fields = {name: values.get(name, "") for name in ("email", "name", "role")}
    try:
        made = await joining.invite(actor, **fields, now=clock.now())
    except Invalid as refusal:
        return await _form(request, form(values, refusal), refusal.status)
    said = gettext("%(name)s was invited; the letter goes to %(email)s.", name=made.name, email=made.email)
    return redirect("/people", said)


@post("/people/{user_id:uuid}/again", **needs(NEEDS, fresh=True))
async def send_again(user_id: FromPath[UUID], actor: Who) -> Redirect:
    """Send an invitation again: the link of before dies."""
    try:
        member = await joining.send_again(actor, user_id=user_id, now=clock.now())
    except Conflict as refusal:
        return redirect("/people", told(refusal), "warning")
    said = gettext("A new letter goes to %(email)s; the link of before no longer works.", email=member.email)
    return redirect("/people", said)


async def _question(actor: Actor, user_id: UUID, step: str) -> Question:
    """Return what is asked; raises NotFound for a person or a step that there is not."""
    if step not in _STEPS:
        raise NotFound
    async with db.transaction(actor) as connection:
        member = await members.get(connection, actor, user_id=user_id)
    title, text, label, done, reason, kind = _STEPS[step]
    return Question(
        title=gettext(title, name=member.name),
        text=gettext(text, name=member.name),
        label=gettext(label),
        back="/people",
        done=gettext(done, name=member.name),
        reason=reason,
        kind=kind,
    )


@get("/people/{user_id:uuid}/membership/{step:str}", **needs(NEEDS))
async def ask_step(request: Web, user_id: FromPath[UUID], step: FromPath[str], actor: Who) -> Page:
    """Return the page that asks before a colleague is shut out or let in again."""
    return await ask(request, await _question(actor, user_id, step))


@post("/people/{user_id:uuid}/membership/{step:str}", **needs(NEEDS, fresh=True))
async def take_step(request: Web, user_id: FromPath[UUID], step: FromPath[str], actor: Who) -> Response[Any]:
    """Deactivate, reactivate, or withdraw an invitation, and say what happened."""
    question, now = await _question(actor, user_id, step), clock.now()
    steps: dict[str, Callable[[str], Awaitable[None]]] = {
        "deactivate": lambda why: joining.set_active(actor, user_id=user_id, active=False, reason=why, now=now),
        "reactivate": lambda why: joining.set_active(actor, user_id=user_id, active=True, reason=why, now=now),
        "withdraw": lambda _: joining.withdraw(actor, user_id=user_id, now=now),
    }
    return await answer(request, question, steps[step])


ROUTES = [invite_form, invite, send_again, ask_step, take_step]
