"""API clients as they are read: by those who look after them, and at gate 1 by what their token proves."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Uuid, and_, bindparam, case, func, literal, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import clock, db
from guildhall.core.actor import Actor, DbRole, Kind
from guildhall.core.errors import Forbidden, NotFound
from guildhall.domain.audit.refusals import refused
from guildhall.domain.people import client_secrets
from guildhall.domain.people.client_rules import MOST_TENANTS
from guildhall.domain.people.client_secrets import Secret
from guildhall.domain.people.client_tables import api_client as client
from guildhall.domain.people.client_tables import api_client_secret as secret
from guildhall.domain.people.client_tables import api_client_tenant as limited
from guildhall.domain.people.sessions import Found
from guildhall.domain.people.software import WITHIN, Software, expired, expiring, revoked, usable_address
from guildhall.domain.people.tables import TenantScope
from guildhall.domain.people.tables import partner_user as person
from guildhall.domain.quotas.counting import Call, counted, outcome
from guildhall.domain.rbac.registry import held_by

STATES = ("active", "expiring", "expired", "stopped", "revoked")
_NOTED_FOR = timedelta(minutes=1)
_READS: Mapping[DbRole, str] = {DbRole.PARTNER: "partner.clients.manage", DbRole.STAFF: "staff.clients.read"}
_FOUND = f"(SELECT s.*, {WITHIN} FROM portal.find_client_session(:secret, :tenant) AS s)"
_SESSION = text(f"SELECT f.* FROM {_FOUND} AS f")
_COUNTED = counted(_FOUND, "CASE WHEN f.within THEN f.partner_id END")
# The names of a client's tenants and of those that the person at work reaches, `most` of them.
_NAMES = text(
    """
    SELECT x.id, min(coalesce(l.tenant_name, l.tenant_domain)) AS name
    FROM (
        SELECT t.tenant_id AS id FROM portal.api_client_tenant AS t WHERE t.client_id = :client
        UNION
        (SELECT reached FROM portal.reach('any') AS reached LIMIT :most)
    ) AS x
    JOIN portal.partner_tenant_link AS l ON l.tenant_id = x.id
    GROUP BY x.id ORDER BY lower(min(coalesce(l.tenant_name, l.tenant_domain))), x.id
    """
).bindparams(bindparam("client", type_=Uuid))
_USED = text("SELECT * FROM portal.client_used(:secret, :address)")
# `stopped`: who answers for the client has left, so it may do nothing until another principal takes it on.
_STATE = case(
    revoked(client),
    expired(client),
    (person.c.status != "active", "stopped"),
    expiring(client),
    else_="active",
)
SortBy = Literal["name", "expires_at", "last_used_at", "created_at"]
_SORTS: Mapping[SortBy, ColumnElement[Any]] = {
    "name": func.lower(client.c.name),
    "expires_at": client.c.expires_at,
    "last_used_at": client.c.last_used_at,
    "created_at": client.c.created_at,
}


class Client(Software, frozen=True, kw_only=True):
    """One client. It may do its `scopes` as far as the responsible person holds them (`responsible_roles`) now."""

    partner_id: UUID
    responsible_id: UUID
    responsible_name: str
    responsible_roles: list[str]
    scopes: list[str]
    tenant_scope: TenantScope

    @property
    def lost(self) -> list[str]:
        """Return the scopes that are void, since the responsible person no longer holds them."""
        return sorted(set(self.scopes) - held_by(self.responsible_roles))


class Filter(Struct, frozen=True, kw_only=True):
    """Which clients to list; `search` looks in name and purpose. Staff name the partner."""

    partner_id: UUID | None = None
    search: str = ""
    state: str = ""
    sort_by: SortBy = "name"
    descending: bool = False
    limit: int = 50
    offset: int = 0


async def listed(connection: AsyncConnection, actor: Actor, wanted: Filter) -> tuple[list[Client], int]:
    """Return one page of a partner's clients, and how many there are; raises Forbidden."""
    where = [client.c.partner_id == _whose(actor, wanted.partner_id)]
    if wanted.search:
        columns = (client.c.name, client.c.purpose)
        where.append(or_(*(column.icontains(wanted.search, autoescape=True) for column in columns)))
    if wanted.state:
        where.append(literal(wanted.state) == _STATE)
    order = _SORTS[wanted.sort_by]
    rows = await connection.execute(
        _chosen()
        .where(*where)
        .order_by(order.desc().nulls_last() if wanted.descending else order.asc().nulls_last(), client.c.id)
        .limit(wanted.limit)
        .offset(wanted.offset)
    )
    counting = select(func.count()).select_from(client.join(person, _responsible())).where(*where)
    return [Client(**row) for row in rows.mappings()], await connection.scalar(counting) or 0


async def get(connection: AsyncConnection, actor: Actor, client_id: UUID, *, partner_id: UUID | None = None) -> Client:
    """Return one client of the actor's partner, for staff of `partner_id`; raises Forbidden, NotFound."""
    where = and_(client.c.id == client_id, client.c.partner_id == _whose(actor, partner_id))
    row = (await connection.execute(_chosen().where(where))).mappings().first()
    if row is None:
        raise NotFound
    return Client(**row)


async def secrets(connection: AsyncConnection, client_id: UUID) -> list[Secret]:
    """Return the secrets of a client that work now, newest first."""
    return await client_secrets.working(connection, secret, client_id)


async def tenant_ids(connection: AsyncConnection, client_id: UUID) -> list[UUID]:
    """Return the tenants that a client is limited to."""
    chosen = select(limited.c.tenant_id).where(limited.c.client_id == client_id).order_by(limited.c.tenant_id)
    return list((await connection.execute(chosen)).scalars())


async def tenant_names(connection: AsyncConnection, client_id: UUID) -> list[tuple[UUID, str]]:
    """Return the tenants that a client is limited to, with their names."""
    rows = await connection.execute(_NAMES, {"client": client_id, "most": 0})
    return [(row.id, row.name) for row in rows]


async def nameable(connection: AsyncConnection, client_id: UUID | None) -> list[tuple[UUID, str]]:
    """Return the tenants that the person at work may limit a client to, by name: those reached, and its own so far."""
    rows = await connection.execute(_NAMES, {"client": client_id, "most": MOST_TENANTS})
    return [(row.id, row.name) for row in rows]


def _chosen() -> Any:
    """Return the statement that reads clients with the person who answers for each."""
    columns = [client.c[name] for name in Client.__struct_fields__ if name in client.c]
    computed = (_STATE.label("state"), person.c.roles.label("responsible_roles"))
    return select(*columns, *computed).select_from(client.join(person, _responsible()))


def _responsible() -> ColumnElement[bool]:
    return person.c.id == client.c.responsible_id


def _whose(actor: Actor, partner_id: UUID | None) -> UUID | None:
    """Return the partner whose clients the actor may read: the own one, or for staff the one that is named."""
    if not actor.may(_READS.get(actor.role, "")):
        raise Forbidden
    return partner_id if actor.role is DbRole.STAFF else actor.partner_id


class Own(Struct, frozen=True, kw_only=True):
    """What a client may know of itself."""

    expires_at: datetime
    networks: list[str]
    tenant_scope: TenantScope
    tenant_ids: list[UUID]


async def own(connection: AsyncConnection, actor: Actor) -> Own:
    """Return the client at work."""
    columns = (client.c.expires_at, client.c.networks, client.c.tenant_scope)
    row = (await connection.execute(select(*columns).where(client.c.id == actor.user_id))).mappings().one()
    assert actor.user_id is not None  # noqa: S101 - a client always has its id
    return Own(**row, tenant_ids=await tenant_ids(connection, actor.user_id))


async def find(
    origin: Actor, *, secret_id: UUID, path: str, tenant_id: UUID | None = None, call: Call | None = None
) -> Found | None:
    """Return the living client whose secret `secret_id` an access token was got with; None where it is dead.

    `path` is what it asked for: a use from outside of its networks is noted there in its partner's trail, and dead.
    `call` is counted in the same statement, unless it comes from there: a stolen token uses up nobody's calls.
    """
    values = {"secret": secret_id, "tenant": tenant_id, "address": usable_address(origin.ip)}
    values |= call.values() if call else {}
    row = await db.door(origin.surface, _COUNTED if call else _SESSION, values)
    if row is None:
        return None
    actor = _actor(origin, row)
    if not row["within"]:
        await refused(actor, code="UNAUTHORIZED", path=path, now=clock.now())
        return None
    noted = row["last_used_at"]
    if noted is None or clock.now() - noted > _NOTED_FOR:
        await db.door(origin.surface, _USED, {"secret": secret_id, "address": origin.ip})
    return Found(actor, row, outcome(call, row) if call else None)


def _actor(origin: Actor, row: Mapping[str, Any]) -> Actor:
    """Return the client as an actor: its scopes, as far as the responsible person holds them now."""
    return msgspec.structs.replace(
        origin,
        kind=Kind.API_CLIENT,
        name=row["name"],
        user_id=row["user_id"],
        session_id=row["session_id"],
        partner_id=row["partner_id"],
        partner_name=row["partner_name"],
        permissions=held_by(row["roles"]) & frozenset(row["scopes"]),
        method="client_credentials",
    )
