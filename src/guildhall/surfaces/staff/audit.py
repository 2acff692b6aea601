"""Audit search over every chain: the vendor's, a partner's, a customer's."""

from uuid import UUID

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Stream

from guildhall.core import db
from guildhall.core.errors import Invalid
from guildhall.core.ids import parse_id
from guildhall.domain.audit import reading
from guildhall.domain.audit.reading import Chain
from guildhall.domain.audit.trail import VENDOR
from guildhall.domain.people import vendor_team
from guildhall.surfaces import asked
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.exports import exported
from guildhall.surfaces.html import Page, Web, page, typed
from guildhall.surfaces.kit.i18n import N_, gettext
from guildhall.surfaces.kit.tables import Filter, Option, Pages
from guildhall.surfaces.trail import FAMILIES, changed, told

FARTHEST = 2**62
_WRONG = N_("There is no such chain. Open the trail from a partner or a customer.")


def chain_in(text: str) -> Chain:
    """Return the chain written as `partner:<id>` or `tenant:<id>`; nothing is the vendor's."""
    kind, _, identity = text.partition(":")
    found: UUID | None = parse_id(identity)
    if not text or kind == "vendor":
        return Chain("vendor", VENDOR)
    if kind not in {"partner", "tenant"} or found is None:
        raise Invalid(_WRONG)
    return Chain("partner" if kind == "partner" else "tenant", found)


@get("/audit", **needs("staff.audit.read"))
async def audit_list(request: Web, actor: Who) -> Page:
    """Return one page of a chain, newest first."""
    chain = chain_in(request.query_params.get("chain", ""))
    since, until = asked.shown_moments(request)
    wanted = reading.Filter(
        chain=chain,
        actor_id=asked.identity(request, "actor"),
        action=asked.choice(request, "family", FAMILIES),
        text=asked.words(request),
        since=since,
        until=until,
        before=asked.whole(request, "cursor", FARTHEST),
    )
    async with db.transaction(actor) as connection:
        found = await reading.listed(connection, actor, wanted)
    options = [Option(code, gettext(label)) for code, label in FAMILIES.items()]
    return await page(
        request,
        "audit/list.html",
        rows=told(found.items),
        chain=chain,
        pages=Pages(shown=len(found.items), next=str(found.next_before) if found.next_before else None),
        filters=[Filter("family", gettext("Kind"), options)],
        may_export=actor.may("staff.audit.export"),
    )


@get("/audit/{chain:str}/{sequence:int}", **needs("staff.audit.read"))
async def audit_entry(request: Web, chain: FromPath[str], sequence: FromPath[int], actor: Who) -> Page:
    """Return one entry in full."""
    of = chain_in(chain)
    async with db.transaction(actor) as connection:
        entry = await reading.get(connection, actor, sequence=min(max(sequence, 0), FARTHEST), chain=of)
        named = await vendor_team.named(connection, entry.changes.get("assigned"))
    (line,) = told([entry])
    return await page(request, "audit/entry.html", line=line, entry=entry, changes=changed(entry, named), chain=of)


@post("/audit/export", status_code=200, download=True, **needs("staff.audit.export", fresh=True))
async def audit_export(request: Web, actor: Who) -> Stream:
    """Send a whole chain as JSON lines; the export is itself an entry."""
    chain = chain_in((await typed(request)).get("chain", ""))
    return await exported(actor, chain=chain)


ROUTES = [audit_list, audit_entry, audit_export]
