"""A person's own language and time zone (PRODUCT §14)."""

from functools import cache
from zoneinfo import available_timezones

from sqlalchemy import func, update

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid
from guildhall.domain.people.doors import DOORS

_LONGEST_LANGUAGE = 12


@cache
def zones() -> tuple[str, ...]:
    """Return the IANA time zones on offer, sorted."""
    return (*sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc")), "UTC")


async def keep(actor: Actor, *, language: str, timezone: str) -> None:
    """Keep the actor's own language (a code) and time zone (an IANA name); raises Invalid for an unknown zone."""
    if timezone not in zones():
        raise Invalid(errors={"zone": "Choose one of the list"})
    person = DOORS[actor.surface].person
    async with db.transaction(actor) as connection:
        await connection.execute(
            update(person)
            .where(person.c.id == actor.user_id)
            .values(language=language[:_LONGEST_LANGUAGE], timezone=timezone, updated_at=func.now())
        )
