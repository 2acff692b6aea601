"""The letter that an endpoint was switched off, to who looks after it, in the own language."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.i18n import N_
from guildhall.domain.mail.letters import Letter
from guildhall.domain.mail.outbox import post
from guildhall.domain.people import principals

_THEN = N_("When it works again, switch it on and replay what failed. The log keeps it for 30 days.")
_WHY: Mapping[str, tuple[str, ...]] = {
    "gone": (N_("%(url)s answered that it is gone for good (410), so nothing more is sent there."), _THEN),
    "failing": (N_("%(url)s has taken nothing for days, so nothing more is sent there."), _THEN),
    "staff": (N_("The vendor switched %(url)s off, so nothing more is sent there. Its page says why."),),
}


async def tell_off(
    connection: AsyncConnection, why: str, *, partner_id: UUID | None, endpoint_id: UUID, url: str
) -> None:
    """Post the letter to the partner's principals, or for the platform's to the leads; `why` is a key of _WHY."""
    host = "partners" if partner_id else "staff"
    people = await (principals.addressed(connection, partner_id) if partner_id else principals.leads(connection))
    for person in people:
        letter = Letter(
            kind="webhook.disabled",
            to=person.email,
            name=person.name,
            language=person.language,
            subject=N_("A webhook endpoint was switched off"),
            paragraphs=_WHY[why],
            values={"url": url},
            link=(host, f"/webhooks/{endpoint_id}"),
            button=N_("Open the endpoint"),
        )
        await post(connection, letter)
