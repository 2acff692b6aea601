"""The statement of a list of alerts, kept by its shape.

A page walks the partner's alerts in the list's order and stops when it is full. Counting walks the same index, without
reading a row, and stops where it was told to. Both hold each alert against one reading of the partner's links, unless
its roster knows that all of them open it.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct
from sqlalchemy import (
    CTE,
    ColumnElement,
    DateTime,
    Select,
    SmallInteger,
    Subquery,
    Text,
    Uuid,
    and_,
    any_,
    case,
    func,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from guildhall.core.sql import Fixed, asked, fixed
from guildhall.domain.access.scope import live, opened_everywhere, opening
from guildhall.domain.access.tables import SHOWN_BY
from guildhall.domain.access.tables import partner_tenant_link as link
from guildhall.domain.alerts.kinds import FAMILIES, Family
from guildhall.domain.alerts.tables import alert

Shown = Literal["active", "snoozed", "acknowledged", "resolved"]
SHOWN: tuple[Shown, ...] = ("active", "snoozed", "acknowledged", "resolved")
_SNOOZED = alert.c.snoozed_until > func.now()
SHOWN_STATUS = case((alert.c.status != "active", alert.c.status), (_SNOOZED, "snoozed"), else_="active")
# Open ones first, of them the worst, of these the newest: descending in every part.
_ORDER = ("settled_at", "weight", "raised_at", "id")
RANK = tuple(alert.c[name] for name in _ORDER)
_PARTNER = asked("partner_id", Uuid())

# Columns of the answer, in order: the alert, then, unless it goes on from a cursor, what is counted.
_STORED = (
    *("id", "tenant_id", "link_id", "kind", "severity", "status", "values", "raised_at", "snoozed_until"),
    *("acknowledged_at", "acknowledged_by", "resolved_at", "version", "settled_at", "weight"),
)
COLUMNS = (*_STORED, "shown")
COUNTED = ("number", *SHOWN[1:])

_NUMBER, _NAME = alert.c["values"]["number"].astext, alert.c["values"]["tenant"].astext
FILTERS: Mapping[str, ColumnElement[bool]] = {
    "kinds": alert.c.kind == any_(asked("kinds", ARRAY(Text))),
    "severity": alert.c.severity == any_(asked("severity", ARRAY(Text))),
    "tenant_ids": alert.c.tenant_id == any_(asked("tenant_ids", ARRAY(Uuid))),
    "raised_from": alert.c.raised_at >= asked("raised_from", DateTime(timezone=True)),
    "raised_to": alert.c.raised_at < asked("raised_to", DateTime(timezone=True)),
    "search": or_(_NAME.ilike(asked("search", Text())), asked("number", Text()) == _NUMBER),
}
_AFTER = tuple_(
    asked("after_settled_at", DateTime(timezone=True)),
    asked("after_weight", SmallInteger()),
    asked("after_raised_at", DateTime(timezone=True)),
    asked("after_id", Uuid()),
)


def _states(columns: ReadOnlyColumnCollection[str, Any]) -> Mapping[Shown, ColumnElement[bool]]:
    """Return the condition of each state, by columns of which the planner knows what they hold: it is not to sort."""
    status, snoozed = columns.status, columns.snoozed_until > func.now()
    return {
        "active": and_(status == "active", snoozed.is_not(True)),
        "snoozed": and_(status == "active", snoozed),
        "acknowledged": status == "acknowledged",
        "resolved": status == "resolved",
    }


_STATES = _states(alert.c)


class Shape(Struct, frozen=True):
    """What makes one statement differ from another: `filters` are names of FILTERS, `states` the only ones wanted."""

    families: tuple[Family, ...]
    filters: tuple[str, ...]
    states: tuple[Shown, ...]
    limit: int
    offset: int
    resumed: bool
    counted_to: int


@lru_cache(maxsize=512)
def statement(shape: Shape) -> Fixed:
    """Return the statement of `shape`.

    Its rows: COLUMNS, then COUNTED unless it goes on from a cursor: without any alert there is then one row of nulls
    and counts.
    """
    opens = partial(_opening, opened_everywhere(), _links())
    narrowed = and_(of_partner(_PARTNER, shape.families, opens=opens), *(FILTERS[name] for name in shape.filters))
    page = _page(shape, narrowed)
    shown = [page.c[name] for name in COLUMNS]
    order = [page.c[name].desc() for name in _ORDER]
    if shape.resumed:
        return fixed(select(*shown).order_by(*order))
    counts = _counts(narrowed, shape.counted_to)
    both = select(*shown, *counts.c).select_from(counts.outerjoin(page, true()))
    return fixed(both.order_by(*order))


def of_partner(
    partner_id: UUID | ColumnElement[UUID] | None,
    families: Iterable[Family],
    *,
    opens: Callable[[str], ColumnElement[bool]] | None = None,
) -> ColumnElement[bool]:
    """Return the condition that an alert is the partner's, of one of `families`, and opened by what its link holds.

    `opens` returns the condition that the live link of an alert's tenant holds a permission.
    """
    opens, opened = opens or (lambda needs: _of(opening(partner_id, needs))), []
    for needs in (FAMILIES[family] for family in families):
        of = alert.c.kind.in_(needs.kinds)
        opened.append(of & opens(needs.read) if needs.link else of)
    return (alert.c.partner_id == partner_id) & or_(False, *opened)


def _of(tenants: Select[Any]) -> ColumnElement[bool]:
    """Return the condition that an alert is about one of `tenants`.

    As a value it is a look into a hash for each row, and no join that many links would make slow.
    """
    return alert.c.tenant_id.in_(tenants).is_(True)


def _links() -> CTE:
    """Return the partner's live links and which alerts they open, read once."""
    flags = [link.c[SHOWN_BY[needs.read]] for needs in FAMILIES.values() if needs.link]
    chosen = select(link.c.tenant_id, *flags).where(link.c.partner_id == _PARTNER, live())
    return chosen.cte("links").prefix_with("MATERIALIZED")


def _opening(everywhere: CTE, links: CTE, needs: str) -> ColumnElement[bool]:
    """Return the condition that every link of the partner holds `needs`, or that of the alert's tenant does."""
    name = SHOWN_BY[needs]
    each = _of(select(links.c.tenant_id).where(links.c[name]))
    return or_(select(everywhere).where(everywhere.c.opened == name).exists(), each)


def _page(shape: Shape, narrowed: ColumnElement[bool]) -> Subquery:
    """Return the page, with one row more to see whether it goes on."""
    chosen = [narrowed]
    chosen += [or_(False, *(_STATES[name] for name in shape.states))] if shape.states != SHOWN else []
    chosen += [tuple_(*RANK) < _AFTER] if shape.resumed else []
    stored = [alert.c[name] for name in _STORED]
    rows = select(*stored, SHOWN_STATUS.label("shown")).where(*chosen)
    rows = rows.order_by(*(part.desc() for part in RANK)).limit(shape.limit + 1)
    return (rows.offset(shape.offset) if shape.offset else rows).subquery("page")


def _counts(narrowed: ColumnElement[bool], most: int) -> Subquery:
    """Return how many there are in whatever state, and how many in each of SHOWN but the first: that is the rest.

    Counted in the list's order, open ones first, and to one more than `most`.
    """
    first = select(alert.c.status, alert.c.snoozed_until).where(narrowed)
    found = first.order_by(*(part.desc() for part in RANK)).limit(most + 1).subquery("found")
    states = _states(found.c)
    counted = [func.count().filter(states[name]).label(name) for name in SHOWN[1:]]
    return select(func.count().label(COUNTED[0]), *counted).select_from(found).subquery("counts")
