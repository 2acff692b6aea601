"""What the three reports share: what their address asks for, tabs, filters, files; and the way to the first."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

from litestar import get
from litestar.response import Redirect
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Forbidden, Invalid
from guildhall.domain.reports import report_scope, revenue_sql, sla_sql, usage_sql
from guildhall.domain.reports.report_scope import LONGEST_PAGE, ReportCoverage, ReportPeriod
from guildhall.surfaces import asked, sheets
from guildhall.surfaces.entry import Who, own
from guildhall.surfaces.html import Web, redirect
from guildhall.surfaces.kit.formats import percent
from guildhall.surfaces.kit.i18n import N_, Speech, gettext, ngettext, speaking
from guildhall.surfaces.kit.tables import Pages, query_link

MONEY = "partner.money.read"
# Where each is, what it is called, and what the person must hold to see it.
REPORTS = (
    ("/reports/usage", N_("Usage"), (usage_sql.PERMISSION,)),
    ("/reports/sla", N_("Uptime"), (sla_sql.PERMISSION,)),
    ("/reports/revenue", N_("Revenue"), (revenue_sql.PERMISSION, MONEY)),
)


class Narrowed(Struct, frozen=True):
    """What a report's address asks for: days, page, and the tenants whose name or domain holds some words, if any."""

    period: ReportPeriod
    tenant_ids: tuple[UUID, ...] | None
    page: int

    @property
    def offset(self) -> int:
        """Return how many tenants come before the page."""
        return (self.page - 1) * asked.PAGE_SIZE


def period(request: Web, *, first: date | None = None) -> ReportPeriod:
    """Return the days asked for; without any those from `first`, else the last thirty. Raises Invalid."""
    today = clock.now().date()
    since, until = asked.days(request, today=today)
    return report_scope.period(since or (None if until else first), until, today=today)


def shown_period(request: Web, *, first: date | None = None) -> ReportPeriod:
    """Return the days as `period` does; where they are wrong the usual ones, and the page says so."""
    try:
        return period(request, first=first)
    except Invalid as refusal:
        asked.say_wrong_days(request, refusal)
        return report_scope.period(first, None, today=clock.now().date())


async def narrowed(
    request: Web, connection: AsyncConnection, actor: Actor, permission: str, days: ReportPeriod
) -> Narrowed:
    """Return what the address asks for over these days; raises Invalid for a page that cannot be."""
    words, tenants = asked.words(request), None
    if words:
        tenants = await report_scope.matching(connection, actor, permission=permission, search=words)
    return Narrowed(period=days, tenant_ids=tenants, page=asked.page_number(request))


def pages(wanted: Narrowed, shown: int, total: int) -> Pages:
    """Return where the list of tenants stands."""
    return Pages(shown=shown, page=wanted.page, size=asked.PAGE_SIZE, total=total)


def tabs(request: Web, actor: Actor) -> list[tuple[str, str, bool, None]]:
    """Return the reports that this person may read, as tabs."""
    return [
        (gettext(label), href, request.url.path == href, None)
        for href, label, permissions in REPORTS
        if all(map(actor.may, permissions))
    ]


def file_link(request: Web) -> str:
    """Return where the report at hand is a file."""
    return query_link(request.url.path + "/csv", request.query_params.multi_items(), {"page": None})


def left_out(covered: ReportCoverage) -> str:
    """Return the sentence that says what the report is not about; nothing where it is about all."""
    if not covered.left_out:
        return ""
    return ngettext(
        "%(num)s customer's link does not open this report: it is in no figure.",
        "%(num)s customers' links do not open this report: they are in no figure.",
        covered.left_out,
    )


def change(now: Decimal | None, before: Decimal | None, days: int) -> str:
    """Return how a figure stands against the period before, in words; nothing where there is nothing to compare."""
    if now is None or not before:
        return ""
    share = (now - before) / before
    text = ("+" if share > 0 else "") + percent(share, 1)
    return ngettext(
        "%(change)s against the day before", "%(change)s against the %(num)s days before", days, change=text
    )


Lines = list[Sequence[object]]
Read = Callable[[AsyncConnection, int], Awaitable[tuple[Lines, int]]]


async def file_lines(head: Iterable[str], actor: Actor, as_: Speech, read: Read) -> AsyncIterator[str]:
    """Yield a table: its head in the reader's language, then page by page what `read` finds.

    `read` takes how many tenants come before the page; it returns the page's lines and how many tenants there are.
    """
    with speaking(as_):
        yield sheets.MARK + sheets.written([[gettext(each) for each in head]])
    offset, total = 0, 1
    while offset < total:
        async with db.transaction(actor) as connection:
            found, total = await read(connection, offset)
        yield sheets.written(found)
        offset += LONGEST_PAGE


@get("/reports", **own("it leads to the first report that the person may read"))
async def start(actor: Who) -> Redirect:
    """Lead to the first report of this person; raises Forbidden where there is none."""
    for href, _, permissions in REPORTS:
        if all(map(actor.may, permissions)):
            return redirect(href)
    raise Forbidden


ROUTES = [start]
