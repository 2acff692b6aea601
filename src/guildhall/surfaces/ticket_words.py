"""How a ticket's clock came to its end, in the reader's words (PRODUCT §8)."""

from datetime import timedelta

from guildhall.core import clock
from guildhall.domain.support.rules import RUNNING, formula
from guildhall.domain.support.tickets import TicketItem
from guildhall.surfaces.kit.formats import datetime, duration, number
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.kit.states import state_label


def clock_formula(ticket: TicketItem) -> str:
    """Return how a ticket's clock came to its end, and how far that is; nothing for a ticket without a clock.

    "High: 4 h; agreed response 2 h → due 27 Nov 2026, 14:30, 35 min left".
    """
    found = formula(ticket.priority, ticket.created_at, ticket.sla_breach_at, ticket.sla_state)
    if found is None:
        return ""
    due = datetime(found.due)
    if found.hours is None:
        return _stopped(ticket, given=_hours(found.given), due=due, late=clock.now() - found.due)
    values = {
        "priority": state_label("priority", ticket.priority),
        "hours": number(found.hours),
        "given": _hours(found.given),
        "due": due,
        "left": duration(found.due - clock.now()),
    }
    if found.agreed:
        return gettext("%(priority)s: %(hours)s h; agreed response %(given)s h → due %(due)s, %(left)s left", **values)
    if found.anew:
        return gettext("%(priority)s: %(hours)s h, anew when reopened → due %(due)s, %(left)s left", **values)
    return gettext("%(priority)s: %(hours)s h → due %(due)s, %(left)s left", **values)


def _stopped(ticket: TicketItem, *, given: str, due: str, late: timedelta) -> str:
    """Return the same for a clock that does not run any more."""
    if ticket.status in RUNNING and late > timedelta():
        return gettext(
            "%(given)s h from opening → was due %(due)s, %(late)s late", given=given, due=due, late=duration(late)
        )
    return gettext("%(given)s h from opening → was due %(due)s", given=given, due=due)


def _hours(span: timedelta) -> str:
    """Return a time as hours, to two places."""
    return number(round(span.total_seconds() / 3600, 2))
