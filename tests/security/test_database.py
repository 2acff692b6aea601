"""The boundary that the database keeps when code forgets (BOUNDARY §4)."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import tuple_row

from guildhall.core.actor import Surface
from guildhall.core.db import PORTAL, TENANCY
from guildhall.domain.access.boundary.policies import RULES
from guildhall.domain.access.boundary.roles import LOGINS, SURFACE_ROLES
from guildhall.domain.access.tables import AREA_BITS
from guildhall.domain.people.tables import SECRET_COLUMNS
from support_world import LOGIN_OF, Cluster, World

TABLES = sorted([*PORTAL.tables, *TENANCY.tables])
WEB_LOGINS = [LOGIN_OF[surface] for surface in LOGIN_OF if surface is not Surface.WORKER]
REFUSED = (psycopg.errors.InsufficientPrivilege,)


@pytest.fixture
def connect(cluster: Cluster, demo_database: str) -> Iterator[Any]:
    """Return a way to connect as a log-in, as psql would."""
    opened = []

    def open_as(login: str) -> psycopg.Connection[Any]:
        opened.append(psycopg.connect(cluster.login_url(login, demo_database), autocommit=True, row_factory=tuple_row))
        return opened[-1]

    yield open_as
    for connection in opened:
        connection.close()


def rows(connection: psycopg.Connection[Any], table: str) -> int:
    """Return how many rows of `table` can be read; 0 where reading is refused."""
    try:
        found = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    except REFUSED:
        return 0
    return found[0] if found else 0


@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize("table", TABLES)
def test_a_bare_log_in_reads_nothing(connect: Any, login: str, table: str) -> None:
    assert rows(connect(login), table) == 0


@pytest.mark.parametrize("role", ["partner", "customer"])
@pytest.mark.parametrize("table", TABLES)
def test_a_role_without_a_person_reads_nothing(connect: Any, cluster: Cluster, role: str, table: str) -> None:
    login = {"partner": "login_partners", "customer": "login_customers"}[role]
    connection = connect(login)
    connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(cluster.prefix + role)))
    assert rows(connection, table) == 0


@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize("role", [*SURFACE_ROLES, "owner", "definer"])
def test_a_log_in_becomes_its_own_roles_and_no_other(connect: Any, cluster: Cluster, login: str, role: str) -> None:
    connection = connect(login)
    become = sql.SQL("SET ROLE {}").format(sql.Identifier(cluster.prefix + role))
    if role in LOGINS[login]:
        connection.execute(become)
    else:
        with pytest.raises(REFUSED):
            connection.execute(become)


def test_every_table_stands_behind_policies(demo_database: str, cluster: Cluster) -> None:
    with psycopg.connect(cluster.url(demo_database)) as connection:
        found = connection.execute(
            "SELECT n.nspname || '.' || c.relname, c.relrowsecurity AND c.relforcerowsecurity FROM pg_class AS c"
            " JOIN pg_namespace AS n ON n.oid = c.relnamespace"
            " WHERE n.nspname IN ('portal', 'tenancy') AND c.relkind IN ('r', 'p')"
        ).fetchall()
    operators = {"portal.boundary", "portal.alembic_version", "tenancy.alembic_version"}
    assert {name for name, _ in found} - operators == set(RULES)
    assert [name for name, forced in found if not forced and name not in operators] == []


def test_no_foreign_key_crosses_the_schemas(demo_database: str, cluster: Cluster) -> None:
    with psycopg.connect(cluster.url(demo_database)) as connection:
        crossing = connection.execute(
            "SELECT k.conname FROM pg_constraint AS k JOIN pg_class AS a ON a.oid = k.conrelid"
            " JOIN pg_class AS b ON b.oid = k.confrelid WHERE k.contype = 'f' AND a.relnamespace <> b.relnamespace"
        ).fetchall()
    assert crossing == []


def test_no_surface_reads_a_secret(demo_database: str, cluster: Cluster) -> None:
    roles = [cluster.prefix + role for role in SURFACE_ROLES]
    with psycopg.connect(cluster.url(demo_database)) as connection:
        readable = connection.execute(
            "SELECT r.rolname, n.nspname, c.relname, a.attname FROM pg_attribute AS a"
            " JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace"
            " CROSS JOIN pg_roles AS r WHERE n.nspname IN ('portal', 'tenancy') AND c.relkind = 'r' AND a.attnum > 0"
            " AND a.attname = ANY (%s) AND r.rolname = ANY (%s)"
            " AND has_column_privilege(r.oid, c.oid, a.attnum, 'SELECT')",
            [list(SECRET_COLUMNS), roles],
        ).fetchall()
    assert readable == []


def test_the_partner_role_has_no_right_on_customers_people(demo_database: str, cluster: Cluster) -> None:
    role = cluster.prefix + "partner"
    with psycopg.connect(cluster.url(demo_database)) as connection:
        for table in ("customer_user", "customer_membership", "customer_session", "customer_one_time", "link_code"):
            found = connection.execute(
                "SELECT has_any_column_privilege(%s, %s, 'SELECT, INSERT, UPDATE')", [role, f"tenancy.{table}"]
            ).fetchone()
            assert found == (False,), table


def test_the_customer_role_has_no_right_on_partners_people(demo_database: str, cluster: Cluster) -> None:
    role = cluster.prefix + "customer"
    with psycopg.connect(cluster.url(demo_database)) as connection:
        for table in ("partner_user", "partner_user_tenant", "partner_session", "staff_user", "staff_session"):
            found = connection.execute(
                "SELECT has_any_column_privilege(%s, %s, 'SELECT, INSERT, UPDATE')", [role, f"portal.{table}"]
            ).fetchone()
            assert found == (False,), table


def test_no_surface_may_delete_but_where_a_rule_says_so(demo_database: str, cluster: Cluster) -> None:
    allowed = {(rule.role, table) for table, rules in RULES.items() for rule in rules if rule.command == "DELETE"}
    with psycopg.connect(cluster.url(demo_database)) as connection:
        for role in SURFACE_ROLES:
            for table in TABLES:
                found = connection.execute(
                    "SELECT has_table_privilege(%s, %s, 'DELETE'), has_table_privilege(%s, %s, 'TRUNCATE')",
                    [cluster.prefix + role, table, cluster.prefix + role, table],
                ).fetchone()
                assert found == ((role, table) in allowed, False), (role, table)


@pytest.mark.parametrize(
    "table",
    [
        *(f"tenancy.{data}_rollup" for data in ("billing", "support", "subscriber", "posture")),
        *(f"portal.{kind}_sum" for kind in ("usage", "revenue", "subscription", "posture", "ticket")),
        "portal.partner_downtime",
        *("tenancy.uptime_daily", "portal.summed_tenant"),
    ],
)
def test_what_triggers_keep_nobody_else_writes(demo_database: str, cluster: Cluster, table: str) -> None:
    with psycopg.connect(cluster.url(demo_database)) as connection:
        writing = connection.execute(
            "SELECT r.rolname FROM pg_roles AS r WHERE r.rolname = ANY (%s)"
            " AND (has_table_privilege(r.oid, %s, 'DELETE')"
            " OR has_any_column_privilege(r.oid, %s, 'INSERT, UPDATE'))",
            [[cluster.prefix + role for role in (*SURFACE_ROLES, *LOGINS)], table, table],
        ).fetchall()
    assert writing == []


def test_every_definer_function_is_written_down_with_what_it_can_leak(demo_database: str, cluster: Cluster) -> None:
    with psycopg.connect(cluster.url(demo_database)) as connection:
        found = connection.execute(
            "SELECT n.nspname || '.' || p.proname, pg_get_userbyid(p.proowner),"
            " coalesce(array_to_string(p.proconfig, ','), '') FROM pg_proc AS p"
            " JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname IN ('portal', 'tenancy') AND p.prosecdef"
        ).fetchall()
    text = (Path(__file__).parents[2] / "docs" / "definer-functions.md").read_text()
    functions, _, views = text.partition("\nViews owned by")
    views, _, more = views.partition("\n## ")
    written = {line.split("`")[1] for line in (functions + more).splitlines() if line.startswith("| `")}
    assert written == {name for name, _, _ in found}
    assert {owner for _, owner, _ in found} == {cluster.prefix + "definer"}
    assert [name for name, _, path in found if "search_path=pg_catalog, pg_temp" not in path] == []


def test_definer_views_are_written_down_and_give_ids_to_the_partner_role_alone(
    demo_database: str, cluster: Cluster
) -> None:
    roles = [cluster.prefix + role for role in SURFACE_ROLES]
    with psycopg.connect(cluster.url(demo_database)) as connection:
        found = connection.execute(
            "SELECT n.nspname || '.' || c.relname, pg_get_userbyid(c.relowner), c.reloptions::text,"
            " ARRAY(SELECT a.attname::text FROM pg_attribute AS a WHERE a.attrelid = c.oid ORDER BY a.attnum),"
            " ARRAY(SELECT r.rolname::text FROM pg_roles AS r WHERE (r.rolname = ANY (%s) OR r.rolname LIKE %s)"
            " AND has_any_column_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE'))"
            " FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
            " WHERE n.nspname IN ('portal', 'tenancy') AND c.relkind IN ('v', 'm') ORDER BY 1",
            [roles, cluster.prefix + "login%"],
        ).fetchall()
    text = (Path(__file__).parents[2] / "docs" / "definer-functions.md").read_text()
    written = re.findall(r"`(portal\.\w+)`", text.partition("\n| View |")[2].partition("\n## ")[0])
    definer = cluster.prefix + "definer"
    assert found == [
        ("portal.reached", definer, None, ["tenant_id", "opens"], []),
        *(
            (f"portal.reached_{area}", definer, "{security_barrier=true}", ["tenant_id"], [cluster.prefix + "partner"])
            for area in sorted(AREA_BITS)
        ),
    ]
    assert sorted(set(written) - {"portal.reach"}) == [name for name, *_ in found]


def test_no_function_means_what_its_callers_path_says(demo_database: str, cluster: Cluster) -> None:
    """What a surface calls, by itself or in a policy, has a path of its own or a body read when it was made."""
    roles = [cluster.prefix + role for role in (*SURFACE_ROLES, *LOGINS)]
    with psycopg.connect(cluster.url(demo_database)) as connection:
        found = connection.execute(
            "SELECT p.proname FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace"
            " WHERE n.nspname IN ('portal', 'tenancy') AND p.prosqlbody IS NULL"
            " AND coalesce(array_to_string(p.proconfig, ','), '') NOT LIKE '%%search_path=pg_catalog, pg_temp%%'"
            " AND EXISTS (SELECT 1 FROM unnest(%s::text[]) AS r WHERE has_function_privilege(r, p.oid, 'EXECUTE'))",
            [roles],
        ).fetchall()
    assert found == []


def test_nothing_is_open_to_everybody(demo_database: str, cluster: Cluster) -> None:
    with psycopg.connect(cluster.url(demo_database)) as connection:
        functions = connection.execute(
            "SELECT p.oid::regprocedure::text FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace"
            " WHERE n.nspname IN ('portal', 'tenancy', 'jobs') AND has_function_privilege('public', p.oid, 'EXECUTE')"
        ).fetchall()
    assert functions == []


@pytest.mark.anyio
async def test_a_partners_people_see_only_their_own_partner(demo: World) -> None:
    from sqlalchemy import text

    from guildhall.core import db
    from guildhall.core.actor import Actor, DbRole, Kind

    who = demo.sql(
        "SELECT u.id, u.partner_id FROM portal.partner_user AS u WHERE u.email = 'principal@northwind.example'"
    )[0]
    actor = Actor(
        kind=Kind.PARTNER_USER,
        surface=Surface.CONSOLE,
        role=DbRole.PARTNER,
        name="",
        user_id=who["id"],
        partner_id=who["partner_id"],
    )
    async with db.transaction(actor) as connection:
        partners = (
            (await connection.execute(text("SELECT DISTINCT partner_id FROM portal.partner_user"))).scalars().all()
        )
        tenants = await connection.scalar(text("SELECT count(*) FROM tenancy.tenant"))
        shared = await connection.scalar(text("SELECT count(DISTINCT tenant_id) FROM tenancy.posture_snapshot"))
    assert partners == [who["partner_id"]]
    assert tenants == 24
    opened = demo.sql(
        "SELECT count(*) AS n FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id"
        " WHERE p.slug = 'northwind' AND portal.is_live(l.status, l.starts_at, l.ends_at)"
        " AND 'posture' = ANY (l.areas) AND l.operating_model <> 'customer_managed'"
    )[0]["n"]
    assert shared == opened > 0, "customer-managed tenants keep their posture, whatever the query"


@pytest.mark.anyio
@pytest.mark.parametrize(("email", "changed"), [("viewer@acme-fiber.example", 0), ("admin@acme-fiber.example", 1)])
async def test_only_an_approver_changes_a_colleagues_role(world: World, email: str, changed: int) -> None:
    from sqlalchemy import text

    from guildhall.core import db

    tenant = world.tenant("acme-fiber")
    actor = await world.actor(email, "customers")
    whose = (
        "SELECT m.user_id, m.role FROM tenancy.customer_membership AS m JOIN tenancy.customer_user AS u"
        " ON u.id = m.user_id WHERE m.tenant_id = %s AND u.email = %s"
    )
    colleague = {"viewer": "admin", "admin": "viewer"}[email.partition("@")[0]] + "@acme-fiber.example"
    before = world.sql(whose, tenant, colleague)[0]
    other = {"viewer": "approver", "approver": "viewer"}[before["role"]]
    forgotten = "UPDATE tenancy.customer_membership SET role = :role WHERE tenant_id = :tenant AND user_id = :user"
    async with db.transaction(actor) as connection:
        done = await connection.execute(text(forgotten), {"role": other, "tenant": tenant, "user": before["user_id"]})
    assert done.rowcount == changed
    assert world.sql(whose, tenant, colleague)[0]["role"] == (other if changed else before["role"])
