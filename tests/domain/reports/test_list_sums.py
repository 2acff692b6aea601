"""Lists of tickets, invoices and alerts of many customers: what they say with sums and rosters is what rows say."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest

from guildhall.core import db
from guildhall.core.actor import Actor, system
from guildhall.domain.alerts import reading
from guildhall.domain.billing import invoices
from guildhall.domain.reports import dashboard, portfolio, sums
from guildhall.domain.support import board, columns
from support_actors import domain_world, partner_person
from support_sums import ISLA, recounted, summed
from support_world import Cluster

pytestmark = pytest.mark.anyio
NOW = datetime.now(UTC)
TODAY = NOW.date()
TAKEN = (
    "UPDATE portal.partner_tenant_link SET permissions = array_remove(permissions, %s)"
    " WHERE tenant_id = %s AND partner_id = %s AND status = 'active'"
)


async def lists(actor: Actor) -> dict[str, Any]:
    """Return all that may be told from sums and rosters, as somebody reads it."""
    async with db.transaction(actor) as connection:
        tickets = await board.listed(connection, actor, board.Filter(), now=NOW)
        closed = await board.listed(connection, actor, board.Filter(status=("closed",)), now=NOW)
        stood = await columns.columns(connection, actor, board.Filter(), now=NOW)
        billed = await invoices.listed(connection, actor, invoices.Filter(), today=TODAY, covered=True)
        alerts = await reading.listed(connection, actor, reading.Filter())
        paged = await reading.listed(connection, actor, reading.Filter(limit=2, offset=1))
        today = await dashboard.today(connection, actor, now=NOW)
        served = await portfolio.listed(connection, actor, portfolio.Filter(limit=3))
        narrowed = await portfolio.listed(connection, actor, portfolio.Filter(operating_model=("co_managed",)))
    return {
        "customers": (served.total, served.items, narrowed.total, narrowed.items),
        "tickets": (tickets.total, tickets.aggregates, tickets.items),
        "closed": (closed.total, closed.aggregates, closed.items),
        "board": stood,
        "invoices": (billed.sums, billed.items, billed.coverage),
        "alerts": (alerts.total, alerts.counts, alerts.items, paged.counts, paged.items),
        "dashboard": today,
    }


def waiting(told: dict[str, Any], kind: str) -> int:
    """Return how many of a kind wait on the dashboard."""
    return sum(need.count for need in told["dashboard"].needs if need.kind == kind)


@pytest.fixture(params=[200, 1])
def _wide(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let lists take the way of few customers, then the way of many."""
    statements = (board.statement, columns.statement, invoices.page)
    for module in ("support.board_sql", "billing.invoice_sql"):
        monkeypatch.setattr(f"guildhall.domain.{module}.WIDE", request.param)
    for statement in statements:
        statement.cache_clear()
    yield
    for statement in statements:
        statement.cache_clear()


@pytest.mark.usefixtures("_wide")
async def test_lists_say_the_same_with_sums_and_without(cluster: Cluster) -> None:
    async with domain_world(cluster) as world:
        emails = ("principal@northwind.example", ISLA, "principal@cascadia.example")
        readers = [partner_person(world, email) for email in emails]
        # Clocks that ran out unrecorded, that will soon, and that began long ago: of these no sum tells.
        world.sql(
            "UPDATE tenancy.ticket SET status = 'pending', sla_breached_at = NULL,"
            " created_at = now() - interval '1 day',"
            " sla_breach_at = now() + make_interval(mins => (mod(number, 9) * 15 - 45)::integer)"
            " WHERE mod(number, 2) = 0"
        )
        before = [await lists(reader) for reader in readers]
        assert await sums.keep(system("reports"), many=2) > 0
        assert recounted(world)
        for reader, told in zip(readers, before, strict=True):
            assert await lists(reader) == told
        # What is wrong in a sum is seen by whom it serves, and by nobody else: a limited colleague counts rows.
        world.sql(
            "UPDATE portal.ticket_sum SET open = open + 5, breached = breached + 1, urgent = urgent + 3,"
            " late = late + 2"
        )
        world.sql("UPDATE portal.revenue_sum SET received = received + 1 WHERE listed > 0")
        world.sql("UPDATE portal.balance_sum SET outstanding = outstanding + 1, late_payers = late_payers + 4")
        whole, limited = await lists(readers[0]), await lists(readers[1])
        assert limited == before[1]
        assert whole["tickets"][0] == before[0]["tickets"][0] + 5
        assert whole["tickets"][1].sla_breach == before[0]["tickets"][1].sla_breach + 1
        assert whole["board"] != before[0]["board"]
        assert whole["closed"][0] == before[0]["closed"][0]
        assert whole["invoices"][0] != before[0]["invoices"][0]
        assert whole["invoices"][1:] == before[0]["invoices"][1:]
        assert whole["dashboard"].outstanding != before[0]["dashboard"].outstanding
        for kind, more in (("tickets_breached", 2), ("balance_overdue", 4 * len(before[0]["dashboard"].outstanding))):
            assert waiting(whole, kind) == waiting(before[0], kind) + more
        for key in ("tickets", "closed"):
            assert whole[key][2] == before[0][key][2]
        world.sql("UPDATE portal.roster SET tenants = tenants + 6")
        whole, limited = await lists(readers[0]), await lists(readers[1])
        assert limited == before[1]
        assert whole["customers"] == (before[0]["customers"][0] + 6, *before[0]["customers"][1:])


SLA = {"sla.ticket", "sla.uptime", "usage.capacity"}


@pytest.mark.parametrize(
    ("permission", "key", "place", "kinds"),
    [
        ("partner.support.tickets.list", "tickets", 2, None),
        ("partner.billing.invoices.read", "invoices", 1, None),
        ("partner.alerts.sla.read", "alerts", 2, SLA),
        ("partner.alerts.billing.read", "alerts", 2, {"billing.threshold"}),
    ],
)
async def test_what_a_link_does_not_open_is_in_no_list_at_once_and_after_the_job(
    cluster: Cluster, permission: str, key: str, place: int, kinds: set[str] | None
) -> None:
    def found(told: dict[str, Any]) -> list[UUID]:
        return [item.tenant_id for item in told[key][place] if kinds is None or item.kind in kinds]

    async with domain_world(cluster) as world:
        actor = partner_person(world)
        world.sql("ALTER TABLE portal.partner_tenant_link DISABLE TRIGGER link_guard")
        assert await sums.keep(system("reports"), many=2) > 0
        full = await lists(actor)
        tenant = found(full)[0]
        world.sql(TAKEN, permission, tenant, actor.partner_id)
        told = await lists(actor)
        assert tenant not in found(told)
        assert told[key][:2] != full[key][:2], "nor in what is said of all"
        await sums.keep(system("reports"), many=2)
        assert recounted(world)
        assert await lists(actor) == told
        # And where sums serve nobody, rows say the same.
        await sums.keep(system("reports"), many=1000)
        assert await lists(actor) == told


_CHF = "(SELECT id FROM tenancy.invoice WHERE tenant_id = %s ORDER BY issued_on, id LIMIT 3)"
_PAID = "UPDATE tenancy.invoice SET status = 'paid', amount_paid = amount WHERE tenant_id = %s"
_OVERDUE = "UPDATE tenancy.invoice SET status = 'overdue', amount_paid = 0 WHERE tenant_id = %s"


async def test_who_is_late_in_many_currencies_is_one_late_payer(cluster: Cluster) -> None:
    async with summed(cluster) as world:
        actor, tenant = partner_person(world), world.tenant("acme-fiber")
        late = "SELECT count(*) AS n FROM tenancy.billing_rollup WHERE tenant_id = %s AND overdue <> 0"
        for change, currencies in (
            (_PAID, 0),
            (_OVERDUE, 1),
            (f"UPDATE tenancy.invoice SET currency = 'CHF' WHERE id IN {_CHF}", 2),
            (f"{_PAID} AND currency = 'CHF'", 1),
            (_OVERDUE, 2),
            (f"{_PAID} AND currency <> 'CHF'", 1),
            (f"UPDATE tenancy.invoice SET currency = 'AUD' WHERE id = {_CHF.replace('3', '1')}", 2),
            ("DELETE FROM tenancy.payment WHERE tenant_id = %s", 2),
            ("DELETE FROM tenancy.invoice_line WHERE tenant_id = %s", 2),
            ("DELETE FROM tenancy.invoice WHERE tenant_id = %s AND currency = 'CHF'", 1),
            ("DELETE FROM tenancy.invoice WHERE tenant_id = %s", 0),
        ):
            world.sql(change, tenant)
            assert world.sql(late, tenant) == [{"n": currencies}], change
            assert recounted(world), change
            told = (await lists(actor))["dashboard"]
            world.sql("UPDATE portal.roster SET since = since + interval '1 day'")
            assert (await lists(actor))["dashboard"] == told, change
            world.sql("UPDATE portal.roster SET since = since - interval '1 day'")
        # Two of its invoices that come at once: neither may count without the other.
        world.sql("DELETE FROM tenancy.billing_rollup WHERE tenant_id = %s", tenant)
        came = (
            b"INSERT INTO tenancy.invoice (id, tenant_id, number, status, currency, amount, issued_on, due_on)"
            b" VALUES (gen_random_uuid(), %s, %s, 'overdue', %s, 7, '2026-01-01', '2026-01-02')"
        )
        with psycopg.connect(world.url) as first, psycopg.connect(world.url) as second:
            first.execute(came, [tenant, "1", "CHF"])
            second.execute("SET LOCAL lock_timeout = '50ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                second.execute(came, [tenant, "2", "AUD"])
            second.rollback()
            first.commit()
            second.execute(came, [tenant, "2", "AUD"])
        assert world.sql(late, tenant) == [{"n": 2}]
        assert recounted(world)


TICKET = "UPDATE tenancy.ticket SET priority = CASE priority WHEN 'low' THEN 'high' ELSE 'low' END WHERE tenant_id = %s"


async def test_people_who_write_tickets_of_one_partner_wait_for_nobody(cluster: Cluster) -> None:
    async with summed(cluster) as world:
        one, other = (
            row["tenant_id"]
            for row in world.sql(
                "SELECT DISTINCT m.tenant_id FROM portal.summed_tenant AS m JOIN tenancy.ticket AS t USING (tenant_id)"
                " WHERE m.report = 'tickets' AND t.status IN ('open', 'pending') AND m.partner_id = %s LIMIT 2",
                partner_person(world).partner_id,
            )
        )
        with psycopg.connect(world.url) as first, psycopg.connect(world.url) as second:
            for connection in (first, second):
                connection.execute("SET lock_timeout = '50ms'")
            first.execute(TICKET.encode(), [one])
            second.execute(TICKET.encode(), [other])
            # The job folds what it sees, and the change of who is not done yet comes on top.
            assert await sums.keep(system("reports"), many=2) == 0
            second.commit()
            assert await sums.keep(system("reports"), many=2) == 0
            first.commit()
        assert recounted(world)
        rows = "SELECT count(*) AS n FROM portal.ticket_sum GROUP BY partner_id"
        assert max(row["n"] for row in world.sql(rows)) > 1
        assert await sums.keep(system("reports"), many=2) == 0
        assert {row["n"] for row in world.sql(rows)} == {1}
        assert recounted(world)


async def test_a_change_that_no_sum_tells_of_adds_nothing(cluster: Cluster) -> None:
    async with summed(cluster) as world:
        before = world.sql("SELECT * FROM portal.ticket_sum ORDER BY partner_id")
        world.sql("UPDATE tenancy.ticket SET subject = subject || '!'")
        world.sql("UPDATE tenancy.support_rollup SET last_number = last_number + 1")
        assert world.sql("SELECT * FROM portal.ticket_sum ORDER BY partner_id") == before
        # A rollup that goes takes with it what it told.
        gone = world.sql(
            "DELETE FROM tenancy.support_rollup WHERE tenant_id = %s RETURNING *", world.tenant("acme-fiber")
        )
        after = world.sql("SELECT sum(open) AS open, sum(done_seconds) AS done_seconds FROM portal.ticket_sum")[0]
        assert gone[0]["done_seconds"] > 0
        holders = len(
            world.sql(
                "SELECT 1 FROM portal.summed_tenant WHERE report = 'tickets' AND tenant_id = %s", gone[0]["tenant_id"]
            )
        )
        assert holders > 0
        for name in ("open", "done_seconds"):
            assert after[name] == sum(row[name] for row in before) - holders * gone[0][name]


async def test_a_ticket_that_comes_while_its_customer_comes_into_the_sums_counts_once(cluster: Cluster) -> None:
    async with domain_world(cluster) as world:
        tenant = world.tenant("acme-fiber")
        with psycopg.connect(world.url) as first, psycopg.connect(world.url) as second:
            for begun, waiting in ((TICKET, "SELECT portal.keep_sums(2)"), ("SELECT portal.keep_sums(2)", TICKET)):
                first.execute(begun.encode(), [tenant] if begun == TICKET else [])
                second.execute("SET LOCAL lock_timeout = '50ms'")
                with pytest.raises(psycopg.errors.LockNotAvailable):
                    second.execute(waiting.encode(), [tenant] if waiting == TICKET else [])
                second.rollback()
                first.commit()
                second.execute(waiting.encode(), [tenant] if waiting == TICKET else [])
                second.commit()
                assert recounted(world), begun
                world.sql("SELECT portal.keep_sums(1000)")
                assert not world.sql("SELECT 1 FROM portal.ticket_sum WHERE open <> 0 OR done <> 0")
