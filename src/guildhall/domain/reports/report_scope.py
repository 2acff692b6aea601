"""What a report is about: its days, the tenants that open it, and how many it leaves out (PRODUCT §8)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Date, DateTime, Integer, Numeric, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid
from guildhall.core.sql import Fixed, bound
from guildhall.core.text import containing
from guildhall.domain.access.tables import SHOWN_BY

DEFAULT_DAYS = 30
LONGEST_DAYS = 731
LONGEST_PAGE = 1000
_DAY = timedelta(days=1)

TYPES: Mapping[str, TypeEngine[Any]] = {
    **{name: Date() for name in ("first", "last", "earliest")},
    **{name: DateTime(timezone=True) for name in ("since", "until", "since_before", "midnight")},
    **{name: Uuid() for name in ("partner_id", "user_id")},
    **{name: Integer() for name in ("limit", "offset")},
    **{name: ARRAY(Text) for name in ("metrics", "currencies")},
    "tenant_ids": ARRAY(Uuid),
    "target": Numeric(),
    **{name: Text() for name in ("rank_by", "search")},
}
Part = Mapping[str, Any]  # one row, by the names of its columns
Parts = Mapping[str, tuple[Mapping[str, str], str]]


class ReportPeriod(Struct, frozen=True):
    """The days of a report, both ends included; days are of UTC, as the platform measures them."""

    from_date: date
    to_date: date

    @property
    def days(self) -> int:
        """Return how many days there are."""
        return (self.to_date - self.from_date).days + 1

    @property
    def previous(self) -> "ReportPeriod":
        """Return as many days just before."""
        return ReportPeriod(self.from_date - timedelta(days=self.days), self.from_date - _DAY)


class ReportCoverage(Struct, frozen=True, kw_only=True):
    """How many tenants the partner's person reaches, and how many of them the report is about.

    The links of the `left_out` do not open it.
    """

    tenants: int
    included: int
    left_out: int


def period(from_date: date | None, to_date: date | None, *, today: date) -> ReportPeriod:
    """Return the days asked for: by default the last 30, today included; raise Invalid for days in disorder."""
    last = to_date or today
    try:
        first = from_date or last - timedelta(days=DEFAULT_DAYS - 1)
        made = ReportPeriod(first, last)
        made.previous  # noqa: B018 - the period before must have a place in the calendar as well
    except OverflowError:
        raise Invalid(errors={"from_date": "This period is too far away"}) from None
    if first > last:
        raise Invalid(errors={"from_date": "The first day comes after the last"})
    if made.days > LONGEST_DAYS:
        raise Invalid(errors={"from_date": "Ask for at most two years"})
    return made


_UNCOUNTED = "NOT EXISTS (SELECT 1 FROM roster)"


def scope(permission: str, *, named: bool, more: str = "", only: str = "") -> dict[str, str]:
    """Return the first shelves of a report: `mine`, the tenants reached, `scope`, those that open it, and `counted`.

    `permission` is a registry string; `named` narrows to `:tenant_ids`, which passed the gates. `more` are further
    columns of the link; `only` narrows both to what sums do not tell. What reads neither `mine` nor `scope` looks at no
    link where the roster holds.
    """
    opens = SHOWN_BY[permission]
    counted = "SELECT count(*) AS tenants, count(*) FILTER (WHERE opens) AS included FROM mine"
    if not named:
        counted = (
            f"SELECT tenants, {opens.removeprefix('shows_')} AS included FROM roster UNION ALL"
            f" {counted} WHERE {_UNCOUNTED} HAVING {_UNCOUNTED}"
        )
    return {
        "roster": "SELECT * FROM portal.roster_now()",
        "mine": f"SELECT l.tenant_id, l.tenant_name, l.{opens} AS opens{more} {reached(named=named)}{only}",
        "scope": "SELECT * FROM mine WHERE opens",
        "counted": counted,
    }


def reached(*, named: bool) -> str:
    """Return the links by which the person reaches tenants."""
    narrowed = " AND l.tenant_id = ANY (:tenant_ids)" if named else ""
    # Only who is limited to some tenants asks which: that is a look at every link of the partner.
    return (
        "FROM portal.partner_tenant_link AS l WHERE l.partner_id = :partner_id AND l.status = 'active'"
        " AND portal.is_live(l.status, l.starts_at, l.ends_at)"
        " AND ((SELECT u.tenant_scope FROM portal.partner_user AS u WHERE u.id = :user_id) = 'all'"
        f" OR (l.tenant_id IN (SELECT reached FROM portal.reach('any') AS reached)) IS TRUE){narrowed}"
    )


def apart(named_report: str, sums: str, *, named: bool) -> dict[str, str]:
    """Return two more shelves: `kept`, the rows of the query `sums`, and `apart`, the tenants that are not in them.

    `named_report` is one of `tables.SUMMED`, and `sums` reads its sums, which show themselves only to whoever reaches
    every tenant in them. A report that is narrowed to some tenants adds up their rows.
    """
    if named:
        return {"kept": f"{sums} AND false", "apart": "SELECT * FROM scope"}
    # Where the roster says that sums tell the report in whole, nobody looks for others.
    whole = f"EXISTS (SELECT 1 FROM kept) AND EXISTS (SELECT 1 FROM roster WHERE '{named_report}' = ANY (sums))"
    others = (
        f"SELECT s.* FROM scope AS s WHERE NOT ({whole}) AND NOT EXISTS"
        f" (SELECT 1 FROM portal.summed('{named_report}') AS m (tenant_id) WHERE m.tenant_id = s.tenant_id)"
    )
    return {"kept": sums, "apart": others}


BY_NAME = "lower(tenant_name), tenant_id"


def placed(source: str, order: str) -> str:
    """Return the shelf of the tenants on the page, by their `place` on it: the rows of `source` in `order`.

    They are numbered once they are chosen, so that not all of them are sorted to find fifty.
    """
    return _numbered(f"SELECT * FROM {source} ORDER BY {order}", order)


def placed_by_name(permission: str, *, named: bool, more: str = "") -> str:
    """Return the same of `scope`, by name: an index yields the page, and nobody looks for the other tenants."""
    chosen = f"SELECT l.tenant_id, l.tenant_name{more} {reached(named=named)} AND l.{SHOWN_BY[permission]}"
    return _numbered(f"{chosen} ORDER BY lower(l.tenant_name), l.tenant_id", BY_NAME)


def _numbered(rows: str, order: str) -> str:
    """Return the page of `rows`, each with its place."""
    page = f"{rows} LIMIT :limit OFFSET :offset"
    return f"SELECT *, row_number() OVER (ORDER BY {order}) AS place FROM ({page}) AS chosen"


def values(actor: Actor, *, tenant_ids: tuple[UUID, ...] | None, limit: int, offset: int) -> dict[str, Any]:
    """Return the values that every report's statement takes; raise Invalid for a page that cannot be."""
    if not 1 <= limit <= LONGEST_PAGE or offset < 0:
        raise Invalid(errors={"limit": f"Ask for 1 to {LONGEST_PAGE}, starting at 0 or later"})
    return {
        "partner_id": actor.partner_id,
        "user_id": actor.user_id,
        "tenant_ids": list(tenant_ids or ()),
        "limit": limit,
        "offset": offset,
    }


def report(shelves: Mapping[str, str], parts: Parts, columns: Mapping[str, str], *, order: str) -> Fixed:
    """Return a report's statement: `shelves` read once each, then the union of `parts` in one form, in `order`.

    The shelf `scope` is no more than a look at `mine`, and is not kept besides it.

    A row is the part's name, then `columns` (name → SQL type), null where the part does not say it. Each of `parts`
    says which columns it fills, and whence.
    """
    kept = ", ".join(
        f"{name} AS {'NOT ' if name == 'scope' else ''}MATERIALIZED ({sql})" for name, sql in shelves.items()
    )
    answer = " UNION ALL ".join(
        f"(SELECT '{part}' AS part, "
        + ", ".join(f"CAST({said.get(name, 'NULL')} AS {kind}) AS {name}" for name, kind in columns.items())
        + f" {source})"
        for part, (said, source) in parts.items()
    )
    return bound(f"WITH {kept} {answer} ORDER BY part, {order}", TYPES)


async def parts(
    connection: AsyncConnection, statement: Fixed, given: Mapping[str, Any], columns: Sequence[str]
) -> Mapping[str, list[Part]]:
    """Run a report's statement; return its rows by part."""
    found: dict[str, list[Part]] = defaultdict(list)
    for row in await db.rows(connection, statement, given):
        found[row[0]].append(dict(zip(columns, row[1:], strict=True)))
    return found


COVERED = ({"tenants": "tenants", "included": "included"}, "FROM counted")


def coverage(part: Part) -> ReportCoverage:
    """Return what the part `covered` says."""
    return ReportCoverage(
        tenants=part["tenants"], included=part["included"], left_out=part["tenants"] - part["included"]
    )


async def matching(connection: AsyncConnection, actor: Actor, *, permission: str, search: str) -> tuple[UUID, ...]:
    """Return the tenants reached whose name or domain holds `search`, also those that do not open `permission`."""
    given = {"partner_id": actor.partner_id, "user_id": actor.user_id, "search": containing(search)}
    return tuple(row[0] for row in await db.rows(connection, _matching(permission), given))


@lru_cache(maxsize=4)
def _matching(permission: str) -> Fixed:
    """Return the statement of `matching`."""
    shelves = ", ".join(f"{name} AS ({sql})" for name, sql in scope(permission, named=False).items())
    return bound(
        f"WITH {shelves} SELECT m.tenant_id FROM mine AS m JOIN tenancy.tenant AS t ON t.id = m.tenant_id"
        " WHERE t.name ILIKE :search OR t.domain ILIKE :search",
        TYPES,
    )
