"""Two histories, each with one end, that say the same as the tables in code."""

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from guildhall.core.errors import Conflict
from guildhall.domain.migrations import run
from guildhall.domain.migrations.run import HISTORIES, config, migrate
from support_world import Cluster, World


@pytest.mark.parametrize("schema", HISTORIES)
def test_each_history_has_one_end(schema: str) -> None:
    assert len(ScriptDirectory.from_config(config(schema)).get_heads()) == 1


@pytest.mark.parametrize("schema", HISTORIES)
def test_the_history_makes_the_tables_of_the_code(schema: str, cluster: Cluster, demo_database: str) -> None:
    url = cluster.url(demo_database)
    engine = sa.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url))
    with engine.connect() as connection:
        options = {
            "include_schemas": True,
            "include_name": lambda name, kind, parents: (
                name == schema
                if kind == "schema"
                else kind != "table"
                or (parents["schema_name"] == schema and name not in {"boundary", "alembic_version"})
            ),
        }
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), HISTORIES[schema])
    engine.dispose()
    assert differences == []


@pytest.mark.parametrize("schema", HISTORIES)
def test_a_computed_column_holds_what_the_code_says(schema: str, cluster: Cluster, demo_database: str) -> None:
    computed = [
        (table, column)
        for table in HISTORIES[schema].tables.values()
        for column in table.c
        if column.computed is not None
    ]
    assert computed
    with psycopg.connect(cluster.url(demo_database)) as connection:
        for table, column in computed:
            other = f"{column.name} IS DISTINCT FROM ({column.computed.sqltext})"
            rows = connection.execute(f"SELECT count(*) FROM {table.fullname} WHERE {other}".encode())
            assert rows.fetchone() == (0,), column


def test_migrating_twice_changes_nothing_after_a_step_vacuums_and_another_version_is_refused(
    cluster: Cluster, empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = migrate(empty_database, prefix=cluster.prefix)
    monkeypatch.setattr(run, "_SMALL", -1)
    second = migrate(empty_database, prefix=cluster.prefix)
    assert "boundary: written" in first
    assert "boundary: as it should be" in second
    assert not [line for line in second if line.startswith("vacuumed")]
    engine = sa.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(empty_database))
    with engine.begin() as connection:
        command.downgrade(config("portal", connection), "0018")
    engine.dispose()
    again = migrate(empty_database, prefix=cluster.prefix)
    assert {"vacuumed: portal.partner_tenant_link", "boundary: written"} <= set(again)
    with psycopg.connect(empty_database) as admin:
        admin.execute("UPDATE tenancy.alembic_version SET version_num = '9999'")
    with pytest.raises(Conflict, match="of a version that this one does not know"):
        migrate(empty_database, prefix=cluster.prefix)


def test_days_that_an_older_version_counted_are_counted_anew(cluster: Cluster, empty_database: str) -> None:
    migrate(empty_database, prefix=cluster.prefix)
    with psycopg.connect(empty_database) as admin:
        admin.execute(
            "WITH one AS (INSERT INTO tenancy.tenant (id, name, slug, domain)"
            " VALUES (gen_random_uuid(), 'A', 'a', 'a.example') RETURNING id)"
            " INSERT INTO tenancy.outage (id, tenant_id, started_at, ended_at)"
            " SELECT gen_random_uuid(), id, '2026-03-01 23:00Z', '2026-03-02 01:00:00.5Z' FROM one"
        )
        counted = admin.execute("SELECT * FROM tenancy.uptime_daily ORDER BY day").fetchall()
    engine = sa.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(empty_database))
    with engine.begin() as connection:
        command.downgrade(config("tenancy", connection), "0010")
        older = connection.execute(sa.text("SELECT day, down_seconds FROM tenancy.uptime_daily ORDER BY day")).all()
    engine.dispose()
    assert [seconds for _, seconds in older] == [3600, 3600]
    migrate(empty_database, prefix=cluster.prefix)
    with psycopg.connect(empty_database) as admin:
        assert admin.execute("SELECT * FROM tenancy.uptime_daily ORDER BY day").fetchall() == counted
    assert [row[2:] for row in counted] == [(3600, 1, False, 0, 0), (3600.5, 0, True, 1, 7200.5)]


def test_late_tickets_that_an_older_version_left_out_are_counted_with_the_boundary(
    cluster: Cluster, empty_database: str
) -> None:
    migrate(empty_database, prefix=cluster.prefix)
    with psycopg.connect(empty_database) as admin:
        admin.execute(
            "INSERT INTO tenancy.tenant (id, name, slug, domain)"
            " SELECT gen_random_uuid(), s, s, s || '.example' FROM unnest(ARRAY['a', 'b']) AS s"
        )
        admin.execute(
            "INSERT INTO tenancy.ticket (id, tenant_id, subject, status, priority, category, created_by_kind,"
            " created_by_name, sla_breached_at)"
            " SELECT gen_random_uuid(), id, 'A', s, 'low', 'other', 'platform', '', now() FROM tenancy.tenant,"
            " unnest(ARRAY['open', 'pending', 'closed']) AS s WHERE slug = 'a'"
        )
    assert _late(empty_database) == [2]
    # As an older process leaves them between the column and the boundary that counts it.
    with psycopg.connect(empty_database) as admin:
        admin.execute("ALTER TABLE tenancy.ticket DISABLE TRIGGER USER")
        admin.execute(
            "INSERT INTO tenancy.support_rollup (tenant_id, late) SELECT id, 7 FROM tenancy.tenant WHERE slug = 'b'"
        )
        admin.execute("UPDATE tenancy.ticket SET sla_breached_at = NULL WHERE status = 'open'")
        admin.execute("DELETE FROM portal.boundary")
    assert _late(empty_database) == [2, 7]
    migrate(empty_database, prefix=cluster.prefix)
    assert _late(empty_database) == [1, 0]


def _late(url: str) -> list[int]:
    """Return how many tickets are late by the rollups, by customer."""
    with psycopg.connect(url) as admin:
        return [
            row[0]
            for row in admin.execute(
                "SELECT late FROM tenancy.support_rollup JOIN tenancy.tenant ON tenant.id = tenant_id ORDER BY slug"
            )
        ]


def test_auditors_links_that_stand_or_wait_acknowledge_no_more_and_what_is_over_stays(
    cluster: Cluster, world: World
) -> None:
    engine = sa.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(world.url))
    with engine.begin() as connection:
        command.downgrade(config("portal", connection), "0028")
    engine.dispose()
    act = "partner.alerts.sla.acknowledge"
    world.sql(
        "UPDATE portal.partner_tenant_link SET permissions = permissions || %s WHERE access_role = 'auditor'", [act]
    )
    links = world.sql("SELECT id, version FROM portal.partner_tenant_link WHERE access_role = 'auditor' ORDER BY id")
    granted = links[0]["id"]
    world.sql(
        "UPDATE portal.partner_tenant_link SET custom_permissions = %s WHERE id = %s", f'{{"{act}": true}}', granted
    )
    world.sql("UPDATE portal.partner_tenant_link SET status = 'revoked' WHERE id = %s", links[1]["id"])
    migrate(world.url, prefix=cluster.prefix)
    after = world.sql("SELECT * FROM portal.partner_tenant_link WHERE access_role = 'auditor' ORDER BY id")
    standing = {
        row["id"] for row in after if row["status"] in {"requested", "countered", "scheduled", "active", "paused"}
    }
    assert {row["id"] for row in after if act not in row["permissions"]} == standing - {granted}
    assert granted in standing
    assert links[1]["id"] not in standing
    for before, row in zip(links, after, strict=True):
        assert row["version"] == before["version"] + (row["id"] in standing)


def test_a_job_beside_the_upgrade_waits_with_it_in_no_circle(cluster: Cluster, empty_database: str) -> None:
    migrate(empty_database, prefix=cluster.prefix)
    engine = sa.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(empty_database))

    def upgrade() -> None:
        with engine.begin() as connection:
            command.upgrade(config("portal", connection), "head")

    with engine.begin() as connection:
        command.downgrade(config("portal", connection), "0029")
    with ThreadPoolExecutor(1) as pool, psycopg.connect(empty_database) as job:
        # As portal.keep_sums() does: who comes or goes is looked up under the first lock, and then the second is taken.
        job.execute("SELECT pg_advisory_xact_lock(7238114909)")
        job.execute("SELECT count(*) FROM portal.summed_tenant")
        upgraded = pool.submit(upgrade)
        with psycopg.connect(empty_database, autocommit=True) as watch:
            waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()"
            while not (watch.execute(waiting).fetchone() or upgraded.done()):
                time.sleep(0.01)
        job.execute("SELECT pg_advisory_xact_lock(7238114908)")
        job.commit()
        upgraded.result(timeout=30)
    engine.dispose()


def test_after_a_step_back_everything_can_be_written(cluster: Cluster, empty_database: str) -> None:
    migrate(empty_database, prefix=cluster.prefix)
    engine = sa.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(empty_database))
    with engine.begin() as connection:
        command.downgrade(config("portal", connection), "-1")
    engine.dispose()
    with psycopg.connect(empty_database) as admin:
        admin.execute(
            "WITH one AS (INSERT INTO tenancy.tenant (id, name, slug, domain)"
            " VALUES (gen_random_uuid(), 'A', 'a', 'a.example') RETURNING id), down AS ("
            "INSERT INTO tenancy.outage (id, tenant_id, started_at, ended_at)"
            " SELECT gen_random_uuid(), id, '2026-03-01 23:00Z', '2026-03-02 01:00Z' FROM one)"
            " INSERT INTO tenancy.invoice (id, tenant_id, number, status, currency, amount, issued_on, due_on)"
            " SELECT gen_random_uuid(), id, '1', 'overdue', 'EUR', 7, '2026-01-01', '2026-01-02' FROM one"
        )
        assert admin.execute("SELECT count(*) FROM tenancy.uptime_daily").fetchone() == (2,)
        assert admin.execute("SELECT sum(overdue) FROM tenancy.billing_rollup").fetchone() == (7,)
