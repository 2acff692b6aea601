"""What a new principal does first: four steps, each with the state that it really has (PRODUCT §4)."""

from msgspec import Struct
from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.domain.access.tables import partner_tenant_link as link
from guildhall.domain.people import recovery_codes
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
    asked = select(exists().where(link.c.partner_id == actor.partner_id))
    colleagues = select(func.count()).where(
        partner_user.c.partner_id == actor.partner_id, partner_user.c.id != actor.user_id
    )
    found = FirstSteps(
        second_factor=actor.factor_at is not None,
        recovery_codes=await recovery_codes.left(connection, actor) > 0,
        link_requested=bool(await connection.scalar(asked)),
        colleague_invited=bool(await connection.scalar(colleagues)),
    )
    return None if found.done == len(FirstSteps.__struct_fields__) else found
