"""Every step of every side, tried against the database: only those of the table are taken (BOUNDARY §2)."""

from itertools import product
from typing import Any

import psycopg
import pytest

from guildhall.domain.access.states import FINAL, STATES, STEPS, sources, steps
from support_world import World

SIDES = {"partner": "partner", "tenant": "customer", "staff": "staff", "system": "worker"}
ALLOWED = set(steps())


def prepare(connection: psycopg.Connection[Any], link: Any, source: str, target: str, side: str) -> None:
    """Bring the link to `source` as the owner, so that nothing but the step itself stands in the way of `target`."""
    paused_by = {"partner": "partner", "tenant": "tenant", "staff": "staff", "system": "staff"}[side]
    past = target == "expired"
    connection.execute(
        "UPDATE portal.partner_tenant_link SET status = %s, paused_by = %s, starts_at = now() - interval '1 year',"
        " ends_at = now() + %s::interval WHERE id = %s",
        [source, paused_by if source == "paused" else None, "-1 day" if past else "100 days", link],
    )
    if source == "countered":
        connection.execute(
            "INSERT INTO portal.link_change (id, link_id, kind, access_role, permissions, areas, operating_model,"
            " ends_at, proposed_by) SELECT gen_random_uuid(), id, 'counter', access_role, permissions, areas,"
            " operating_model, ends_at, 'test' FROM portal.partner_tenant_link WHERE id = %s",
            [link],
        )


def taken(
    connection: psycopg.Connection[Any], prefix: str, people: dict[str, Any], link: Any, step: tuple[str, str, str]
) -> bool:
    """Return whether the database lets `side` take the step; everything is rolled back."""
    source, target, side = step
    try:
        with connection.transaction(force_rollback=True):
            prepare(connection, link, source, target, side)
            connection.execute(
                "SELECT set_config('role', %s, true), set_config('app.partner_id', %s, true),"
                " set_config('app.user_id', %s, true), set_config('app.tenant_id', %s, true)",
                [prefix + SIDES[side], people["partner_id"], people[f"{side}_user"], people["tenant_id"]],
            )
            pausing = side if target == "paused" else None
            done = connection.execute(
                "UPDATE portal.partner_tenant_link SET status = %s, paused_by = %s WHERE id = %s",
                [target, pausing, link],
            )
            return done.rowcount == 1
    except (psycopg.errors.CheckViolation, psycopg.errors.InsufficientPrivilege):
        return False


@pytest.mark.anyio
async def test_each_side_takes_its_steps_and_no_others(demo: World) -> None:
    link = demo.sql(
        "SELECT l.id, l.tenant_id::text, l.partner_id::text, u.id::text AS partner_user, m.user_id::text AS tenant_user"
        " FROM portal.partner_tenant_link AS l"
        " JOIN portal.partner_user AS u ON u.email = 'principal@northwind.example' AND u.partner_id = l.partner_id"
        " JOIN tenancy.customer_membership AS m ON m.tenant_id = l.tenant_id AND m.role = 'approver'"
        " WHERE l.status = 'active' AND l.operating_model = 'co_managed' AND l.access_role = 'msp_support'"
        " AND NOT EXISTS (SELECT 1 FROM portal.link_change AS c WHERE c.link_id = l.id AND c.status = 'open') LIMIT 1"
    )[0]
    people = {**link, "staff_user": "", "system_user": ""}
    wrong = []
    with psycopg.connect(demo.url) as connection:
        for step in product(STATES, STATES, SIDES):
            source, target, _ = step
            if source != target and taken(connection, demo.cluster.prefix, people, link["id"], step) != (
                step in ALLOWED
            ):
                wrong.append(step)
    assert wrong == []


def test_a_final_state_is_final() -> None:
    assert [source for source, _, _ in STEPS if source in FINAL] == []


def test_only_the_tenant_opens_and_only_time_lapses() -> None:
    assert sources("active", "tenant") == ("requested", "paused")
    assert sources("active", "partner") == ("countered", "paused")
    assert sources("active", "staff") == ("paused",)
    assert {side for _, target, side in ALLOWED if target == "lapsed"} == {"system"}


@pytest.mark.anyio
@pytest.mark.parametrize("side", ["partner", "staff", "system"])
@pytest.mark.parametrize(
    "widening",
    [
        "permissions = permissions || ARRAY['partner.billing.write'], areas = areas",
        "areas = areas || ARRAY['billing_write']",
        "operating_model = 'fully_managed'",
        "ends_at = ends_at + interval '1 day'",
        "ends_at = NULL",
    ],
)
async def test_nobody_but_the_tenant_widens_a_link(demo: World, side: str, widening: str) -> None:
    link = demo.sql(
        "SELECT l.id, l.partner_id::text, u.id::text AS user_id, l.tenant_id::text FROM portal.partner_tenant_link AS l"
        " JOIN portal.partner_user AS u ON u.email = 'principal@northwind.example' AND u.partner_id = l.partner_id"
        " WHERE l.status = 'active' AND l.operating_model = 'co_managed' AND l.ends_at IS NOT NULL"
        " AND NOT 'billing_write' = ANY (l.areas) LIMIT 1"
    )[0]
    with psycopg.connect(demo.url) as connection:
        connection.execute(
            "SELECT set_config('role', %s, true), set_config('app.partner_id', %s, true),"
            " set_config('app.user_id', %s, true)",
            [demo.cluster.prefix + SIDES[side], link["partner_id"], link["user_id"]],
        )
        with pytest.raises((psycopg.errors.CheckViolation, psycopg.errors.InsufficientPrivilege)):
            connection.execute(f"UPDATE portal.partner_tenant_link SET {widening} WHERE id = %s".encode(), [link["id"]])
        connection.rollback()
