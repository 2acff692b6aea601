"""Actors as gate 1 would make them, for tests that call the domain without a browser."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from guildhall.core.actor import Actor, DbRole, Kind, Surface
from guildhall.domain.rbac.registry import CUSTOMER, PARTNER, STAFF, held_by
from support_world import Cluster, Signed, World

NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)


def partner_person(world: World, email: str = "principal@northwind.example", **other: Any) -> Actor:
    """Return a partner's person on the console, just signed in."""
    row = world.sql(
        "SELECT u.id, u.name, u.roles, p.id AS partner_id, p.name AS partner_name FROM portal.partner_user AS u"
        " JOIN portal.partner AS p ON p.id = u.partner_id WHERE u.email = %s",
        email,
    )[0]
    return Actor(
        **{
            "kind": Kind.PARTNER_USER,
            "surface": Surface.CONSOLE,
            "role": DbRole.PARTNER,
            "name": row["name"],
            "user_id": row["id"],
            "partner_id": row["partner_id"],
            "partner_name": row["partner_name"],
            "roles": tuple(row["roles"]),
            "permissions": held_by(row["roles"], PARTNER),
            "factor_at": datetime.now(UTC),
            "ip": "192.0.2.7",
            "user_agent": "test",
            "request_id": "r-1",
        }
        | other
    )


def customer_person(world: World, slug: str = "acme-fiber") -> Actor:
    """Return an approver of a tenant on the customer surface, just signed in."""
    row = world.sql(
        "SELECT u.id, u.name, t.id AS tenant_id, t.name AS tenant_name FROM tenancy.customer_user AS u"
        " JOIN tenancy.customer_membership AS m ON m.user_id = u.id JOIN tenancy.tenant AS t ON t.id = m.tenant_id"
        " WHERE u.email = %s AND t.slug = %s",
        f"admin@{slug}.example",
        slug,
    )[0]
    return Actor(
        kind=Kind.CUSTOMER_USER,
        surface=Surface.CUSTOMER,
        role=DbRole.CUSTOMER,
        name=row["name"],
        user_id=row["id"],
        tenant_id=row["tenant_id"],
        tenant_name=row["tenant_name"],
        roles=("approver",),
        permissions=held_by(("approver",), CUSTOMER),
        factor_at=datetime.now(UTC),
        ip="198.51.100.9",
        user_agent="test",
    )


def staff_person(world: World, email: str = "lead@halcyon.example") -> Actor:
    """Return somebody of the vendor's staff, just signed in."""
    row = world.sql("SELECT id, name, roles FROM portal.staff_user WHERE email = %s", email)[0]
    return Actor(
        kind=Kind.STAFF_USER,
        surface=Surface.STAFF,
        role=DbRole.STAFF,
        name=row["name"],
        user_id=row["id"],
        roles=tuple(row["roles"]),
        permissions=held_by(row["roles"], STAFF),
        factor_at=datetime.now(UTC),
    )


def link_id(world: World, partner: str, slug: str, status: str = "active") -> UUID:
    """Return the id of the link of `partner` (a slug) to the tenant `slug` in `status`."""
    found: UUID = world.sql(
        "SELECT l.id FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id"
        " JOIN tenancy.tenant AS t ON t.id = l.tenant_id WHERE p.slug = %s AND t.slug = %s AND l.status = %s",
        partner,
        slug,
        status,
    )[0]["id"]
    return found


def limit(world: World, email: str, *tenants: UUID, scope: str = "include") -> None:
    """Limit a person of a partner to `tenants`, or to all others."""
    world.sql("UPDATE portal.partner_user SET tenant_scope = %s WHERE email = %s", scope, email)
    whose = "SELECT id FROM portal.partner_user WHERE email = %s"
    world.sql(f"DELETE FROM portal.partner_user_tenant WHERE user_id = ({whose})", email)
    for tenant in tenants:
        world.sql(f"INSERT INTO portal.partner_user_tenant (user_id, tenant_id) VALUES (({whose}), %s)", email, tenant)


@asynccontextmanager
async def domain_world(cluster: Cluster) -> AsyncIterator[World]:
    """Open a copy of the demo world without the application in front of it."""
    made = World(cluster, cluster.clone(), Signed())
    made.open_pools()
    yield made
    await made.close()
    cluster.drop(made.database)
