"""The SQL of the board: the first tickets of every status in one statement, from the pieces of the list's.

One look at the tickets serves all columns, since they share an order that has an index: most pressing first, then
newest. Of each column it reads no more than is shown.
"""

from functools import lru_cache

from guildhall.core.sql import Fixed, bound
from guildhall.domain.support.board_sql import COLUMNS, LINKED_TO, MANY, TYPES, Shape, accounts, assembled, matching
from guildhall.domain.tenancy.tables import TICKET_STATUSES

_COLUMN = "(VALUES " + ", ".join(f"('{status}')" for status in TICKET_STATUSES) + ") AS c (status)"
_ORDER = "t.pressing_at, t.created_at DESC, t.id DESC"


@lru_cache(maxsize=64)
def statement(shape: Shape) -> Fixed:
    """Return the statement of a board whose columns hold up to one ticket more than the shape's limit.

    Its rows are those of a list of that shape, by status; a row's place is where it stands in its column.
    """
    return bound(assembled(shape, page=_page(shape), order="page.status, page.place"), TYPES)


def _page(shape: Shape) -> str:
    """Return the columns, out of each way to the tickets."""
    where, most = matching(*shape.filters), shape.limit + 1
    end = f"AND t.status = c.status{where} ORDER BY {_ORDER} LIMIT {most}"
    few = f"FROM tenancy.ticket AS t WHERE t.tenant_id = s.tenant_id {end}"
    many = f"FROM tenancy.ticket AS t WHERE {LINKED_TO} AND {MANY} {end}"
    ways = [f"scope AS s CROSS JOIN {_first(few)}{f' WHERE NOT {MANY}' if shape.undecided else ''}"]
    ways += [_first(many)] if shape.undecided else []
    ways += [_first(f"{accounts(shape)} {end}")]
    found = " UNION ALL ".join(f"SELECT h.* FROM {_COLUMN} CROSS JOIN {way}" for way in ways)
    place = f"row_number() OVER (PARTITION BY t.status ORDER BY {_ORDER}) AS place"
    return f"SELECT * FROM (SELECT {COLUMNS}, {place} FROM ({found}) AS t) AS numbered WHERE place <= {most}"


def _first(tickets: str) -> str:
    """Return the tickets of one column, for each of the columns."""
    return f"LATERAL (SELECT {COLUMNS}, t.pressing_at {tickets}) AS h"
