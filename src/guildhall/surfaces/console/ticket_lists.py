"""What the two lists of tickets share: what their address asks for, their tabs and their choices."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.domain.support import board, tickets
from guildhall.domain.support.rules import CATEGORIES, RUNNING
from guildhall.domain.tenancy.tables import PRIORITIES, TICKET_STATUSES
from guildhall.surfaces import asked
from guildhall.surfaces.html import Web
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.kit.states import state_label
from guildhall.surfaces.kit.tables import Filter, Option, Pages, Sorting, query_link, sorting_of
from guildhall.surfaces.words import category_options, state_options

SORTS = {
    "opened": "created_at",
    "updated": "updated_at",
    "priority": "priority",
    "status": "status",
    "due": "sla_breach_at",
}
CLOCKS = ("breached", "soon")
ME, NOBODY = "me", "nobody"
UPDATE = "partner.support.tickets.update"
UNRESOLVED = "unresolved"  # open and pending: where the clock may still run
STATUSES = (UNRESOLVED, *TICKET_STATUSES)
_DEFAULT = Sorting("opened", descending=True)


def sorting(request: Web) -> Sorting:
    """Return the order in force."""
    return sorting_of(request.query_params.get("sort"), SORTS, _DEFAULT)


def wanted(request: Web, actor: Actor, *tenant_ids: UUID) -> board.Filter:
    """Return the filter that the address asks for, over these tenants or over all; raises Invalid for a wrong one."""
    order, clock, whose = sorting(request), asked.choice(request, "clock", CLOCKS), request.query_params.get("to", "")
    since, until = asked.shown_moments(request)
    return board.Filter(
        tenant_ids=tenant_ids,
        status=_statuses(request),
        priority=asked.chosen(request, "priority", PRIORITIES),
        category=asked.chosen(request, "category", CATEGORIES),
        assigned_to=actor.user_id if whose == ME else None if whose == NOBODY else asked.identity(request, "to"),
        unassigned=whose == NOBODY,
        created_from=since,
        created_to=until,
        search=asked.words(request),
        breached=True if clock == "breached" else None,
        due_soon=clock == "soon",
        sort_by=SORTS[order.key],  # type: ignore[arg-type]  # the values are the domain's
        sort_order="desc" if order.descending else "asc",
        limit=asked.PAGE_SIZE,
        offset=(asked.page_number(request) - 1) * asked.PAGE_SIZE,
    )


def _statuses(request: Web) -> tuple[str, ...]:
    """Return the statuses that the tab stands for."""
    chosen = asked.chosen(request, "status", STATUSES)
    return RUNNING if chosen == (UNRESOLVED,) else chosen


def context(request: Web, found: board.TicketPage, people: Sequence[Option] = ()) -> dict[str, Any]:
    """Return what the template of a list of tickets needs; `people` are the colleagues to filter by."""
    more = found.next_cursor if found.total is None else None
    return {
        "rows": found.items,
        "pages": Pages(
            shown=len(found.items),
            page=asked.page_number(request),
            size=asked.PAGE_SIZE,
            total=found.total,
            next=more,
        ),
        "at_least": found.total_at_least,
        "sorting": sorting(request),
        "filters": filters(people),
        "status_tabs": _tabs(request, found.aggregates),
    }


async def colleagues(connection: AsyncConnection, actor: Actor, tenant_id: UUID | None = None) -> list[Option]:
    """Return whom tickets can be given to; nobody for who may not give them."""
    if not actor.may(UPDATE):
        return []
    found = await tickets.assignees(connection, actor, tenant_id=tenant_id)
    return [Option(str(each.id), each.name) for each in found]


def filters(people: Sequence[Option]) -> list[Filter]:
    """Return the choices above the list."""
    whose = [Option(ME, gettext("Me")), Option(NOBODY, gettext("Nobody")), *people]
    return [
        Filter("priority", gettext("Priority"), state_options("priority", reversed(PRIORITIES))),
        Filter("category", gettext("Category"), category_options(CATEGORIES)),
        Filter("to", gettext("Assigned to"), whose),
        Filter("clock", gettext("SLA clock"), [Option(code, state_label("sla", code)) for code in CLOCKS]),
    ]


def _tabs(request: Web, counted: board.Aggregates | None) -> list[tuple[str, str, bool, int | None]]:
    """Return one tab for each status, with how many there are where it was counted."""
    now, query = request.query_params.get("status", ""), list(request.query_params.multi_items())
    path = request.url.path
    counts: dict[str, int | None] = {code: getattr(counted, code) if counted else None for code in TICKET_STATUSES}
    counts[UNRESOLVED] = counted.open + counted.pending if counted else None
    labels: dict[str, str] = {code: state_label("ticket", code) for code in TICKET_STATUSES}
    labels[UNRESOLVED] = gettext("Unresolved")
    rest = ((labels[code], query_link(path, query, {"status": code}), code == now, counts[code]) for code in STATUSES)
    return [(gettext("All"), query_link(path, query, {"status": None}), not now, None), *rest]
