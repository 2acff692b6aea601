"""Exports of invoices: asked for, watched, fetched through a signed address."""

from typing import Annotated, Literal
from uuid import UUID

from litestar import get
from litestar.params import FromPath
from litestar.response import Stream
from msgspec import UNSET, Meta, Struct, UnsetType

from guildhall.core import clock, db
from guildhall.core.errors import NotFound
from guildhall.core.ids import parse_id
from guildhall.domain.billing import export_columns, exports, invoices
from guildhall.domain.billing.exports import Export
from guildhall.domain.people import addresses
from guildhall.surfaces import entry
from guildhall.surfaces.api.operations import PREFIX, Answer, Call, Endpoint, Operation, Wire, serves
from guildhall.surfaces.api.reading import TenantIds
from guildhall.surfaces.api.v1.billing import GROUP, PATH, Day, Statuses, passed
from guildhall.surfaces.api.v1.billing_shapes import InvoiceExport, exported
from guildhall.surfaces.downloads import download
from guildhall.surfaces.entry import needs

Column = Annotated[
    str,
    Meta(
        min_length=1, max_length=40, extra_json_schema={"enum": [*export_columns.COLUMNS, *export_columns.LINE_COLUMNS]}
    ),
]


class NewExport(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an export shall hold."""

    format: Annotated[Literal["csv", "pdf"], Meta(description="A PDF holds 1,500 rows at most, a CSV any number.")]
    from_date: Day | UnsetType = UNSET
    to_date: Day | UnsetType = UNSET
    tenant_ids: TenantIds = ()
    status: Statuses = ()
    include_line_items: Annotated[bool, Meta(description="A row for each line instead of one for each invoice.")] = (
        False
    )
    columns: Annotated[
        tuple[Column, ...],
        Meta(max_length=30, description="Only these columns; all if left out. `line_…` needs line items."),
    ] = ()


CREATE = Operation(
    id="exportInvoices",
    method="POST",
    path=f"{PATH}/invoices/export",
    group=GROUP,
    summary="Export invoices",
    description="Has a file written: the invoices of every customer whose link allows exports when it is written. "
    "Follow `Location` until it is completed. The file is kept for seven days.",
    mark=needs(exports.EXPORT),
    status=202,
    body=NewExport,
    answer=InvoiceExport,
    codes=("TENANT_CONTEXT_MISMATCH",),
    sent={"format": "csv", "from_date": "2026-01-01", "to_date": "2026-03-31", "status": ["paid", "overdue"]},
)


@serves(CREATE)
async def export_invoices(call: Call[None, NewExport]) -> Answer:
    """Have an export written."""
    asked = call.body
    tenant_ids = call.narrowed(asked.tenant_ids)
    async with db.transaction(call.actor) as connection:
        await passed(connection, call, tenant_ids, exports.EXPORT)
    wanted = invoices.Filter(
        tenant_ids=tenant_ids, from_date=asked.from_date or None, to_date=asked.to_date or None, status=asked.status
    )
    wish = exports.Wish(
        format=asked.format, wanted=wanted, include_line_items=asked.include_line_items, columns=asked.columns
    )
    made = await exports.ask(call.actor, wish, now=call.now)
    return Answer(exported(made, None), headers={"Location": f"{PREFIX}{PATH}/exports/{made.id}"})


GET = Operation(
    id="getInvoiceExport",
    method="GET",
    path=f"{PATH}/exports/{{export_id}}",
    group=GROUP,
    summary="Read one export",
    description="How far it is, and once it is completed where its file is. An export is its caller's own.",
    mark=needs(exports.EXPORT),
    answer=InvoiceExport,
    codes=("EXPORT_NOT_FOUND",),
)


@serves(GET)
async def get_export(call: Call[None, None]) -> InvoiceExport:
    """Return one export."""
    export_id = call.id("export_id", "EXPORT_NOT_FOUND")
    async with db.transaction(call.actor) as connection:
        found = await exports.get(connection, call.actor, export_id, now=call.now)
    return exported(found, _address(call, found) if found.status == "completed" else None)


def _address(call: Call[None, None], found: Export) -> str:
    """Return the address of an export's file that works for five minutes."""
    return addresses.signed(
        call.actor,
        path=f"{PREFIX}{PATH}/exports/{found.id}/file",
        permissions=(exports.EXPORT, invoices.MONEY),
        issuer=call.request.app.state.issuer,
        now=call.now,
    )


_FILE = needs(exports.EXPORT)
_FILE["opt"]["signed"] = True


@get(f"{PREFIX}{PATH}/exports/{{export_id:str}}/file", name="getInvoiceExportFile", **_FILE)
async def get_file(request: Wire, export_id: FromPath[str]) -> Stream:
    """Send an export's file to whoever holds its signed address, or an access token."""
    found: UUID | None = parse_id(export_id)
    if found is None:
        raise NotFound(code="EXPORT_NOT_FOUND")
    return await download(await exports.fetch(entry.entered(request).actor, found, now=clock.now()))


ENDPOINTS: tuple[Endpoint, ...] = (export_invoices, get_export)
FILES = (get_file,)
