"""The partner's audit trail: searched, read entry by entry, exported with its proof."""

from uuid import UUID

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Stream
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.core.errors import NotFound
from guildhall.domain.access.names import tenant_names
from guildhall.domain.audit import reading
from guildhall.domain.audit.reading import Entry
from guildhall.surfaces import asked, trail
from guildhall.surfaces.console.frame import framed
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.exports import exported
from guildhall.surfaces.html import Page, Web, page
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.kit.tables import Filter, Option, Pages

LARGEST = 2**62
# What happens in the chain of a partner; the other families are the vendor's own.
FAMILIES = (
    "link",
    "tenant",
    "ticket",
    "billing",
    "person",
    "team",
    "tenant_group",
    "client",
    "webhook",
    "partner",
    "sign_in",
    "access",
    "trail",
)


@get("/audit", **needs("partner.audit.read"))
async def trail_list(request: Web, actor: Who) -> Page:
    """Return some entries of the partner's trail, newest first."""
    tenant_id, person_id = asked.identity(request, "tenant"), asked.identity(request, "actor")
    since, until = asked.shown_moments(request)
    wanted = reading.Filter(
        actor_id=person_id,
        tenant_id=tenant_id,
        action=asked.choice(request, "action", FAMILIES),
        text=asked.words(request),
        since=since,
        until=until,
        before=asked.whole(request, "cursor", LARGEST),
        limit=asked.PAGE_SIZE,
    )
    async with framed(request, actor) as connection:
        found = await reading.listed(connection, actor, wanted)
        names = await _names(connection, actor, found.items, tenant_id)
    return await page(
        request,
        "audit/list.html",
        rows=trail.told(found.items),
        names=names,
        own=actor.partner_id,
        pages=Pages(shown=len(found.items), next=str(found.next_before) if found.next_before else None),
        filters=_filters(names, found.items, person_id),
        may_export=actor.may("partner.audit.export"),
    )


async def _names(
    connection: AsyncConnection, actor: Actor, entries: list[Entry], chosen: UUID | None = None
) -> dict[UUID, str]:
    """Return the names of the tenants that these entries are about, and of the one that was filtered by."""
    ids = {each.tenant_id for each in entries if each.tenant_id} | ({chosen} if chosen else set())
    return await tenant_names(connection, actor, ids)


def _filters(names: dict[UUID, str], entries: list[Entry], person_id: UUID | None) -> list[Filter]:
    """Return the choices above the list: kinds of acts, and the people and customers of the page at hand."""
    people = {each.actor_id: each.actor_name or gettext("Erased name") for each in entries if each.actor_id}
    if person_id is not None:
        people.setdefault(person_id, str(person_id))
    return [
        Filter("action", gettext("Act"), [Option(code, gettext(trail.FAMILIES[code])) for code in FAMILIES]),
        Filter("actor", gettext("Person"), _options(people)),
        Filter("tenant", gettext("Customer"), _options(names)),
    ]


def _options(named: dict[UUID, str]) -> list[Option]:
    """Return what is named as choices, by name."""
    return [Option(str(key), name) for key, name in sorted(named.items(), key=lambda item: item[1].lower())]


@get("/audit/{sequence:int}", **needs("partner.audit.read"))
async def trail_entry(request: Web, sequence: FromPath[int], actor: Who) -> Page:
    """Return one entry in full, with what proves it."""
    if not 0 < sequence <= LARGEST:
        raise NotFound(code="AUDIT_ENTRY_NOT_FOUND")
    async with framed(request, actor) as connection:
        entry = await reading.get(connection, actor, sequence=sequence)
        names = await _names(connection, actor, [entry])
    return await page(
        request,
        "audit/entry.html",
        row=trail.told([entry])[0],
        changes=trail.changed(entry),
        tenant=names.get(entry.tenant_id) if entry.tenant_id else None,
    )


@post("/audit/export", **needs("partner.audit.export", fresh=True), status_code=200, download=True)
async def trail_export(actor: Who) -> Stream:
    """Send the whole trail as JSON lines; the export is itself an entry."""
    return await exported(actor)


ROUTES = [trail_list, trail_entry, trail_export]
