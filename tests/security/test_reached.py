"""What the views that policies ask say of everybody, and that nobody can make them say more (BOUNDARY §2, §4)."""

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import tuple_row

from guildhall.domain.access.tables import AREA_BITS
from support_world import Cluster, World

pytestmark = pytest.mark.anyio
# Beside what the demo has: a client that knows two customers, a link that is over and one that has not begun, a partner
# that is gone, and somebody who was deactivated.
PLANTED = (
    (
        "WITH c AS (UPDATE portal.api_client SET tenant_scope = 'include' WHERE id = (SELECT c.id"
        " FROM portal.api_client AS c JOIN portal.partner_user AS u ON u.id = c.responsible_id"
        " WHERE u.tenant_scope = 'all' AND c.expires_at > now() AND c.revoked_at IS NULL LIMIT 1)"
        " RETURNING id, partner_id) INSERT INTO portal.api_client_tenant (client_id, tenant_id)"
        " SELECT c.id, l.tenant_id FROM c JOIN portal.partner_tenant_link AS l USING (partner_id)"
        " WHERE portal.is_live(l.status, l.starts_at, l.ends_at) LIMIT 2"
    ),
    (
        "WITH l AS (SELECT l.id, row_number() OVER (ORDER BY l.id) AS place FROM portal.partner_tenant_link AS l"
        " JOIN portal.partner AS p ON p.id = l.partner_id WHERE p.slug = 'northwind' AND l.status = 'active'"
        " AND l.access_role NOT IN ('msp_full', 'reseller_full')) UPDATE portal.partner_tenant_link AS x"
        " SET ends_at = CASE WHEN place = 1 THEN now() - interval '1 hour' END,"
        " starts_at = CASE WHEN place = 1 THEN x.starts_at ELSE now() + interval '1 day' END"
        " FROM l WHERE l.id = x.id AND place <= 2"
    ),
    "UPDATE portal.partner SET status = 'terminated' WHERE slug = 'cascadia'",
    "UPDATE portal.partner_user SET status = 'deactivated' WHERE email = 'finance@northwind.example'",
)
REACHED = (
    "SELECT l.tenant_id FROM portal.partner_tenant_link AS l, portal.partner_user AS u"
    " LEFT JOIN portal.api_client AS c ON c.id = %(id)s JOIN portal.partner AS p ON p.id = u.partner_id"
    " WHERE u.id = coalesce(c.responsible_id, %(id)s) AND l.partner_id = u.partner_id AND u.status = 'active'"
    " AND p.status <> 'terminated' AND (c.id IS NULL OR (p.status = 'active' AND c.revoked_at IS NULL"
    " AND c.expires_at > now() AND (%(area)s = 'any' OR %(area)s = ANY (c.areas))))"
    " AND l.status = 'active' AND l.starts_at <= now() AND (l.ends_at IS NULL OR l.ends_at > now())"
    " AND (%(area)s = 'any' OR (%(area)s = ANY (l.areas)"
    " AND (%(area)s <> 'posture' OR l.operating_model <> 'customer_managed')))"
    " AND portal.within_limits(u.id, u.tenant_scope, l.tenant_id)"
    " AND portal.client_within(c.id, c.tenant_scope, l.tenant_id)"
)


async def test_views_and_function_say_alike_what_everybody_reaches(world: World, cluster: Cluster) -> None:
    """Every person and client of every partner, each area, against each link looked at by itself."""
    for planted in PLANTED:
        world.sql(planted)
    people = world.sql(
        "SELECT u.id, partner_id, p.status, tenant_scope <> 'all' AS limited, false AS client,"
        " u.status <> 'active' AS out FROM portal.partner_user AS u JOIN portal.partner AS p ON p.id = partner_id"
        " UNION ALL"
        " SELECT c.id, partner_id, p.status, tenant_scope <> 'all', true, revoked_at IS NOT NULL OR expires_at <= now()"
        " FROM portal.api_client AS c JOIN portal.partner AS p ON p.id = partner_id"
    )
    met = set()
    url = cluster.login_url("login_partners", world.database)
    with (
        psycopg.connect(url, row_factory=tuple_row, autocommit=True) as connection,
        psycopg.connect(world.url, row_factory=tuple_row, autocommit=True) as administrator,
    ):
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(cluster.prefix + "partner")))
        for one in people:
            connection.execute(
                "SELECT set_config('app.user_id', %s, false), set_config('app.partner_id', %s, false)",
                [str(one["id"]), str(one["partner_id"])],
            )
            for area in AREA_BITS:
                right = administrator.execute(REACHED, {"id": one["id"], "area": area}).fetchall()
                view = connection.execute(f"SELECT tenant_id FROM portal.reached_{area}".encode()).fetchall()
                function = connection.execute("SELECT portal.reach(%s)", [area]).fetchall()
                assert sorted(view) == sorted(function) == sorted(right), (one, area)
                met.add((one["status"] == "terminated", one["limited"], one["client"], one["out"], bool(right)))
    gone = {(True, False, False, False, False), (False, False, False, True, False), (False, False, True, True, False)}
    assert met >= gone | {
        (False, limited, client, False, True) for limited in (False, True) for client in (False, True)
    }


async def test_a_forged_now_opens_no_link_that_is_over(world: World, cluster: Cluster) -> None:
    """Not even where everybody may make functions in a schema, as in databases that began before PostgreSQL 15."""
    for planted in (*PLANTED, "GRANT CREATE ON SCHEMA public TO public"):
        world.sql(planted)
    who = world.sql("SELECT id, partner_id FROM portal.partner_user WHERE email = 'principal@northwind.example'")[0]
    with psycopg.connect(cluster.login_url("login_partners", world.database), row_factory=tuple_row) as connection:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(cluster.prefix + "partner")))
        connection.execute(
            "SELECT set_config('app.user_id', %s, false), set_config('app.partner_id', %s, false)",
            [str(who["id"]), str(who["partner_id"])],
        )
        before = connection.execute("SELECT id FROM tenancy.tenant ORDER BY 1").fetchall()
        connection.execute(
            "CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE sql STABLE"
            " AS $$ SELECT pg_catalog.now() - interval '2 days' $$"
        )
        connection.execute("SET search_path = public, pg_catalog")
        assert connection.execute("SELECT now() < pg_catalog.now()").fetchone() == (True,)
        assert connection.execute("SELECT id FROM tenancy.tenant ORDER BY 1").fetchall() == before
