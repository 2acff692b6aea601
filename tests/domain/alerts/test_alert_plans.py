"""A list of alerts is walked by one plan for everybody, however few alerts the planner expects (decision 0036)."""

import pytest

from guildhall.core import db
from guildhall.domain.alerts.alert_sql import Shape, Shown, statement
from guildhall.domain.alerts.kinds import FAMILIES
from support_actors import partner_person
from support_world import World

pytestmark = pytest.mark.anyio
# Many more alerts of one partner than the planner takes any partner to have.
_MANY = """
INSERT INTO portal.alert (id, partner_id, tenant_id, link_id, kind, cause, severity, values)
SELECT gen_random_uuid(), a.partner_id, a.tenant_id, a.link_id, a.kind, 'more:' || n, a.severity, a.values
FROM (SELECT * FROM portal.alert WHERE partner_id = %s LIMIT 1) AS a, generate_series(1, 30000) AS n
"""


async def _plan(world: World, shown: tuple[Shown, ...], offset: int) -> str:
    """Return how one page is found."""
    actor = partner_person(world, "principal@northwind.example")
    made = statement(
        Shape(
            families=tuple(FAMILIES),
            filters=(),
            states=shown,
            limit=50,
            offset=offset,
            resumed=False,
            counted_to=10_000,
        )
    )
    assert made.names == ("partner_id",) * len(made.names)
    async with db.transaction(actor, planned_once=True) as connection:
        raw = await db._driver(connection)  # only a statement prepared by hand tells its general plan
        await raw.execute(f"PREPARE page AS {made.sql}")
        values = ", ".join(f"'{actor.partner_id}'" for _ in made.names)
        found = await raw.fetch(f"EXPLAIN EXECUTE page ({values})")
        await raw.execute("DEALLOCATE page")
    return "\n".join(row[0] for row in found)


async def test_no_page_reads_all_open_alerts_to_sort_them(world: World) -> None:
    world.sql(_MANY, partner_person(world, "principal@northwind.example").partner_id)
    world.sql("ALTER TABLE portal.alert ALTER partner_id SET (n_distinct = 200)")
    world.sql("ANALYZE portal.alert")
    for offset in (0, 50, 500):
        plan = await _plan(world, ("active",), offset)
        assert "Backward using ix_alert_rank" in plan
        assert "uq_alert_open" not in plan
    # Begun with the partner, the same index draws the planner in: what is shown above is no matter of course.
    world.sql("DROP INDEX portal.uq_alert_open")
    world.sql("CREATE UNIQUE INDEX uq_alert_open ON portal.alert (partner_id, cause) WHERE status <> 'resolved'")
    assert "using uq_alert_open" in await _plan(world, ("active",), 50)
