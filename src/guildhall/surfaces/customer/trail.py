"""The customer's own trail: searched, one entry in full, and exported with what proves it."""

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Stream

from guildhall.core import db
from guildhall.domain.access import links
from guildhall.domain.audit import reading
from guildhall.surfaces import asked
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.exports import exported
from guildhall.surfaces.html import Page, Web, page
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.kit.tables import Filter, Option, Pages
from guildhall.surfaces.trail import FAMILIES, changed, told

FARTHEST = 2**62
_MOST_PARTNERS = 200


@get("/trail", **needs("customer.audit.read"))
async def trail_list(request: Web, actor: Who) -> Page:
    """Return one page of the trail, newest first."""
    before = asked.whole(request, "cursor", FARTHEST)
    since, until = asked.shown_moments(request)
    wanted = reading.Filter(
        partner_id=asked.identity(request, "partner"),
        action=asked.choice(request, "family", FAMILIES),
        text=asked.words(request),
        since=since,
        until=until,
        before=before,
    )
    async with db.transaction(actor) as connection:
        found = await reading.listed(connection, actor, wanted)
        known, _ = await links.listed(
            connection, actor, links.Filter(sort_by="partner_name", sort_order="asc", limit=_MOST_PARTNERS)
        )
    partners = dict.fromkeys((str(link.partner_id), link.partner_name) for link in known)
    pages = Pages(shown=len(found.items), next=str(found.next_before) if found.next_before else None)
    return await page(
        request,
        "trail/list.html",
        rows=told(found.items, behalf_of=actor.tenant_name or ""),
        pages=pages,
        filters=[
            Filter("partner", gettext("Partner"), [Option(*each) for each in partners]),
            Filter("family", gettext("Kind"), [Option(code, gettext(label)) for code, label in FAMILIES.items()]),
        ],
        may_export=actor.may("customer.audit.export"),
    )


@get("/trail/{sequence:int}", **needs("customer.audit.read"))
async def trail_entry(request: Web, sequence: FromPath[int], actor: Who) -> Page:
    """Return one entry in full, with the hashes that chain it."""
    async with db.transaction(actor) as connection:
        entry = await reading.get(connection, actor, sequence=min(max(sequence, 0), FARTHEST))
    (line,) = told([entry], behalf_of=actor.tenant_name or "")
    return await page(request, "trail/entry.html", line=line, entry=entry, changes=changed(entry))


@post("/trail/export", status_code=200, download=True, **needs("customer.audit.export", fresh=True))
async def trail_export(actor: Who) -> Stream:
    """Send the whole chain as JSON lines; the export is itself an entry."""
    return await exported(actor)


ROUTES = [trail_list, trail_entry, trail_export]
