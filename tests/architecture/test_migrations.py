"""Two histories, each with one end, that say the same as the tables in code."""

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from guildhall.domain.migrations.run import HISTORIES, config, migrate
from support_world import Cluster


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


def test_migrating_twice_changes_nothing(cluster: Cluster, empty_database: str) -> None:
    first = migrate(empty_database, prefix=cluster.prefix)
    second = migrate(empty_database, prefix=cluster.prefix)
    assert "boundary: written" in first
    assert "boundary: as it should be" in second
