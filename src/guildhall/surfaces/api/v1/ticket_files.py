"""Files of a ticket: listed with signed addresses, added one by one, fetched."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from io import BytesIO
from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.params import FromPath
from litestar.response import Stream
from msgspec import Meta, Struct

from guildhall.core import clock, db
from guildhall.core.errors import Invalid, NotFound
from guildhall.core.ids import parse_id
from guildhall.domain.people import addresses
from guildhall.domain.support import attaching, tickets
from guildhall.domain.support.attaching import Attachment, Kept, Upload
from guildhall.surfaces import entry
from guildhall.surfaces.api.operations import PREFIX, Answer, Call, Endpoint, Operation, Wire, serves
from guildhall.surfaces.api.reading import Line
from guildhall.surfaces.api.v1.tickets import GROUP, PATH
from guildhall.surfaces.downloads import download
from guildhall.surfaces.entry import needs

READ = "partner.support.tickets.read"
FILES_PATH = PATH + "/{ticket_id}/attachments"


class TicketFile(Struct, frozen=True, kw_only=True):
    """A file of a ticket. `download_url` works for five minutes, and no longer than your access does.

    `comment_id` is the comment that it came with, null for one that came by itself.
    """

    id: UUID
    ticket_id: UUID
    comment_id: UUID | None
    name: str
    media_type: str
    size_bytes: int
    is_internal: bool
    author_kind: str
    author_id: UUID | None
    author_name: str
    author_partner_id: UUID | None
    author_partner_name: str | None
    created_at: datetime
    download_url: str


class TicketFiles(Struct, frozen=True):
    """The files of a ticket, oldest first; 100 at most."""

    items: list[TicketFile]


LIST = Operation(
    id="listTicketFiles",
    method="GET",
    path=FILES_PATH,
    group=GROUP,
    summary="List the files of a ticket",
    description="Files of internal notes are there for your own organisation alone.",
    mark=needs(READ),
    answer=TicketFiles,
    codes=("TICKET_NOT_FOUND",),
)


@serves(LIST)
async def list_files(call: Call[None, None]) -> TicketFiles:
    """Return the files of a ticket."""
    ticket_id = call.id("ticket_id", "TICKET_NOT_FOUND")
    async with db.transaction(call.actor) as connection:
        found = await tickets.get(connection, call.actor, ticket_id, now=call.now)
        call.within(found.tenant_id, "TICKET_NOT_FOUND")
        items = await attaching.listed(connection, call.actor, ticket_id)
    return TicketFiles([_shown(call, item) for item in items])


class FileQuery(Struct, frozen=True):
    """What is said of a file beside its octets."""

    name: Annotated[Line, Meta(description="The file's name; its ending says what it is.")]
    is_internal: Annotated[bool, Meta(description="Whether it is for your own organisation alone.")] = False


ADD = Operation(
    id="addTicketFile",
    method="POST",
    path=FILES_PATH,
    group=GROUP,
    summary="Add a file to a ticket",
    description="The body is the file itself, 10 MB at most: PDF, PNG, JPEG, GIF, WebP, text (txt, log, csv, json), "
    "ZIP, docx, xlsx, odt or ods, and really what its name says. An answer that is repeated under an Idempotency-Key "
    "holds the `download_url` of before: list the files for a new one.",
    mark=needs("partner.support.tickets.comment", write_in_tenant=True),
    status=201,
    query=FileQuery,
    file=True,
    answer=TicketFile,
    codes=("TICKET_NOT_FOUND", "TENANT_CONTEXT_REQUIRED"),
    sent={"name": "trace.log"},
)


async def keep_file(call: Call[FileQuery, bytes]) -> Kept:
    """Put the file into the store, before the transaction that attaches it."""
    ticket_id = call.id("ticket_id", "TICKET_NOT_FOUND")
    async with db.transaction(call.actor) as connection:
        current = await tickets.get(connection, call.actor, ticket_id, now=call.now)
    call.within(current.tenant_id, "TICKET_NOT_FOUND")
    upload = Upload(call.query.name, BytesIO(call.body))
    with _of_the_body():
        (kept,) = await attaching.keep(call.actor, ticket_id, [upload], now=call.now)
    return kept


@contextmanager
def _of_the_body() -> Iterator[None]:
    """Say what is wrong with a file of the body as a whole."""
    try:
        yield
    except Invalid as wrong:
        raise Invalid(errors={"": next(iter(wrong.errors.values()))}) from None


@serves(ADD, ahead=keep_file)
async def add_file(call: Call[FileQuery, Kept]) -> Answer:
    """Add a file to a ticket of the tenant in context."""
    ticket_id = call.id("ticket_id", "TICKET_NOT_FOUND")
    with _of_the_body():
        made = await attaching.add(
            call.actor, ticket_id=ticket_id, kept=call.body, is_internal=call.query.is_internal, now=call.now
        )
    return Answer(_shown(call, made), headers={"Location": f"{PREFIX}{_file_path(made)}"})


def _file_path(found: Attachment) -> str:
    return f"{FILES_PATH.format(ticket_id=found.ticket_id)}/{found.id}/file"


def _shown(call: Call[None, None] | Call[FileQuery, Kept], found: Attachment) -> TicketFile:
    """Return a file as callers get it, with an address that works for five minutes."""
    address = addresses.signed(
        call.actor,
        path=f"{PREFIX}{_file_path(found)}",
        permissions=(READ,),
        issuer=call.request.app.state.issuer,
        now=call.now,
    )
    values = {name: getattr(found, name) for name in Attachment.__struct_fields__}
    return TicketFile(download_url=address, **values)


_FILE = needs(READ)
_FILE["opt"]["signed"] = True


@get(f"{PREFIX}{PATH}/{{ticket_id:str}}/attachments/{{attachment_id:str}}/file", name="getTicketFileContent", **_FILE)
async def get_file(request: Wire, ticket_id: FromPath[str], attachment_id: FromPath[str]) -> Stream:
    """Send a file to whoever holds its signed address, or an access token."""
    ticket, attachment = parse_id(ticket_id), parse_id(attachment_id)
    if ticket is None or attachment is None:
        raise NotFound(code="FILE_NOT_FOUND")
    found = entry.entered(request)
    fetched = await attaching.fetch(
        found.actor,
        ticket_id=ticket,
        attachment_id=attachment,
        tenant_id=None if found.tenant is None else found.tenant.tenant_id,
        now=clock.now(),
    )
    return await download(fetched)


ENDPOINTS: tuple[Endpoint, ...] = (list_files, add_file)
FILES = (get_file,)
