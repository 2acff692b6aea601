"""Seeding repeats exactly, leaves the boundary as it was, and knows real people from its own."""

import hashlib
from datetime import date
from typing import Any

import psycopg
import pytest

from guildhall.domain.audit.trail import VENDOR
from guildhall.domain.migrations.run import migrate
from guildhall.worlds import demo
from support_world import Cluster

DAY = date(2026, 5, 4)
Story = psycopg.Connection[Any]
# What differs between two worlds of one day: salts, nonces, secrets nobody is told, and the database's clock.
_BY_NATURE = {
    "token_hash",
    "secret_hash",
    "password_hash",
    "totp_secret",
    "sealed",
    "at",
    "hash",
    "previous_hash",
    "body",
    "actor_salt",
    "applied_at",
}


def contents(url: str) -> dict[str, tuple[int, str]]:
    """Return count and digest of every table's rows, without what differs by nature."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('portal', 'tenancy')"
        ).fetchall()
        return {table: _digest(connection, table) for (table,) in tables}


def _digest(connection: Story, table: str) -> tuple[int, str]:
    ((count, digest),) = connection.execute(
        f"SELECT count(*), coalesce(md5(string_agg(kept, '' ORDER BY kept)), '')"
        f' FROM (SELECT (to_jsonb(x) - %s::text[])::text COLLATE "C" AS kept FROM {table} AS x) AS y',
        [list(_BY_NATURE)],
    ).fetchall()
    return count, digest


def fresh(cluster: Cluster, address: str) -> dict[str, tuple[int, str]]:
    """Migrate an empty database, seed the demo of DAY, and return its contents."""
    migrate(address, prefix=cluster.prefix)
    demo.seed(address, prefix=cluster.prefix, today=DAY)
    return contents(address)


@pytest.mark.slow
def test_the_same_day_gives_the_same_world(cluster, empty_database):
    first = fresh(cluster, empty_database)
    with psycopg.connect(empty_database) as connection:
        connection.execute("DROP SCHEMA portal, tenancy, jobs CASCADE")
    again = fresh(cluster, empty_database)
    for table, kept in first.items():
        assert kept == again[table], table
    assert sum(count for count, _ in first.values()) > 100_000


def test_seeding_leaves_row_level_security_in_force(story):
    free = story.execute(
        "SELECT relname FROM pg_class WHERE relnamespace IN ('portal'::regnamespace, 'tenancy'::regnamespace)"
        " AND relkind = 'r' AND NOT (relrowsecurity AND relforcerowsecurity)"
        " AND relname NOT IN ('boundary', 'alembic_version')"
    ).fetchall()
    assert free == []


def test_a_second_seeding_is_refused_and_changes_nothing(cluster, demo_database):
    before = contents(cluster.url(demo_database))
    with pytest.raises(psycopg.errors.UniqueViolation):
        demo.seed(cluster.url(demo_database), prefix=cluster.prefix, today=DAY)
    assert contents(cluster.url(demo_database)) == before


def test_the_world_knows_that_it_is_there(story):
    assert demo.is_seeded(story)


def test_a_migrated_database_is_not_taken_for_the_demo(cluster, empty_database):
    migrate(empty_database, prefix=cluster.prefix)
    with psycopg.connect(empty_database) as connection:
        assert not demo.is_seeded(connection)
        assert not demo.people_elsewhere(connection)


@pytest.mark.parametrize("table", ["portal.partner_user", "portal.staff_user", "tenancy.customer_user"])
@pytest.mark.parametrize("address", ["ana@real.test", "ana@example.org", "ana@notexample"])
def test_people_outside_the_demo_are_noticed(story, table, address):
    assert not demo.people_elsewhere(story)
    story.execute(f"UPDATE {table} SET email = %s WHERE id = (SELECT id FROM {table} LIMIT 1)", [address])
    assert demo.people_elsewhere(story)


def test_who_may_not_read_people_cannot_ask_whether_there_are_any(story, cluster):
    story.execute(f"SET LOCAL ROLE {cluster.prefix}partner")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        demo.people_elsewhere(story)


def test_every_chain_of_the_trail_holds(story):
    entries = story.execute(
        "SELECT kind, chain_id, sequence, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), body,"
        " previous_hash, hash FROM portal.audit_entry ORDER BY kind, chain_id, sequence"
    ).fetchall()
    heads = {}
    for kind, chain, sequence, at, body, previous, kept in entries:
        place, before = heads.get((kind, chain), (0, bytes(32)))
        sealed = (
            f'{{"at":"{at}","chain":"{kind}:{chain}","entry":{body},'
            f'"previous":"{previous.hex()}","sequence":{sequence}}}'
        )
        assert (sequence, previous) == (place + 1, before)
        assert hashlib.sha256(sealed.encode()).digest() == kept
        heads[kind, chain] = sequence, kept
    kept_heads = story.execute("SELECT kind, chain_id, sequence, hash FROM portal.audit_head").fetchall()
    assert {(kind, chain): (sequence, kept) for kind, chain, sequence, kept in kept_heads} == heads
    assert len(entries) > 100
    assert ("vendor", VENDOR) in heads


def test_the_tenants_copy_of_an_act_has_no_address_of_the_partner(story):
    bodies = story.execute(
        "SELECT body::jsonb ? 'ip', count(*) FROM portal.audit_entry"
        " WHERE kind = 'tenant' AND actor_kind = 'partner_user' GROUP BY 1"
    ).fetchall()
    assert [has_address for has_address, _ in bodies] == [False]


def test_under_the_partners_role_a_person_sees_the_tenants_that_the_links_open(story, cluster):
    ((person, partner),) = story.execute(
        "SELECT id, partner_id FROM portal.partner_user WHERE email = 'msp_full@northwind.example'"
    ).fetchall()
    story.execute(f"SET LOCAL ROLE {cluster.prefix}partner")
    story.execute(
        "SELECT set_config('app.user_id', %s, true), set_config('app.partner_id', %s, true)",
        [str(person), str(partner)],
    )
    seen = [
        story.execute(f"SELECT count(DISTINCT {column}) FROM tenancy.{table}").fetchall()[0][0]
        for table, column in (("tenant", "id"), ("posture_snapshot", "tenant_id"))
    ]
    # Of the 18 links that are not customer-managed, a billing link and a delegate do not open posture.
    assert seen == [24, 16]
