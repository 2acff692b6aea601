"""What is asked for at the same time as something else: nobody waits in a ring, and no rule is slipped past."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from guildhall.core import clock
from guildhall.core.errors import Conflict
from guildhall.domain.access import asking, asking_many, consent, importing_links, oversight
from guildhall.domain.access.asking_many import Wish
from guildhall.domain.access.importing_links import Relationship
from guildhall.domain.access.terms import Terms
from guildhall.domain.provisioning import home
from support_trail import walked
from support_world import World

pytestmark = pytest.mark.anyio
_NEVER_LINKED = """
    SELECT t.id, t.slug, t.domain FROM tenancy.tenant AS t
    WHERE NOT EXISTS (SELECT 1 FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id
                      WHERE l.tenant_id = t.id AND p.slug IN ('northwind', 'alderfinch'))
      AND NOT EXISTS (SELECT 1 FROM portal.partner AS p WHERE p.home_tenant_id = t.id)
    ORDER BY t.id
"""
_WAITING = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
_LINKS = (
    "SELECT p.slug FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id"
    " WHERE l.tenant_id = %s AND p.slug IN ('northwind', 'alderfinch') ORDER BY 1"
)


def _terms() -> Terms:
    ends = clock.now() + timedelta(days=200)
    return Terms(access_role="msp_support", operating_model="co_managed", ends_at=ends, reason="Agreed in writing")


async def _code(world: World, slug: str) -> str:
    return await consent.make_code(await world.actor(f"admin@{slug}.example", "customers"), now=clock.now())


async def test_two_sheets_with_the_same_codes_in_other_orders_both_ask(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenants = world.sql(_NEVER_LINKED)[:2]
    codes = [await _code(world, tenant["slug"]) for tenant in tenants]
    noted, both = set[Any](), asyncio.Event()

    async def note(connection: Any, actor: Any, made: Any) -> None:
        """Note as ever; after the first entry of a sheet, give the other one the time to write its own first."""
        await asking.note(connection, actor, made)
        if actor.partner_id not in noted:
            noted.add(actor.partner_id)
            if len(noted) == len(tenants):
                both.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(both.wait(), 0.3)

    monkeypatch.setattr(asking_many, "note", note)
    sheets = [[Wish(terms=_terms(), code=code) for code in codes[::way]] for way in (1, -1)]
    partners = [await world.actor(f"principal@{slug}.example") for slug in ("northwind", "alderfinch")]
    async with asyncio.timeout(30):
        found = await asyncio.gather(
            *(
                asking_many.ask_many(actor, wishes=wishes, now=clock.now())
                for actor, wishes in zip(partners, sheets, strict=True)
            )
        )
    assert found == [[None, None], [None, None]]
    for tenant in tenants:
        assert world.sql(_LINKS, tenant["id"]) == [{"slug": "alderfinch"}, {"slug": "northwind"}]
    assert walked(world).broken == []


async def test_no_link_is_made_to_a_tenant_that_becomes_the_partners_home_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (partner,) = world.sql("SELECT id, slug FROM portal.partner WHERE slug = 'northwind'")
    tenants, terms = world.sql(_NEVER_LINKED)[:3], _terms()
    lead = await world.actor("lead@halcyon.example", "staff")
    principal = await world.actor("principal@northwind.example")
    code = await _code(world, tenants[0]["slug"])

    async def imported() -> None:
        rows = [Relationship(partner=partner["slug"], domain=tenants[2]["domain"], terms=terms)]
        (done,) = await importing_links.import_links(lead, rows=rows, dry_run=False, now=clock.now())
        if done.refusal:
            raise done.refusal

    asked: tuple[Callable[[], Awaitable[object]], ...] = (
        lambda: asking.request_by_code(principal, code=code, terms=terms, now=clock.now()),
        lambda: oversight.create_beta(
            lead, partner_id=partner["id"], tenant_id=tenants[1]["id"], terms=terms, now=clock.now()
        ),
        imported,
    )
    hold = home.hold
    for tenant, ask in zip(tenants, asked, strict=True):
        begun: list[asyncio.Future[object]] = []

        async def once_it_waits(*args: Any, ask: Any = ask, begun: Any = begun, **values: Any) -> None:
            """Let the other one ask now that the tenant may be the home, until it waits for this transaction."""
            begun.append(asyncio.ensure_future(ask()))
            async with asyncio.timeout(30):
                while not world.sql(_WAITING):  # noqa: ASYNC110 - the database's own state, which tells nobody
                    await asyncio.sleep(0.01)
            await hold(*args, **values)

        monkeypatch.setattr(home, "hold", once_it_waits)
        await home.settle(lead, partner_id=partner["id"], domain=tenant["domain"], now=clock.now())
        with pytest.raises(Conflict):
            await begun[0]
        assert world.sql(_LINKS, tenant["id"]) == []
