"""What every page counts: the notices that a person has not read, and the alerts that wait for somebody."""

from functools import lru_cache

from msgspec import Struct
from sqlalchemy import func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor, DbRole
from guildhall.core.sql import Fixed, fixed
from guildhall.domain.alerts.kinds import Needs, readable
from guildhall.domain.alerts.reading import waiting
from guildhall.domain.notify import notices
from guildhall.domain.notify.choices import muted

COUNTED_TO = 100


class Bell(Struct, frozen=True):
    """How many notices are unread and how many alerts wait, each counted to 100.

    `alerts` leaves out the kinds that the person does not want to be shown; `waiting` are all.
    """

    unread: int
    alerts: int
    waiting: int


async def rung(connection: AsyncConnection, actor: Actor) -> Bell:
    """Return what waits for the person."""
    families = tuple(readable(actor).values()) if actor.role is DbRole.PARTNER else ()
    counting = _counting(actor.role, notices.areas(actor), families)
    found = await db.rows(connection, counting, {"person_id": actor.user_id})
    return Bell(*found[0])


@lru_cache(maxsize=64)
def _counting(role: DbRole, areas: tuple[str, ...], families: tuple[Needs, ...]) -> Fixed:
    """Return the one statement that counts both, for all people who may see the same."""
    news = notices.unread(role, areas).limit(COUNTED_TO).subquery()
    unread = select(func.count()).select_from(news).scalar_subquery()
    if not families:
        return fixed(select(unread, literal(0), literal(0)))
    kinds = waiting(families)
    wanted = func.concat("alert.", kinds.c.kind).not_in(muted(notices.PERSON))
    return fixed(select(unread, func.count().filter(wanted), func.count()).select_from(kinds))
