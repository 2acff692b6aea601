"""Alerts of all partners, as the vendor's staff see them: which, at whom, since when; never amounts (PRODUCT §11)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.domain.access.links import must
from guildhall.domain.alerts.alert_sql import RANK, SHOWN_STATUS
from guildhall.domain.alerts.tables import alert
from guildhall.domain.partners.tables import partner
from guildhall.domain.tenancy.tables import tenant

READ = "staff.alerts.read"


class Filter(Struct, frozen=True, kw_only=True):
    """Which alerts to list; `search` looks in the names of partner and customer; empty is any."""

    shown: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    severity: tuple[str, ...] = ()
    search: str = ""
    limit: int = 50
    offset: int = 0


class PartnerAlert(Struct, frozen=True, kw_only=True):
    """An alert of a partner; `shown` is active, snoozed, acknowledged or resolved.

    `about` tells apart what one customer may have several of: the metric of a capacity; it is empty for other kinds.
    """

    id: UUID
    partner_id: UUID
    partner_name: str
    tenant_id: UUID
    tenant_name: str
    kind: str
    about: str
    severity: str
    shown: str
    raised_at: datetime
    snoozed_until: datetime | None
    acknowledged_by: str | None
    resolved_at: datetime | None


_STORED = [alert.c[name] for name in PartnerAlert.__struct_fields__ if name in alert.c]
_ABOUT = case((alert.c.kind == "usage.capacity", func.split_part(alert.c.cause, ":", 3)), else_="")
_NAMED = (
    _ABOUT.label("about"),
    partner.c.name.label("partner_name"),
    tenant.c.name.label("tenant_name"),
    SHOWN_STATUS.label("shown"),
)


async def listed(connection: AsyncConnection, actor: Actor, wanted: Filter) -> tuple[list[PartnerAlert], int]:
    """Return one page of alerts, open ones first, of these the worst, and how many there are; raises Forbidden."""
    must(actor, READ)
    chosen = _chosen(select(*_STORED, *_NAMED), wanted).order_by(*(part.desc() for part in RANK))
    rows = await connection.execute(chosen.limit(wanted.limit).offset(wanted.offset))
    total = await connection.scalar(_chosen(select(func.count()), wanted))
    return [PartnerAlert(**row) for row in rows.mappings()], total or 0


def _chosen(what: Select[Any], wanted: Filter) -> Select[Any]:
    """Return `what` of the alerts that a filter leaves."""
    joined = alert.join(partner, partner.c.id == alert.c.partner_id).join(tenant, tenant.c.id == alert.c.tenant_id)
    asked: list[ColumnElement[bool]] = []
    if wanted.shown:
        asked.append(SHOWN_STATUS.in_(wanted.shown))
    if wanted.kinds:
        asked.append(alert.c.kind.in_(wanted.kinds))
    if wanted.severity:
        asked.append(alert.c.severity.in_(wanted.severity))
    if wanted.search:
        asked.append(or_(*(each.c.name.icontains(wanted.search, autoescape=True) for each in (partner, tenant))))
    return what.select_from(joined).where(*asked)
