"""A principal starts the recovery of a colleague's account."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from guildhall.core import db
from guildhall.domain.people import recovering
from guildhall.surfaces.account.recovering import ask, start
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web

_BACK = "/team"


async def _named(actor: Who, user_id: UUID) -> str:
    """Return the name of a colleague; raises NotFound for anybody else."""
    async with db.transaction(actor) as connection:
        return await recovering.named(connection, actor, user_id=user_id)


@get("/team/{user_id:uuid}/recover", **needs("partner.team.manage"))
async def ask_recovery(request: Web, user_id: FromPath[UUID], actor: Who) -> Page:
    """Return the page that asks before a recovery is started."""
    return await ask(request, name=await _named(actor, user_id), back=_BACK)


@post("/team/{user_id:uuid}/recover", **needs("partner.team.manage", fresh=True))
async def start_recovery(request: Web, user_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Send the colleague a link that sets the sign-in anew."""
    return await start(request, actor, user_id=user_id, name=await _named(actor, user_id), back=_BACK)


ROUTES = [ask_recovery, start_recovery]
