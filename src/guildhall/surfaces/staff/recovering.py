"""Staff recover people of partners and customers; of a partner's last principal one asks and another confirms."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from guildhall.core import clock, db
from guildhall.core.actor import Actor, Surface
from guildhall.core.errors import NotFound
from guildhall.domain.people import recovering
from guildhall.domain.people.recovering import Waiting
from guildhall.surfaces.entry import GIVES_NOTHING, Who, needs
from guildhall.surfaces.html import Web, redirect
from guildhall.surfaces.kit.formats import ABSENT
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.question import Question, answer, ask

_SURFACES = {"partner": Surface.CONSOLE, "customer": Surface.CUSTOMER}
_START, _CONFIRM, _WITHDRAW = "start", "confirm", "withdraw"


@get("/people/{side:str}/{user_id:uuid}/recovery/{step:str}", **needs("staff.people.manage"))
async def ask_recovery(
    request: Web, side: FromPath[str], user_id: FromPath[UUID], step: FromPath[str], actor: Who
) -> Response[Any]:
    """Return the page that asks before the step; where a request waits already, the page of the step that is due."""
    waits = await _waiting(actor, side, user_id)
    if waits is not None and step == _START:
        due = _WITHDRAW if waits.asked_by_id == actor.user_id else _CONFIRM
        return redirect(f"/people/{side}/{user_id}/recovery/{due}")
    return await ask(request, await _question(actor, side, user_id, step, waits))


@post(
    "/people/{side:str}/{user_id:uuid}/recovery/{step:str}",
    **needs("staff.people.manage", fresh=(_START, _CONFIRM), at_once=GIVES_NOTHING),
)
async def recover(
    request: Web, side: FromPath[str], user_id: FromPath[UUID], step: FromPath[str], actor: Who
) -> Response[Any]:
    """Send the link, ask another of staff, confirm what another asked for, or take the request back."""
    question = await _question(actor, side, user_id, step, await _waiting(actor, side, user_id))
    surface, now = _SURFACES[side], clock.now()

    async def starting(reason: str) -> None:
        await recovering.start(actor, surface=surface, user_id=user_id, reason=reason, now=now)

    async def confirming(reason: str) -> None:
        await recovering.confirm(actor, user_id=user_id, reason=reason, now=now)

    async def withdrawing(reason: str) -> None:
        await recovering.withdraw(actor, user_id=user_id, reason=reason)

    acts: dict[str, Callable[[str], Awaitable[None]]] = {
        _START: starting,
        _CONFIRM: confirming,
        _WITHDRAW: withdrawing,
    }
    return await answer(request, question, acts[step])


async def _waiting(actor: Actor, side: str, user_id: UUID) -> Waiting | None:
    """Return what waits for another of staff; only a partner's person can wait."""
    if side != "partner":
        return None
    async with db.transaction(actor) as connection:
        return await recovering.waiting(connection, user_id=user_id)


async def _question(actor: Actor, side: str, user_id: UUID, step: str, waits: Waiting | None) -> Question:
    """Return what is asked; raises NotFound for a side, a person or a step that there is not."""
    if side not in _SURFACES or step not in {_START, _CONFIRM, _WITHDRAW} or (step != _START and side != "partner"):
        raise NotFound
    async with db.transaction(actor) as connection:
        name = await recovering.named(connection, actor, user_id=user_id, surface=_SURFACES[side])
        last = side == "partner" and await recovering.last_principal(connection, user_id)
    back = f"/people?side={side}"
    if step == _CONFIRM:
        return _confirming(name, back, waits)
    if step == _WITHDRAW:
        return Question(
            title=gettext("Take back the recovery of %(name)s?", name=name),
            text=gettext("It waits for another of staff to confirm it. Taken back, nothing is sent."),
            label=gettext("Take it back"),
            back=back,
            done=gettext("The recovery of %(name)s is taken back.", name=name),
        )
    return _starting(name, back, last=last)


def _starting(name: str, back: str, *, last: bool) -> Question:
    """Return the question of whoever begins."""
    if last:
        return Question(
            title=gettext("Ask to recover the account of %(name)s?", name=name),
            text=gettext(
                "The last principal of the partner: another of staff has to confirm. Say how you made sure who asked."
            ),
            label=gettext("Ask another of staff"),
            back=back,
            done=gettext("The recovery of %(name)s waits for another of staff to confirm it.", name=name),
            kind="primary",
        )
    return Question(
        title=gettext("Recover the account of %(name)s?", name=name),
        text=gettext(
            "A letter brings a link that sets password and second factor anew. Say how you made sure who asked."
        ),
        label=gettext("Send the link"),
        back=back,
        done=gettext("%(name)s was sent a link that sets the sign-in anew.", name=name),
        kind="primary",
    )


def _confirming(name: str, back: str, waits: Waiting | None) -> Question:
    """Return the question of the second member of staff, with what the first one said."""
    said = {"who": waits.asked_by_name, "reason": waits.reason} if waits else {"who": ABSENT, "reason": ABSENT}
    return Question(
        title=gettext("Confirm the recovery of %(name)s?", name=name),
        text=gettext(
            "%(who)s asked for it: “%(reason)s”. Make sure yourself who asked; then a letter brings the link.", **said
        ),
        label=gettext("Confirm and send the link"),
        back=back,
        done=gettext("%(name)s was sent a link that sets the sign-in anew.", name=name),
        kind="primary",
    )


ROUTES = [ask_recovery, recover]
