"""What is said in the tickets: answers that everybody reads, and notes that stay with the helpers."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from guildhall.worlds.demo_names import full_name
from guildhall.worlds.demo_tickets import Party, Ticket, customer
from guildhall.worlds.ground import Connection, chance, copy, made_id

_ANSWERS = (
    "Thank you for the report. We are looking at it now.",
    "A technician will be there tomorrow between nine and eleven.",
    "We changed the configuration; please try again.",
    "The line was measured and looks good from our side.",
    "We have asked the upstream carrier and wait for an answer.",
)
_REPLIES = ("Thank you, that works.", "It happened again this morning.", "Here is the photo of the device.")
_NOTES = (
    "Third ticket for this line in a month; check the splice.",
    "Customer is on the renewal list, please treat with care.",
    "Same cause as last week's outage.",
)


def seed_comments(connection: Connection, tickets: list[Ticket]) -> None:
    """Write the comments."""
    copy(
        connection,
        "tenancy.ticket_comment",
        "id tenant_id ticket_id content is_internal author_kind author_id author_name author_partner_id"
        " author_partner_name created_at",
        (row for ticket in tickets for row in _of(ticket)),
    )


def _of(ticket: Ticket) -> Iterator[tuple[object, ...]]:
    luck = chance("comments", ticket.id)
    helper = ticket.helper or _support()
    for place, moment in enumerate(ticket.answers):
        yield _row(ticket, helper, luck.choice(_ANSWERS), moment, place)
        draw = luck.random()
        if draw < 0.35:  # noqa: PLR2004
            later = moment + timedelta(minutes=1)
            yield _row(ticket, customer(ticket.tenant.slug), luck.choice(_REPLIES), later, f"{place}-reply")
        elif draw < 0.5:  # noqa: PLR2004
            yield _row(ticket, helper, luck.choice(_NOTES), moment, f"{place}-note", internal=True)


def comment_id(ticket: Ticket, place: object) -> UUID:
    """Return the id of a ticket's comment, the same in every demo."""
    return made_id("comment", ticket.id, place)


def _support() -> Party:
    """Return the vendor's person who helps where no partner does."""
    email = "support@halcyon.example"
    return Party("staff_user", made_id("staff_user", email), full_name(email))


def _row(
    ticket: Ticket, author: Party, content: str, moment: datetime, place: object, *, internal: bool = False
) -> tuple[object, ...]:
    return (
        comment_id(ticket, place),
        ticket.tenant.id,
        ticket.id,
        content,
        internal,
        author.kind,
        author.id,
        author.name,
        author.partner_id,
        author.partner_name,
        moment,
    )
