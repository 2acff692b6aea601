"""Files of the demo: three of a ticket, and what two people had exported. Their octets go into the store afterwards."""

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from uuid import UUID

from msgspec import Struct

from guildhall.domain.billing.exports import EXPORT, KEPT_FOR
from guildhall.domain.files.files import key_of
from guildhall.worlds.demo_comments import comment_id
from guildhall.worlds.demo_invoices import Invoice
from guildhall.worlds.demo_links import Link
from guildhall.worlds.demo_partners import BY_SLUG, person_of
from guildhall.worlds.demo_tickets import Party, Ticket, customer
from guildhall.worlds.ground import Connection, copy, made_id, midnight

_PARTNER = "northwind"
_TENANT = "acme-fiber"
_COLUMNS = ("tenant_name", "number", "status", "issued_on", "due_on", "currency", "amount", "outstanding")
_DUE = timedelta(days=30)
_SPEEDS = "20:15 download 41.2 Mbit/s, 20:30 download 38.9 Mbit/s, 20:45 download 40.4 Mbit/s"
_LEVELS = "port,dBm\n1,-18.2\n2,-18.4\n3,-27.9\n"
_NOTE = "Port 3 is the splice from the storm in spring. Do not promise a date before the field team has looked.\n"


class Held(Struct, frozen=True):
    """A file with its octets; `tenant_id` is the tenant's whose ticket it belongs to."""

    id: UUID
    by: Party
    name: str
    media_type: str
    octets: bytes
    created: datetime
    tenant_id: UUID | None = None
    ends: datetime | None = None


def seed_files(
    connection: Connection, tickets: list[Ticket], invoices: list[Invoice], links: list[Link], today: date
) -> dict[str, bytes]:
    """Write what is known of the files; return their octets by the key of the store."""
    now = midnight(today)
    about = max((each for each in tickets if each.tenant.slug == _TENANT and _answered(each)), key=lambda one: one.rank)
    attached, exported = list(_attached(about)), _exported(invoices, links, now)
    held = [*(file for file, _ in attached), exported]
    copy(
        connection,
        "portal.file",
        "id partner_id tenant_id created_by name media_type state size_bytes sha256 expires_at created_at",
        (_file(each) for each in held),
    )
    copy(
        connection,
        "tenancy.ticket_file",
        "id tenant_id ticket_id comment_id name media_type size_bytes is_internal author_kind author_id author_name"
        " author_partner_id author_partner_name created_at",
        (_row(about, file, internal=internal) for file, internal in attached),
    )
    _seed_exports(connection, exported, invoices, links, now)
    return {key_of(each.id): each.octets for each in held}


def _answered(ticket: Ticket) -> bool:
    """Return whether the partner of the demo has answered a ticket."""
    return bool(ticket.answers) and ticket.helper is not None and ticket.helper.partner_id == BY_SLUG[_PARTNER].id


def _attached(about: Ticket) -> Iterator[tuple[Held, bool]]:
    """Yield the files of a ticket, each with whether it is internal."""
    helper, when = about.helper or customer(_TENANT), about.answers[0]
    for by, name, media_type, text, later in (
        (customer(_TENANT), "speedtest.log", "text/plain", _SPEEDS, -1),
        (helper, "line-levels.csv", "text/csv", _LEVELS, 0),
        (helper, "field-notes.txt", "text/plain", _NOTE, 1),
    ):
        moment, internal = when + timedelta(minutes=later), name.startswith("field")
        made = made_id("ticket-file", name)
        yield Held(made, by, name, media_type, text.encode(), moment, tenant_id=about.tenant.id), internal


def _file(held: Held) -> tuple[object, ...]:
    """Return the row of a file."""
    digest = hashlib.sha256(held.octets).digest()
    owner, size = (held.by.partner_id, held.tenant_id, held.by.id), len(held.octets)
    return (held.id, *owner, held.name, held.media_type, "ready", size, digest, held.ends, held.created)


def _row(about: Ticket, held: Held, *, internal: bool) -> tuple[object, ...]:
    """Return the row that attaches a file to a ticket: the answer's own file to the answer."""
    by, answer = held.by, comment_id(about, 0) if held.name.startswith("line") else None
    what = (held.name, held.media_type, len(held.octets), internal)
    who = (by.kind, by.id, by.name, by.partner_id, by.partner_name)
    return (held.id, about.tenant.id, about.id, answer, *what, *who, held.created)


def _opened(links: list[Link]) -> set[UUID]:
    """Return the tenants whose links open an export of their invoices to the partner."""
    own = (link for link in links if link.partner.slug == _PARTNER and link.live and EXPORT in link.permissions)
    return {link.tenant.id for link in own if link.tenant is not None}


def _late(invoices: list[Invoice], links: list[Link]) -> list[Invoice]:
    """Return the overdue invoices of the partner's customers."""
    opened = _opened(links)
    return [each for each in invoices if each.status == "overdue" and each.subscriber.tenant.id in opened]


def _exported(invoices: list[Invoice], links: list[Link], now: datetime) -> Held:
    """Return the file of overdue invoices that the principal asked for yesterday."""
    person = person_of(_PARTNER, "principal")
    by = Party("partner_user", person.id, person.name, person.partner.id, person.partner.name)
    target, created = io.StringIO(), now - timedelta(hours=15)
    csv.writer(target, lineterminator="\n").writerows([_COLUMNS, *_lines(_late(invoices, links))])
    name, octets = f"invoices-{created:%Y-%m-%d}.csv", target.getvalue().encode()
    return Held(made_id("export-file", 0), by, name, "text/csv", octets, created, ends=created + KEPT_FOR)


def _lines(late: Iterable[Invoice]) -> Iterator[tuple[object, ...]]:
    for each in sorted(late, key=lambda one: (one.subscriber.tenant.name, one.issued)):
        owed = each.amount - each.paid
        dates = (each.issued, each.issued + _DUE)
        yield (each.subscriber.tenant.name, each.number, each.status, *dates, each.currency, each.amount, owed)


def _seed_exports(
    connection: Connection, done: Held, invoices: list[Invoice], links: list[Link], now: datetime
) -> None:
    """Write one export that is completed and one that was too large for its format."""
    late = _late(invoices, links)
    failed, asked = made_id("export-file", 1), now - timedelta(days=2)
    waiting = (failed, done.by.partner_id, None, done.by.id, f"invoices-{asked:%Y-%m-%d}.pdf", "application/pdf")
    copy(
        connection,
        "portal.file",
        "id partner_id tenant_id created_by name media_type state expires_at created_at",
        [(*waiting, "writing", asked + KEPT_FOR, asked)],
    )
    columns = (
        "id partner_id created_by created_by_kind created_by_name file_id format filter columns language status"
        " rows_done rows_total tenants failure expires_at completed_at created_at"
    )
    who = (done.by.partner_id, done.by.id, done.by.kind, done.by.name)
    tenants = sorted({each.subscriber.tenant.id for each in late})
    completed = ("completed", len(late), len(late), tenants, "", done.ends, done.created, done.created)
    nobody: list[UUID] = []
    too_large = ("failed", 0, len(invoices), nobody, "too_large", asked + KEPT_FOR, asked, asked)
    shown = list(_COLUMNS)
    copy(
        connection,
        "portal.invoice_export",
        columns,
        [
            (made_id("export", 0), *who, done.id, "csv", '{"status": ["overdue"]}', shown, "en", *completed),
            (made_id("export", 1), *who, failed, "pdf", "{}", shown, "en", *too_large),
        ],
    )
