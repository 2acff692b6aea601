"""Alerts: what is wrong now at the partner's customers, and that somebody sees to it."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType, convert

from guildhall.core import db
from guildhall.core.money import Money
from guildhall.domain.access.scope import named_tenants
from guildhall.domain.alerts import acting, reading
from guildhall.domain.alerts.kinds import ACTS, FAMILIES, Family, Name, Severity, State
from guildhall.surfaces.api.operations import Call, Endpoint, Operation, serves
from guildhall.surfaces.api.reading import Cursor, Limit, Offset, TenantIds
from guildhall.surfaces.entry import needs

GROUP = "Alerts"
PATH = "/partner/alerts"
MISSING = "ALERT_NOT_FOUND"
_LAST_DAY = date(9000, 1, 1)


class AlertsQuery(Struct, frozen=True):
    """Which alerts to list."""

    tenant_ids: TenantIds = ()
    status: Annotated[tuple[State, ...], Meta(description="Only alerts in these states.")] = ()
    severity: Annotated[tuple[Severity, ...], Meta(description="Only alerts as bad as these.")] = ()
    from_date: Annotated[date, Meta(description="Raised on this day (UTC) or later.")] | UnsetType = UNSET
    to_date: Annotated[date, Meta(description="Raised on this day (UTC) or before.")] | UnsetType = UNSET
    limit: Limit = 50
    offset: Offset = 0
    cursor: Cursor = ""


class AlertItem(Struct, frozen=True, kw_only=True):
    """An alert. `details` says what is wrong, by `kind`; amounts are null to whoever may not see money.

    `raised_at` is when it began, or last got worse. A snoozed alert is active, with `snoozed_until` in the future.
    """

    id: UUID
    tenant_id: UUID
    tenant_name: str
    kind: Name
    severity: Severity
    status: State
    details: dict[str, Any]
    amount: Money | None
    threshold: Money | None
    raised_at: datetime
    snoozed_until: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    resolved_at: datetime | None


class AlertPage(Struct, frozen=True, kw_only=True):
    """A page of alerts."""

    items: list[AlertItem]
    total: int | None
    total_at_least: int | None
    limit: int
    offset: int | None
    has_more: bool
    next_cursor: str | None


def _list(family: Family, about: str) -> Operation:
    """Return the operation that lists one family of alerts."""
    return Operation(
        id=f"list{family.capitalize()}Alerts",
        method="GET",
        path=f"{PATH}/{family}",
        group=GROUP,
        summary=f"List {about}",
        description="Those of every customer whose link opens them, of those in `tenant_ids`, or of the one in "
        "`X-Active-Tenant-Id`. Open ones first, the worst of them first. Counting stops at 10,000: where it did not "
        "come to the end of what is asked for, `total` is null and `total_at_least` says how many were found.",
        mark=needs(FAMILIES[family].read),
        query=AlertsQuery,
        answer=AlertPage,
        codes=("TENANT_CONTEXT_MISMATCH",),
    )


LIST_SLA = _list("sla", "alerts about service levels and capacity")
LIST_BILLING = _list("billing", "alerts about receivables")


@serves(LIST_SLA)
async def list_sla_alerts(call: Call[AlertsQuery, None]) -> AlertPage:
    """Return one page of alerts about tickets, uptime and usage."""
    return await _page(call, "sla")


@serves(LIST_BILLING)
async def list_billing_alerts(call: Call[AlertsQuery, None]) -> AlertPage:
    """Return one page of alerts about what customers are owed."""
    return await _page(call, "billing")


async def _page(call: Call[AlertsQuery, None], family: Family) -> AlertPage:
    """Return one page of a family."""
    asked = call.query
    tenant_ids = call.narrowed(asked.tenant_ids)
    wanted = reading.Filter(
        families=(family,),
        status=asked.status,
        severity=asked.severity,
        tenant_ids=tenant_ids,
        raised_from=_start(asked.from_date, 0),
        raised_to=_start(asked.to_date, 1),
        limit=asked.limit,
        offset=asked.offset,
        cursor=asked.cursor,
    )
    async with db.transaction(call.actor, planned_once=True) as connection:
        if tenant_ids and call.tenant is None:
            await named_tenants(connection, call.actor, tenant_ids=tenant_ids, needs=FAMILIES[family].read)
        found = await reading.listed(connection, call.actor, wanted)
    return AlertPage(
        items=[_item(each) for each in found.items],
        total=found.total,
        total_at_least=found.total_at_least,
        limit=asked.limit,
        offset=None if asked.cursor else asked.offset,
        has_more=found.next_cursor is not None,
        next_cursor=found.next_cursor,
    )


def _start(day: date | UnsetType, later: int) -> datetime | None:
    """Return the moment at which a day begins, or the day `later` days after it."""
    if isinstance(day, UnsetType):
        return None
    return datetime.combine(min(day, _LAST_DAY) + timedelta(days=later), time(), UTC)


def _item(found: reading.Alert) -> AlertItem:
    """Return an alert as callers get it."""
    return convert(found, AlertItem, from_attributes=True)


ACKNOWLEDGE = Operation(
    id="acknowledgeAlert",
    method="POST",
    path=PATH + "/{alert_id}/acknowledge",
    group=GROUP,
    summary="Acknowledge an alert",
    description="Notes that somebody sees to it. It is resolved by itself once what is wrong is right again, and "
    "comes back when it gets worse. Each kind needs its own permission.",
    mark=needs(*ACTS),
    answer=AlertItem,
    codes=(MISSING, "CONFLICT"),
)


@serves(ACKNOWLEDGE)
async def acknowledge_alert(call: Call[None, None]) -> AlertItem:
    """Note that somebody sees to an alert."""
    alert_id = call.id("alert_id", MISSING)
    async with db.transaction(call.actor) as connection:
        found = await reading.get(connection, call.actor, (alert_id,))
    call.within(found[0].tenant_id if found else None, MISSING)
    done = await acting.acknowledge(call.actor, alert_ids=(alert_id,), now=call.now)
    return _item(done[0])


ENDPOINTS: tuple[Endpoint, ...] = (list_sla_alerts, list_billing_alerts, acknowledge_alert)
