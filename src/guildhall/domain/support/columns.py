"""The board: the first tickets of each status over all of a partner's customers (PRODUCT §8)."""

from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.domain.support import board
from guildhall.domain.support.board import Aggregates, Filter
from guildhall.domain.support.rules import RUNNING
from guildhall.domain.support.tickets import TicketItem
from guildhall.domain.tenancy.tables import TICKET_STATUSES

MOST = 20  # cards in one column


class Column(Struct, frozen=True, kw_only=True):
    """One status: its first tickets, and whether there are more."""

    status: str
    items: list[TicketItem]
    more: bool


class Board(Struct, frozen=True, kw_only=True):
    """The columns in the order of the statuses; `aggregates` as of a list, None beyond 10,000."""

    columns: list[Column]
    aggregates: Aggregates | None


async def columns(connection: AsyncConnection, actor: Actor, wanted: Filter, *, now: datetime) -> Board:
    """Return the board of the tickets that a filter leaves, its status, order and page put aside.

    What runs comes with the most pressing first, what is done with the newest. One statement for each column.
    Raises what `board.listed` raises.
    """
    pages = [
        await board.listed(connection, actor, _of(wanted, status), now=now, figures=status == TICKET_STATUSES[0])
        for status in TICKET_STATUSES
    ]
    shown = zip(TICKET_STATUSES, pages, strict=True)
    return Board(
        columns=[Column(status=status, items=page.items, more=page.next_cursor is not None) for status, page in shown],
        aggregates=pages[0].aggregates,
    )


def _of(wanted: Filter, status: str) -> Filter:
    """Return the filter of one column."""
    running = status in RUNNING
    return msgspec.structs.replace(
        wanted,
        status=(status,),
        sort_by="sla_breach_at" if running else "created_at",
        sort_order="asc" if running else "desc",
        limit=MOST,
        offset=0,
        cursor="",
    )
