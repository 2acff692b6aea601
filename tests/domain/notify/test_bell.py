"""The bell counts what the list of alerts shows to the same person, whatever limits hold."""

from collections import Counter
from uuid import UUID

import pytest
from msgspec.structs import replace

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.ids import new_id
from guildhall.domain.alerts import reading
from guildhall.domain.alerts.tables import KINDS
from guildhall.domain.notify import bell
from support_actors import partner_person
from support_world import World

pytestmark = pytest.mark.anyio
_OPEN = """
    SELECT l.tenant_id FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id
    WHERE p.slug = 'northwind' AND portal.is_live(l.status, l.starts_at, l.ends_at)
      AND l.areas @> '{support,reports,billing}'
      AND l.permissions @> '{partner.alerts.sla.read,partner.alerts.billing.read}' ORDER BY l.id LIMIT 5
"""
PEOPLE = ("principal", "technical", "finance", "viewer", "msp_billing", "auditor")


def planted(world: World) -> list[UUID]:
    """Give Northwind one alert of each kind at six tenants, four of whose links lack something; return the tenants."""
    world.sql("DELETE FROM portal.alert")
    live = [row["tenant_id"] for row in world.sql(_OPEN)]
    closed = world.tenants("northwind", "paused")[:1]
    lacking = {
        live[1]: "areas = array_remove(areas, 'reports')",
        live[2]: "areas = array_remove(areas, 'support')",
        live[3]: "permissions = array_remove(permissions, 'partner.alerts.sla.read')",
        live[4]: "permissions = array_remove(permissions, 'partner.alerts.billing.read')",
    }
    for tenant_id, change in lacking.items():
        world.sql(
            f"UPDATE portal.partner_tenant_link SET {change} WHERE tenant_id = %s AND status = 'active'", tenant_id
        )
    for tenant_id in (*live, *closed):
        for kind in KINDS:
            world.sql(
                "INSERT INTO portal.alert (id, partner_id, tenant_id, link_id, kind, cause, severity, values)"
                " SELECT %s, l.partner_id, l.tenant_id, l.id, %s, %s, 'warning', '{\"tenant\": \"One\"}'"
                " FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id"
                " WHERE p.slug = 'northwind' AND l.tenant_id = %s AND l.status IN ('active', 'paused')",
                new_id(),
                kind,
                f"{kind}:{tenant_id}",
                tenant_id,
            )
    world.sql("UPDATE portal.alert SET snoozed_until = now() + interval '1 hour' WHERE tenant_id = %s", live[0])
    world.sql("UPDATE portal.alert SET snoozed_until = now() - interval '1 hour' WHERE kind = 'sla.uptime'")
    return [*live, *closed]


def limited(world: World, email: str, scope: str, tenants: list[UUID]) -> Actor:
    """Return a person whose limits are `scope` of `tenants`."""
    person = partner_person(world, email)
    world.sql("DELETE FROM portal.partner_user_tenant WHERE user_id = %s", person.user_id)
    world.sql("UPDATE portal.partner_user SET tenant_scope = %s WHERE id = %s", scope, person.user_id)
    for tenant_id in tenants:
        world.sql(
            "INSERT INTO portal.partner_user_tenant (user_id, tenant_id) VALUES (%s, %s)", person.user_id, tenant_id
        )
    return person


async def counted(actor: Actor) -> tuple[Counter[str], int]:
    """Return the alerts that wait by kind, as the list shows them, and how many the bell counts."""
    async with db.transaction(actor) as connection:
        shown = await reading.listed(connection, actor, reading.Filter(shown=("active",), limit=100))
        rung = await bell.rung(connection, actor)
    assert rung.alerts <= rung.waiting
    return Counter(each.kind for each in shown.items), rung.waiting


@pytest.mark.writes
async def test_the_bell_counts_what_the_list_shows(world: World) -> None:
    tenants = planted(world)
    every = await counted(partner_person(world))
    assert every[0] == {
        "sla.ticket": 1,
        "sla.uptime": 3,
        "usage.capacity": 2,
        "billing.threshold": 3,
        "link.expiring": 5,
    }
    elsewhere = partner_person(world)
    elsewhere = replace(elsewhere, permissions=elsewhere.permissions - {"partner.links.read"})
    without_links = await counted(elsewhere)
    assert "link.expiring" not in without_links[0]
    assert without_links[1] == without_links[0].total() == every[1] - 5
    seen = {}
    for role in PEOPLE:
        for scope, some in (("all", []), ("include", tenants[2:4]), ("exclude", tenants[2:4]), ("include", [])):
            person = limited(world, f"{role}@northwind.example", scope, some)
            kinds, waiting = await counted(person)
            assert waiting == kinds.total(), (role, scope, kinds)
            seen[role, scope, bool(some)] = waiting
    assert seen["principal", "include", True] not in (0, seen["principal", "exclude", True])
    assert seen["principal", "include", False] == 0
