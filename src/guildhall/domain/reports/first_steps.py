"""What a new principal does first: four steps, each with the state that it really has (PRODUCT §4)."""

from functools import cache

from msgspec import Struct
from sqlalchemy import Uuid, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.sql import Fixed, asked, fixed
from guildhall.domain.access.tables import partner_tenant_link as link
from guildhall.domain.people.one_time_tables import partner_recovery_code as code
from guildhall.domain.people.tables import partner_user


class FirstSteps(Struct, frozen=True, kw_only=True):
    """Which of the first steps are done."""

    second_factor: bool
    recovery_codes: bool
    link_requested: bool
    colleague_invited: bool

    @property
    def done(self) -> int:
        """Return how many of them are."""
        return sum((self.second_factor, self.recovery_codes, self.link_requested, self.colleague_invited))


async def first_steps(connection: AsyncConnection, actor: Actor) -> FirstSteps | None:
    """Return the first steps of a principal; None for others, and once all are done."""
    if "principal" not in actor.roles:
        return None
    who = {"partner_id": actor.partner_id, "person_id": actor.user_id}
    codes, requested, invited = (await db.rows(connection, _steps(), who))[0]
    second = actor.factor_at is not None
    found = FirstSteps(second_factor=second, recovery_codes=codes, link_requested=requested, colleague_invited=invited)
    return None if found.done == len(FirstSteps.__struct_fields__) else found


@cache
def _steps() -> Fixed:
    """Return the statement that tells of codes, links and colleagues."""
    partner, person = asked("partner_id", Uuid()), asked("person_id", Uuid())
    colleague = (partner_user.c.partner_id == partner) & (partner_user.c.id != person)
    unused = (code.c.user_id == person) & code.c.used_at.is_(None)
    signs = (unused, link.c.partner_id == partner, colleague)
    return fixed(select(*(select(literal(1)).where(each).exists() for each in signs)))
