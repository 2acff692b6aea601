"""The bench worlds hold what the bars ask for, and differ in size only."""

import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from argon2 import PasswordHasher

from guildhall.domain.migrations.run import migrate
from guildhall.worlds import bench, demo
from support_world import Cluster

pytestmark = pytest.mark.slow
_OF_FIFTY = (
    " JOIN portal.partner_tenant_link AS l ON l.tenant_id = x.tenant_id"
    " JOIN portal.partner AS p ON p.id = l.partner_id WHERE p.slug = 'bench50'"
)
_STRUCTURE = (
    "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace IN ('portal'::regnamespace, 'tenancy'::regnamespace) UNION ALL"
    " SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname IN ('portal', 'tenancy') UNION ALL"
    " SELECT tgrelid::regclass::text, tgname, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal"
)


def made(cluster: Cluster, scale: str) -> Iterator[str]:
    """Yield the address of a database with the bench world `scale`."""
    name = f"gh_bench_{scale}_{os.getpid()}"
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    migrate(cluster.url(name), prefix=cluster.prefix)
    bench.make(cluster.url(name), prefix=cluster.prefix, scale=scale)
    yield cluster.url(name)
    cluster.drop(name)


@pytest.fixture(scope="module")
def small_url(cluster: Cluster) -> Iterator[str]:
    yield from made(cluster, "small")


@pytest.fixture(scope="module")
def wider_url(cluster: Cluster) -> Iterator[str]:
    """A world of the large one's shape: ordinary partners, the one of fifty, and one with many tenants."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(bench.SCALES, "wider", bench.Scale(partners=12, tenants=400, giant=100))
        yield from made(cluster, "wider")


@pytest.fixture
def small(small_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(small_url) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def wider(wider_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(wider_url) as connection:
        yield connection
        connection.rollback()


def counts(world, table):
    """Return how many rows of `table` each tenant of the partner of fifty has."""
    found = world.execute(f"SELECT count(*) FROM tenancy.{table} AS x {_OF_FIFTY} GROUP BY x.tenant_id").fetchall()
    return [count for (count,) in found]


def test_one_partner_has_fifty_live_tenants_with_two_hundred_invoices_and_a_hundred_tickets_each(small):
    live = small.execute(
        "SELECT count(*) FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id"
        " WHERE p.slug = 'bench50' AND portal.is_live(l.status, l.starts_at, l.ends_at)"
    ).fetchall()
    assert live == [(50,)]
    assert counts(small, "invoice") == [200] * 50
    assert counts(small, "ticket") == [100] * 50


def test_the_large_world_is_as_large_as_the_bars_ask():
    large = bench.SCALES["large"]
    assert (large.partners, large.tenants, large.giant) == (1_000, 100_000, 10_000)


def test_the_second_partner_of_a_wider_world_holds_its_many_tenants(wider):
    found = wider.execute(
        "SELECT p.slug, count(*) FROM portal.partner AS p JOIN portal.partner_tenant_link AS l ON l.partner_id = p.id"
        " GROUP BY 1"
    ).fetchall()
    by_slug = dict(found)
    assert (by_slug["bench50"], by_slug["bench10k"], len(by_slug)) == (50, 100, 12)


@pytest.mark.parametrize("table", ["invoice", "ticket", "payment", "usage_daily", "subscriber", "support_rollup"])
def test_the_partner_of_fifty_is_the_same_in_both_worlds(small, wider, table):
    query = f"SELECT to_jsonb(x) - '{{created_at,updated_at,id}}'::text[] FROM tenancy.{table} AS x {_OF_FIFTY}"
    first, second = (sorted(map(str, world.execute(query).fetchall())) for world in (small, wider))
    assert first == second
    assert len(first) >= 50


def test_keys_indexes_and_triggers_are_as_the_migrations_made_them(small, cluster, demo_database):
    with psycopg.connect(cluster.url(demo_database)) as migrated:
        assert sorted(small.execute(_STRUCTURE).fetchall()) == sorted(migrated.execute(_STRUCTURE).fetchall())


def test_the_totals_equal_a_fresh_count(small):
    def kept():
        return [
            small.execute(f"SELECT * FROM tenancy.{name}_rollup ORDER BY 1, 2").fetchall()
            for name in ("billing", "support", "subscriber", "posture")
        ]

    before = kept()
    tenants = [tenant for (tenant,) in small.execute("SELECT id FROM tenancy.tenant").fetchall()]
    for name in ("billing", "support", "subscribers", "posture"):
        small.execute(f"SELECT tenancy.roll_{name}(%s)", [tenants])
    assert kept() == before
    assert [len(table) for table in before] == [90, 90, 90, 90]


def test_invoices_tickets_and_payments_agree_with_themselves(small):
    wrong = small.execute(
        "SELECT 1 FROM tenancy.invoice WHERE (status = 'paid') <> (amount = amount_paid)"
        " OR (status = 'overdue' AND due_on >= current_date) UNION ALL"
        " SELECT 1 FROM tenancy.ticket WHERE (status IN ('resolved', 'closed')) <> (resolved_at IS NOT NULL)"
        " OR sla_breached_at IS DISTINCT FROM"
        " CASE WHEN sla_breach_at < coalesce(resolved_at, now()) THEN sla_breach_at END"
        " UNION ALL SELECT 1 FROM tenancy.payment AS p JOIN tenancy.invoice AS i ON i.id = p.invoice_id"
        " WHERE (p.amount, p.currency) <> (i.amount_paid, i.currency)"
    ).fetchall()
    assert wrong == []


def test_the_principals_sign_in_as_in_the_demo(wider):
    people = wider.execute("SELECT email, password_hash, roles FROM portal.partner_user ORDER BY 1").fetchall()
    assert [email for email, _, _ in people] == ["principal@bench10k.example", "principal@bench50.example"]
    assert PasswordHasher().verify(people[0][1], demo.DEMO_PASSWORD)
    assert all(roles == ["principal"] for _, _, roles in people)
