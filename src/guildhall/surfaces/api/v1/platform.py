"""What the vendor's platform tells of tenants: one of them, or batches of rows as JSON lines (API.md, “Platform”).

Every row is known by the platform's own name of it, so what comes twice, or late, changes nothing twice.
"""

import io
import tempfile
from collections.abc import Mapping
from typing import Annotated, Any, BinaryIO, Literal, cast
from urllib.parse import unquote

import anyio.to_thread
import msgspec
from anyio.lowlevel import RunVar
from msgspec import Meta, Struct

from guildhall.core import clock
from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid
from guildhall.core.idempotency import Reply
from guildhall.domain.tenancy import importing
from guildhall.domain.tenancy.importing import KINDS, NEEDS, Fault, Report
from guildhall.domain.tenancy.importing_rows import TenantRow
from guildhall.surfaces import entry
from guildhall.surfaces.api import reading
from guildhall.surfaces.api.operations import JSON, Call, Endpoint, Operation, Wire, serves
from guildhall.surfaces.api.problems import FieldError
from guildhall.surfaces.entry import needs

GROUP = "Platform"
PATH = "/platform"
_IN_MEMORY = 1_000_000  # octets of a body; what is more waits on disk
# Batches wait for each other in the database; more threads than that would only hold connections.
_AT_ONCE = 4
_batches: RunVar[anyio.CapacityLimiter] = RunVar("batches")
_ROWS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "tenants": (
        "Tenants",
        {"external_id": "t-1001", "name": "Acme Fiber", "slug": "acme-fiber", "domain": "acme-fiber.example"},
    ),
    "subscribers": ("Subscribers", {"tenant": "t-1001", "external_id": "s-1", "name": "Lena Ortiz", "plan": "Home"}),
    "invoices": (
        "Invoices",
        {
            "tenant": "t-1001",
            "external_id": "i-1",
            "number": "2026-0001",
            "status": "finalized",
            "currency": "USD",
            "amount": "154.20",
            "issued_on": "2026-11-01",
            "due_on": "2026-11-30",
        },
    ),
    "invoice-lines": (
        "InvoiceLines",
        {
            "tenant": "t-1001",
            "invoice": "i-1",
            "position": 1,
            "description": "Fiber 500",
            "quantity": "1",
            "unit_price": "154.20",
            "amount": "154.20",
        },
    ),
    "payments": (
        "Payments",
        {
            "tenant": "t-1001",
            "external_id": "p-1",
            "invoice": "i-1",
            "currency": "USD",
            "amount": "154.20",
            "paid_on": "2026-11-20",
        },
    ),
    "usage": ("Usage", {"tenant": "t-1001", "metric": "traffic_gb", "day": "2026-11-20", "quantity": "812.5"}),
    "outages": ("Outages", {"tenant": "t-1001", "external_id": "o-1", "started_at": "2026-11-20T09:30:00Z"}),
    "tickets": (
        "Tickets",
        {
            "tenant": "t-1001",
            "external_id": "k-1",
            "subject": "No signal since the morning",
            "status": "open",
            "priority": "high",
        },
    ),
    "posture": ("Posture", {"tenant": "t-1001", "taken_at": "2026-11-20T00:00:00Z", "score": 82, "high": 1}),
}


class BatchQuery(Struct, frozen=True):
    """How to take a batch."""

    partial: Annotated[
        bool, Meta(description="Take the rows without fault and leave the others out, instead of all or nothing.")
    ] = False


class RowResult(Struct, frozen=True, kw_only=True):
    """What became of one row. `row` counts lines from 1; pointers in `errors` are into the row."""

    row: int
    status: Literal["taken", "refused"]
    errors: list[FieldError]


class Batch(Struct, frozen=True, kw_only=True):
    """What a batch did: how many rows were read, and of those added, changed, unchanged and refused.

    `results` has an entry for each row that was refused; empty lines are counted, and are no rows.
    """

    rows: int
    added: int
    changed: int
    unchanged: int
    refused: int
    results: list[RowResult]


def _operation(kind: str) -> Operation:
    """Return the operation that takes a batch of `kind`."""
    name, sent = _ROWS[kind]
    known = " and ".join(f"`{field}`" for field in KINDS[kind].key)
    return Operation(
        id=f"send{name}",
        method="POST",
        path=f"{PATH}/{kind}:batch",
        group=GROUP,
        summary=f"Send {kind.replace('-', ' ')}",
        description=f"JSON lines, at most {importing.MOST_ROWS:,} rows and 20 MB. A row is known by {known}: one that "
        "is known already is changed where it differs, else left alone, so a batch may be sent again. All of it is "
        "taken, or with a fault nothing: the pointers in `errors` begin with the row's number, lines counted from 1. "
        "With `partial=true` the rows without fault are taken, and `results` names those that were not.",
        mark=needs(NEEDS),
        query=BatchQuery,
        body=KINDS[kind].row,
        answer=Batch,
        lines=True,
        sent=sent,
    )


async def _fed(actor: Actor, *, kind: str, lines: BinaryIO, partial: bool) -> Report:
    """Let the domain take the lines, in a thread of their own."""

    def work() -> Report:
        return importing.feed(actor, kind=kind, lines=lines, partial=partial)

    return await anyio.to_thread.run_sync(work, limiter=_limiter())


def _limiter() -> anyio.CapacityLimiter:
    """Return what keeps the batches of this process to a few at once."""
    limiter = _batches.get(None)
    if limiter is None:
        limiter = anyio.CapacityLimiter(_AT_ONCE)
        _batches.set(limiter)
    return limiter


async def _batch(call: Call[BatchQuery, None], kind: str) -> Batch:
    """Take a batch as it arrives: what does not fit into memory waits on disk."""
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as lines:
        async for octets in call.request.stream():
            lines.write(octets)
        lines.seek(0)
        report = await _fed(call.actor, kind=kind, lines=cast("BinaryIO", lines), partial=call.query.partial)
    if not report.stands:
        raise _refusal(report)
    return Batch(
        rows=report.rows,
        added=report.written.added,
        changed=report.written.changed,
        unchanged=report.unchanged,
        refused=report.refused,
        results=_results(report.faults),
    )


def _refusal(report: Report) -> Invalid:
    """Return the refusal of a batch: the first faults, each with its row."""
    values = {"faults": str(report.fault_count), "rows": str(report.rows)}
    errors: dict[str, str] = {}
    for fault in report.faults:
        errors.setdefault(f"/{fault.row}/{fault.column}".rstrip("/") if fault.row else "", fault.message)
    return Invalid("%(faults)s faults in %(rows)s rows; nothing was written", values=values, errors=errors)


def _results(faults: tuple[Fault, ...]) -> list[RowResult]:
    """Return what became of the rows at fault, by row."""
    by_row: dict[int, list[FieldError]] = {}
    for fault in faults:
        by_row.setdefault(fault.row, []).append(FieldError(f"/{fault.column}".rstrip("/"), fault.message))
    return [RowResult(row=row, status="refused", errors=errors) for row, errors in by_row.items()]


class BatchEndpoint(Endpoint, frozen=True):
    """An endpoint that takes JSON lines, which it reads only once the gates have let the request in."""

    async def answer(self, request: Wire) -> Reply:
        """Answer one request that passed the gates."""
        reading.accepts(request)
        reading.takes_lines(request)
        call: Call[Any, Any] = Call(
            request=request,
            actor=entry.entered(request).actor,
            tenant=None,
            query=reading.query(request, BatchQuery),
            body=None,
            now=clock.now(),
        )
        made = await self.handler(call)
        return Reply(self.operation.status, JSON, msgspec.json.encode(made), {"Cache-Control": "no-store"})


def _endpoint(kind: str) -> BatchEndpoint:
    """Return the endpoint that takes batches of `kind`."""

    async def take(call: Call[Any, Any]) -> Batch:
        return await _batch(call, kind)

    return BatchEndpoint(_operation(kind), take)


TenantFields = msgspec.defstruct(
    "TenantFields",
    [
        (field.name, field.type) if field.required else (field.name, field.type, field.default)
        for field in msgspec.structs.fields(TenantRow)
        if field.name != "external_id"
    ],
    namespace={"__doc__": "What a tenant is. What is left out stays as it is, or takes its default."},
    kw_only=True,
    forbid_unknown_fields=True,
)


class TenantPut(Struct, frozen=True, kw_only=True):
    """What became of a tenant."""

    external_id: str
    outcome: Literal["added", "changed", "unchanged"]


PUT = Operation(
    id="putTenant",
    method="PUT",
    path=PATH + "/tenants/{external_id}",
    group=GROUP,
    summary="Send one tenant",
    description="Adds the tenant that you know by this id, or changes it where it differs.",
    mark=needs(NEEDS),
    body=TenantFields,
    answer=TenantPut,
    sent={"name": "Acme Fiber", "slug": "acme-fiber", "domain": "acme-fiber.example", "plan_type": "business"},
)


@serves(PUT)
async def put_tenant(call: Call[None, Any]) -> TenantPut:
    """Take one tenant."""
    external_id = unquote(call.request.path_params["external_id"])
    given = {name: value for name, value in msgspec.structs.asdict(call.body).items() if value is not msgspec.UNSET}
    row = io.BytesIO(msgspec.json.encode({"external_id": external_id, **given}))
    report = await _fed(call.actor, kind="tenants", lines=row, partial=False)
    if not report.stands:
        raise Invalid(errors={f"/{fault.column}".rstrip("/"): fault.message for fault in report.faults})
    outcomes = {(1, 0): "added", (0, 1): "changed"}
    outcome = outcomes.get((report.written.added, report.written.changed), "unchanged")
    return TenantPut(external_id=external_id, outcome=cast("Any", outcome))


ENDPOINTS: tuple[Endpoint, ...] = (put_tenant, *(_endpoint(kind) for kind in _ROWS))
