"""The board: the first tickets of each status over all of a partner's customers (PRODUCT §8)."""

from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.domain.support import board
from guildhall.domain.support.board import Aggregates, Filter
from guildhall.domain.support.columns_sql import statement
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
    """Return the board of the tickets that a filter leaves, its status, order and page put aside, in one statement.

    What runs comes with the most pressing first, what is done with the newest. Raises what `board.listed` raises.
    """
    every = msgspec.structs.replace(wanted, status=(), limit=MOST, offset=0, cursor="")
    asked = board.asked(actor, every, now=now)
    rows = await db.rows(connection, statement(asked.shape), asked.values)
    items = board.items(actor, rows, now=now)
    return Board(
        columns=[_column(status, [item for item in items if item.status == status]) for status in TICKET_STATUSES],
        aggregates=board.aggregates(board.counted(rows)),
    )


def _column(status: str, found: list[TicketItem]) -> Column:
    """Return a column: of MOST + 1 tickets the last one only says that there are more."""
    return Column(status=status, items=found[:MOST], more=len(found) > MOST)
