"""Who of the team reaches which customer, to read and to take away as a table."""

from collections.abc import AsyncIterator, Iterable, Sequence

from litestar import get, post
from litestar.response import Stream

from guildhall.core import clock
from guildhall.domain.people import team
from guildhall.domain.team import reaching
from guildhall.domain.team.leading import NEEDS
from guildhall.domain.team.reaching import Reach
from guildhall.surfaces import asked, sheets
from guildhall.surfaces.console.frame import framed
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, page
from guildhall.surfaces.kit.i18n import N_, Speech, gettext, speaking, speech
from guildhall.surfaces.kit.tables import Option, Pages
from guildhall.surfaces.words import area_label, person_role_label, role_label

_MOST_PEOPLE = 500  # offered in the filter
_HEAD = (
    N_("Customer"),
    N_("Access role"),
    N_("Until"),
    N_("Person"),
    N_("E-mail"),
    N_("Roles"),
    N_("What this person can open"),
)


@get("/team/reach", **needs(NEEDS))
async def reach_list(request: Web, actor: Who) -> Page:
    """Return one page of the customers, each with who of the team reaches it."""
    number, person = asked.page_number(request), asked.identity(request, "person")
    wanted = reaching.Filter(
        search=asked.words(request),
        person_id=person,
        limit=asked.PAGE_SIZE,
        offset=(number - 1) * asked.PAGE_SIZE,
    )
    async with framed(request, actor) as connection:
        rows, total = await reaching.listed(connection, actor, wanted)
        people = await team.listed(connection, actor, team.Filter(status=("active",), limit=_MOST_PEOPLE))
    return await page(
        request,
        "team/reach.html",
        rows=rows,
        person=person,
        people=[Option(str(one.id), one.name) for one in people.items],
        pages=Pages(shown=len(rows), page=number, size=asked.PAGE_SIZE, total=total),
    )


@post("/team/reach/export", **needs(NEEDS, fresh=True), status_code=200, download=True)
async def reach_export(actor: Who) -> Stream:
    """Send the whole of it as CSV, a line for each person and customer; the export is itself an entry in the trail."""
    now = clock.now()
    chunks = await reaching.export(actor, now=now)
    return sheets.sent(_lines(chunks, speech()), name=f"team-reach-{now:%Y-%m-%d}")


async def _lines(chunks: AsyncIterator[list[Reach]], as_: Speech) -> AsyncIterator[str]:
    """Yield the table in the reader's language, some customers at a time."""
    with speaking(as_):
        yield sheets.MARK + sheets.written([[gettext(each) for each in _HEAD]])
    async for rows in chunks:
        with speaking(as_):
            text = sheets.written(line for row in rows for line in _rows(row))
        yield text


def _rows(row: Reach) -> Iterable[Sequence[str]]:
    """Yield a line for each person who reaches a customer; one without a person where nobody does."""
    until = row.ends_at.date().isoformat() if row.ends_at else ""
    head = (row.tenant_name, role_label(row.access_role), until)
    for one in row.people:
        roles = ", ".join(map(person_role_label, one.roles))
        yield (*head, one.name, one.email, roles, ", ".join(map(area_label, one.areas)))
    if not row.people:
        yield (*head, "", "", "", "")


ROUTES = [reach_list, reach_export]
