"""Acts on one colleague that ask first: deactivate, reactivate, withdraw an invitation; and sending it again."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, NotFound
from guildhall.domain.people import team
from guildhall.domain.people.team import Colleague
from guildhall.domain.team import colleagues, invitations
from guildhall.domain.team.leading import NEEDS
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, redirect, told
from guildhall.surfaces.kit.i18n import N_, gettext
from guildhall.surfaces.question import Question, answer, ask

# Step -> what is asked, what follows, the button, what is said after, whether a reason is due, the button's kind.
_STEPS = {
    "deactivate": (
        N_("Deactivate %(name)s?"),
        N_("Every session ends at once, in the console and on the API. Nobody is ever deleted."),
        N_("Deactivate"),
        N_("%(name)s is deactivated; every session has ended."),
        True,
        "danger-solid",
    ),
    "reactivate": (
        N_("Reactivate %(name)s?"),
        N_("The person can sign in again, with the roles and limits of before."),
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


async def _question(actor: Actor, user_id: UUID, step: str) -> Question:
    """Return what is asked; raises NotFound for a person or a step that there is not."""
    if step not in _STEPS:
        raise NotFound
    async with db.transaction(actor) as connection:
        colleague = await team.get(connection, actor, user_id=user_id)
    title, text, label, done, reason, kind = _STEPS[step]
    return Question(
        title=gettext(title, name=colleague.name),
        text=gettext(text),
        label=gettext(label),
        back=f"/team/{user_id}",
        done=gettext(done, name=colleague.name),
        reason=reason,
        kind=kind,
    )


@get("/team/{user_id:uuid}/{step:str}", **needs(NEEDS))
async def ask_step(request: Web, user_id: FromPath[UUID], step: FromPath[str], actor: Who) -> Page:
    """Return the page that asks before a colleague is shut out or let in again."""
    return await ask(request, await _question(actor, user_id, step))


@post("/team/{user_id:uuid}/{step:str}", **needs(NEEDS, fresh=True))
async def take_step(request: Web, user_id: FromPath[UUID], step: FromPath[str], actor: Who) -> Response[Any]:
    """Deactivate, reactivate, or withdraw an invitation, and say what happened."""
    question, now = await _question(actor, user_id, step), clock.now()
    steps: dict[str, Callable[[str], Awaitable[Colleague | None]]] = {
        "deactivate": lambda reason: colleagues.deactivate(actor, user_id=user_id, reason=reason, now=now),
        "reactivate": lambda reason: colleagues.reactivate(actor, user_id=user_id, reason=reason, now=now),
        "withdraw": lambda _: invitations.withdraw(actor, user_id=user_id, now=now),
    }
    return await answer(request, question, steps[step])


@post("/team/{user_id:uuid}/again", **needs(NEEDS, fresh=True))
async def send_again(user_id: FromPath[UUID], actor: Who) -> Redirect:
    """Send an invitation again: the link of before dies."""
    try:
        colleague = await invitations.send_again(actor, user_id=user_id, now=clock.now())
    except Conflict as refusal:
        return redirect(f"/team/{user_id}", told(refusal), "warning")
    said = gettext("A new letter goes to %(email)s; the link of before no longer works.", email=colleague.email)
    return redirect(f"/team/{user_id}", said)


ROUTES = [ask_step, take_step, send_again]
