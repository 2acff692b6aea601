"""Who uses what of the API now, for staff: each count with its quota, its share and its latest refusals."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.core.errors import Forbidden
from guildhall.domain.partners.quotas import READ
from guildhall.domain.quotas import kinds

STATES = ("near", "refused", "own")
NEAR = 0.8
SortBy = Literal["name", "share", "refused"]
# A count's refusals are shown for a day. A partner with an own quota is listed without calls too.
_ROWS = """
    SELECT * FROM (
        SELECT x.*, x.used / x.quota::double precision AS share FROM (
            SELECT c.kind, c.subject, coalesce(p.name, t.name, k.name, '') AS name, p.id AS partner_id,
                   t.id AS tenant_id, c.seconds, c.refused, c.refused_at,
                   coalesce((SELECT sum(n) FROM unnest(portal.slots_now(c.slots, c.used_at, c.seconds, now())) AS n), 0)
                       AS used,
                   CASE c.kind WHEN 'list' THEN coalesce(q.list_calls, :list)
                               WHEN 'across' THEN (coalesce(q.list_calls, :list) + 1) / 2
                               WHEN 'detail' THEN coalesce(q.detail_calls, :detail)
                               WHEN 'write' THEN coalesce(q.write_calls, :write)
                               WHEN 'export' THEN coalesce(q.export_calls, :export)
                               WHEN 'tenant' THEN :tenant ELSE :platform END AS quota,
                   CASE c.kind WHEN 'list' THEN q.list_calls WHEN 'across' THEN q.list_calls
                               WHEN 'detail' THEN q.detail_calls WHEN 'write' THEN q.write_calls
                               WHEN 'export' THEN q.export_calls END IS NOT NULL AS own
            FROM (
                SELECT n.kind, n.subject, n.seconds, n.slots, n.used_at,
                       CASE WHEN n.refused_at > now() - interval '1 day' THEN n.refused ELSE 0 END AS refused,
                       CASE WHEN n.refused_at > now() - interval '1 day' THEN n.refused_at END AS refused_at
                FROM portal.call_count AS n
                UNION ALL
                SELECT s.kind, o.partner_id, s.seconds, '{}', now(), 0, NULL
                FROM portal.partner_quota AS o
                CROSS JOIN (VALUES ('list', 60, 1), ('detail', 60, 2), ('write', 60, 3), ('export', 3600, 4))
                    AS s (kind, seconds, place)
                WHERE (ARRAY[o.list_calls, o.detail_calls, o.write_calls, o.export_calls])[s.place] IS NOT NULL
                  AND NOT EXISTS (
                    SELECT 1 FROM portal.call_count AS n WHERE n.subject = o.partner_id AND n.kind = s.kind)
            ) AS c
            LEFT JOIN portal.partner AS p ON p.id = c.subject
            LEFT JOIN portal.partner_quota AS q ON q.partner_id = p.id
            LEFT JOIN tenancy.tenant AS t ON c.kind = 'tenant' AND t.id = c.subject
            LEFT JOIN portal.platform_client AS k ON c.kind = 'platform' AND k.id = c.subject
        ) AS x
    ) AS r
    WHERE (:kind = '' OR r.kind = :kind) AND (:search = '' OR strpos(lower(r.name), lower(:search)) > 0)
      AND CASE :state WHEN 'near' THEN r.share >= :near WHEN 'refused' THEN r.refused > 0 WHEN 'own' THEN r.own
                      ELSE true END
"""
_ORDERS: Mapping[SortBy, str] = {
    "name": "lower(name) {0}, kind",
    "share": "share {0}, lower(name), kind",
    "refused": "refused {0}, refused_at DESC NULLS LAST, lower(name), kind",
}
_WAYS = {False: "ASC", True: "DESC"}
_COUNTED = text(f"SELECT count(*) FROM ({_ROWS}) AS r")
_LISTED = {
    (by, descending): text(f"{_ROWS} ORDER BY {order.format(way)} LIMIT :limit OFFSET :offset")
    for by, order in _ORDERS.items()
    for descending, way in _WAYS.items()
}


class Row(Struct, frozen=True, kw_only=True):
    """One count: of a partner, of a tenant over all partners, or of a client of the platform.

    `used` of `quota` calls in the `seconds` that end now; `refused` within the last day, until an hour passed without.
    """

    kind: str
    name: str
    partner_id: UUID | None
    tenant_id: UUID | None
    used: int
    quota: int
    seconds: int
    share: float
    own: bool
    refused: int
    refused_at: datetime | None


class Filter(Struct, frozen=True, kw_only=True):
    """Which counts to list; `state` is one of STATES, `search` looks in names."""

    kind: str = ""
    search: str = ""
    state: str = ""
    sort_by: SortBy = "share"
    descending: bool = True
    limit: int = 50
    offset: int = 0


async def listed(connection: AsyncConnection, actor: Actor, wanted: Filter) -> tuple[list[Row], int]:
    """Return one page of the counts, and how many there are; raises Forbidden."""
    if not actor.may(READ):
        raise Forbidden
    values: dict[str, Any] = {kind: kinds.standard(kind).calls for kind in kinds.STANDARD}
    values |= {"kind": wanted.kind, "search": wanted.search, "state": wanted.state, "near": NEAR}
    total = await connection.scalar(_COUNTED, values) or 0
    paged = values | {"limit": wanted.limit, "offset": wanted.offset}
    rows = await connection.execute(_LISTED[wanted.sort_by, wanted.descending], paged)
    return [Row(**{name: row[name] for name in Row.__struct_fields__}) for row in rows.mappings()], total
