"""The figures of each tenant in the summary of billing are answered by an index alone (decision 0037)."""

from datetime import date

import psycopg
import pytest

from guildhall.core import db
from guildhall.domain.billing.invoices import Filter, filter_values, filters_of
from guildhall.domain.billing.summary import SUMMARY
from guildhall.domain.billing.summary_sql import Shape, statement
from support_actors import partner_person
from support_world import World

pytestmark = pytest.mark.anyio
DAY = date(2026, 11, 2)
INDEX = "ix_invoice_tenant_id_issued_on"
ALONE = f"Index Only Scan using {INDEX} on invoice i "
# As they come in an installation: a month's of every tenant, then the next month's.
_MANY = """
INSERT INTO tenancy.invoice (id, tenant_id, number, status, currency, amount, issued_on, due_on)
SELECT gen_random_uuid(), t.id, 'more-' || n, 'paid', 'USD', n, '2026-01-01', '2026-02-01'
FROM tenancy.tenant AS t, generate_series(1, 400) AS n ORDER BY n
"""


async def _plan(world: World) -> str:
    """Return how the summary of a year is found."""
    _settled(world)
    actor, wanted = partner_person(world, "principal@northwind.example"), Filter(from_date=date(2026, 1, 1))
    made = statement(Shape(named=False, filters=filters_of(wanted)))
    values = filter_values(actor, wanted, permission=SUMMARY)
    values |= {"today": DAY, "currency": None, "limit": 50, "offset": 0}
    async with db.transaction(actor) as connection:
        raw = await db._driver(connection)
        found = await raw.fetch(f"EXPLAIN {made.sql}", *made.ordered(values))
    return "\n".join(row[0] for row in found)


def _settled(world: World) -> None:
    """Let PostgreSQL know which pages everybody may see, as it does by itself in an installation."""
    with psycopg.connect(world.url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE) tenancy.invoice")


async def test_each_tenants_figures_come_from_the_index_alone(world: World) -> None:
    world.sql(_MANY)
    # As if there were many more tenants, so that those of one partner are few.
    world.sql("ALTER TABLE tenancy.invoice ALTER tenant_id SET (n_distinct = 10000)")
    assert ALONE in await _plan(world)
    # Without what is summed beside its key it does not serve so: what is shown above is no matter of course.
    world.sql(f"DROP INDEX tenancy.{INDEX}")
    world.sql(f"CREATE INDEX {INDEX} ON tenancy.invoice (tenant_id, issued_on DESC, id DESC)")
    assert ALONE not in await _plan(world)
