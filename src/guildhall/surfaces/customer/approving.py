"""Who may approve: one page that asks, and one press that gives a colleague the other role."""

from uuid import UUID

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Redirect

from guildhall.core import clock, db
from guildhall.core.errors import Conflict, NotFound
from guildhall.domain.people import approvers, members
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, page, redirect, told
from guildhall.surfaces.kit.i18n import N_, gettext

# Role -> what is asked, what follows, the button, what is said after.
_STEPS = {
    "approver": (
        N_("Let %(name)s approve?"),
        N_("%(name)s can then let partners in, stop them, and set who else may approve."),
        N_("Let approve"),
        N_("%(name)s may approve from now on."),
    ),
    "viewer": (
        N_("Make %(name)s a viewer?"),
        N_("From the next click %(name)s can read, but no longer let partners in or stop them."),
        N_("Make a viewer"),
        N_("%(name)s is a viewer now and can no longer approve."),
    ),
}


@get("/people/{user_id:uuid}/{role:str}", **needs(approvers.NEEDS))
async def ask_role(request: Web, user_id: FromPath[UUID], role: FromPath[str], actor: Who) -> Page:
    """Return the page that asks before a colleague gets another role."""
    async with db.transaction(actor) as connection:
        member = await members.get(connection, actor, user_id=user_id)
    if role not in _STEPS or role == member.role or not approvers.changeable(actor, member):
        raise NotFound
    title, text, label, _ = (gettext(each, name=member.name) for each in _STEPS[role])
    return await page(request, "people/role.html", member=member, role=role, title=title, text=text, label=label)


@post("/people/{user_id:uuid}/{role:str}", **needs(approvers.NEEDS, fresh=True))
async def set_role(user_id: FromPath[UUID], role: FromPath[str], actor: Who) -> Redirect:
    """Give a colleague another role, and say what it means."""
    async with db.transaction(actor) as connection:
        member = await members.get(connection, actor, user_id=user_id)
    try:
        await approvers.set_role(actor, user_id=user_id, role=role, now=clock.now())
    except Conflict as refusal:
        return redirect("/people", told(refusal), "warning")
    return redirect("/people", gettext(_STEPS[role][3], name=member.name))


ROUTES = [ask_role, set_role]
