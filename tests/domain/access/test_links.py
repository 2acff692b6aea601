"""Links from both sides: asked, approved, countered, changed, paused, revoked (PRODUCT §5)."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from guildhall.core import clock, db
from guildhall.core.actor import Actor, system
from guildhall.core.errors import Conflict, Forbidden, Invalid, NotFound, StepUpRequired
from guildhall.domain.access import asking, consent, links, pausing, upkeep
from guildhall.domain.access.terms import Terms
from support_world import World

pytestmark = pytest.mark.anyio
PRINCIPAL = "principal@northwind.example"


def terms(**changes: object) -> Terms:
    """Return terms that a partner may ask for."""
    asked = Terms(access_role="msp_support", operating_model="co_managed", ends_at=clock.now() + timedelta(days=200))
    return msgspec.structs.replace(asked, **changes)


async def requested(world: World, **changes: object) -> tuple[Actor, Actor, links.Link]:
    """Return a partner, a tenant's approver, and a fresh request between them."""
    partner, tenant = await world.actor(PRINCIPAL), world.unlinked("northwind")
    slug = world.sql("SELECT slug FROM tenancy.tenant WHERE id = %s", tenant)[0]["slug"]
    approver = await world.actor(f"admin@{slug}.example", "customers")
    code = await consent.make_code(approver, now=clock.now())
    asked = await asking.request_by_code(partner, code=code, terms=terms(**changes), now=clock.now())
    return partner, approver, asked


async def state(actor: Actor, link: links.Link) -> links.Link:
    """Return the link as it stands."""
    async with db.transaction(actor) as connection:
        return await links.get(connection, actor, link.id)


async def test_the_tenant_approves_exactly_what_was_asked(world: World) -> None:
    partner, approver, asked = await requested(world)
    assert asked.status == "requested"
    assert await consent.approve(approver, link_id=asked.id, now=clock.now()) == "active"
    live = await state(partner, asked)
    assert (live.status, live.permissions, live.operating_model) == ("active", asked.permissions, "co_managed")
    with pytest.raises(Conflict):
        await consent.approve(approver, link_id=asked.id, now=clock.now())


async def test_approving_needs_a_fresh_factor(world: World) -> None:
    _, approver, asked = await requested(world)
    stale = msgspec.structs.replace(approver, factor_at=clock.now() - timedelta(minutes=11))
    with pytest.raises(StepUpRequired):
        await consent.approve(stale, link_id=asked.id, now=clock.now())
    assert (await state(approver, asked)).status == "requested"


async def test_another_tenants_approver_sees_no_such_link(world: World) -> None:
    _, _, asked = await requested(world)
    stranger = await world.actor("admin@acme-fiber.example", "customers")
    for act in (
        consent.approve(stranger, link_id=asked.id, now=clock.now()),
        consent.decline(stranger, link_id=asked.id),
        consent.revoke(stranger, link_id=asked.id),
        pausing.pause(stranger, link_id=asked.id),
    ):
        with pytest.raises(NotFound):
            await act
    assert (await state(system("test"), asked)).status == "requested"


async def test_a_viewer_decides_nothing(world: World) -> None:
    _, approver, asked = await requested(world)
    viewer = msgspec.structs.replace(approver, permissions=frozenset({"customer.links.read"}))
    with pytest.raises(Forbidden):
        await consent.approve(viewer, link_id=asked.id, now=clock.now())
    with pytest.raises(Forbidden):
        await consent.stop_all(viewer)


async def test_a_counter_offer_is_less_and_is_accepted_as_made(world: World) -> None:
    partner, approver, asked = await requested(world)
    less = terms(
        operating_model="customer_managed", custom_permissions={"partner.billing.*": False}, ends_at=asked.ends_at
    )
    with pytest.raises(Invalid) as more:
        await consent.counter(approver, link_id=asked.id, terms=terms(operating_model="fully_managed"), now=clock.now())
    assert "operating_model" in more.value.errors
    await consent.counter(approver, link_id=asked.id, terms=less, now=clock.now())
    await asking.accept(partner, link_id=asked.id, now=clock.now())
    live = await state(partner, asked)
    assert (live.status, live.operating_model) == ("active", "customer_managed")
    assert not any(name.startswith("partner.billing") for name in live.permissions)


async def test_narrowing_is_at_once_and_widening_is_asked(world: World) -> None:
    partner, approver, asked = await requested(world)
    await consent.approve(approver, link_id=asked.id, now=clock.now())
    less = terms(custom_permissions={"partner.posture.read": False}, ends_at=asked.ends_at)
    assert await asking.ask_change(partner, link_id=asked.id, terms=less, now=clock.now()) == "narrowed"
    assert "partner.posture.read" not in (await state(partner, asked)).permissions
    more = terms(access_role="msp_full", ends_at=asked.ends_at)
    assert await asking.ask_change(partner, link_id=asked.id, terms=more, now=clock.now()) == "asked"
    assert (await state(partner, asked)).access_role == "msp_support", "the old set stays in force meanwhile"
    await consent.approve_change(approver, link_id=asked.id, now=clock.now())
    assert (await state(partner, asked)).access_role == "msp_full"


async def test_only_the_side_that_paused_resumes(world: World) -> None:
    partner, approver, asked = await requested(world)
    await consent.approve(approver, link_id=asked.id, now=clock.now())
    await pausing.pause(approver, link_id=asked.id)
    with pytest.raises(Conflict):
        await pausing.resume(partner, link_id=asked.id, now=clock.now())
    await pausing.resume(approver, link_id=asked.id, now=clock.now())
    assert (await state(partner, asked)).status == "active"


async def test_stop_all_revokes_every_standing_link_of_one_tenant(world: World) -> None:
    tenant = world.sql(
        "SELECT tenant_id, count(*) AS n FROM portal.partner_tenant_link WHERE status IN ('active', 'paused')"
        " GROUP BY 1 HAVING count(*) > 1 LIMIT 1"
    )[0]
    slug = world.sql("SELECT slug FROM tenancy.tenant WHERE id = %s", tenant["tenant_id"])[0]["slug"]
    others = world.sql(
        "SELECT count(*) AS n FROM portal.partner_tenant_link WHERE status = 'active' AND tenant_id <> %s",
        tenant["tenant_id"],
    )
    approver = await world.actor(f"admin@{slug}.example", "customers")
    assert await consent.stop_all(approver, reason="breach") == tenant["n"]
    after = world.sql("SELECT count(*) AS n FROM portal.partner_tenant_link WHERE status = 'active'")
    assert after == others


async def test_two_approvals_at_once_make_one_link(world: World) -> None:
    _, approver, asked = await requested(world)
    done = await asyncio.gather(
        *(consent.approve(approver, link_id=asked.id, now=clock.now()) for _ in range(5)), return_exceptions=True
    )
    assert sorted(str(one) for one in done if isinstance(one, str)) == ["active"]
    assert all(isinstance(one, Conflict) for one in done if not isinstance(one, str))


async def test_full_control_is_one_partners_at_a_time(world: World) -> None:
    taken = world.sql(
        "SELECT l.tenant_id, t.slug FROM portal.partner_tenant_link AS l JOIN tenancy.tenant AS t ON t.id = l.tenant_id"
        " WHERE l.access_role = 'msp_full' AND l.status = 'active' AND NOT EXISTS (SELECT 1"
        " FROM portal.partner_tenant_link AS o JOIN portal.partner AS p ON p.id = o.partner_id"
        " WHERE o.tenant_id = l.tenant_id"
        " AND p.slug = 'alderfinch') LIMIT 1"
    )[0]
    partner = await world.actor("principal@alderfinch.example")
    approver = await world.actor(f"admin@{taken['slug']}.example", "customers")
    code = await consent.make_code(approver, now=clock.now())
    asked = await asking.request_by_code(partner, code=code, terms=terms(access_role="msp_full"), now=clock.now())
    with pytest.raises(Conflict, match="full control"):
        await consent.approve(approver, link_id=asked.id, now=clock.now())


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"access_role": "owner"}, "access_role"),
        ({"operating_model": "deep"}, "operating_model"),
        ({"access_role": "msp_full", "ends_at": None}, "ends_at"),
        ({"access_role": "msp_full", "ends_at": clock.now() + timedelta(days=800)}, "ends_at"),
        ({"ends_at": clock.now() - timedelta(days=1)}, "ends_at"),
        ({"custom_permissions": {"partner.nothing.at.all": True}}, "custom_permissions.partner.nothing.at.all"),
        ({"access_role": "delegate"}, "custom_permissions"),
        ({"reason": "x" * 2001}, "reason"),
    ],
)
async def test_wrong_terms_name_their_field(world: World, change: dict[str, object], field: str) -> None:
    partner = await world.actor(PRINCIPAL)
    with pytest.raises(Invalid) as wrong:
        await asking.request_by_domain(
            partner, domain="some.example", approver="admin@some.example", terms=terms(**change), now=clock.now()
        )
    assert field in wrong.value.errors
    assert world.sql("SELECT 1 FROM portal.partner_tenant_link WHERE tenant_domain = 'some.example'") == []


async def test_a_request_tells_nothing_about_who_is_a_customer(world: World) -> None:
    partner, known = await world.actor(PRINCIPAL), world.unlinked("northwind")
    row = world.sql("SELECT slug, domain FROM tenancy.tenant WHERE id = %s", known)[0]
    seen = {}
    for domain, address in (
        (row["domain"], f"admin@{row['slug']}.example"),
        ("nobody.example", "admin@nobody.example"),
    ):
        await asking.request_by_domain(partner, domain=domain, approver=address, terms=terms(), now=clock.now())
        async with db.transaction(partner) as connection:
            found, _ = await links.listed(connection, partner, links.Filter(search=domain))
        seen[domain] = [
            msgspec.structs.replace(
                one,
                id=partner.partner_id,
                tenant_domain="",
                starts_at=one.created_at,
                ends_at=None,
                created_at=one.created_at.replace(microsecond=0),
                updated_at=one.created_at.replace(microsecond=0),
            )
            for one in found
        ]
    first, second = seen.values()
    mask = {"created_at": clock.now(), "updated_at": clock.now(), "starts_at": clock.now()}
    assert [msgspec.structs.replace(one, **mask) for one in first] == [
        msgspec.structs.replace(one, **mask) for one in second
    ]
    assert first[0].tenant_id is None
    assert first[0].tenant_name is None


async def test_time_expires_lapses_and_starts_links_once(world: World) -> None:
    partner, approver, asked = await requested(world)
    await consent.approve(approver, link_id=asked.id, now=clock.now())
    world.sql(
        "UPDATE portal.partner_tenant_link SET starts_at = now() - interval '9 days',"
        " ends_at = now() - interval '1 second'"
        " WHERE id = %s",
        asked.id,
    )
    assert (await state(partner, asked)).shown_status == "expired", "shut by its dates, whatever is stored"
    first, second = await upkeep.sweep(system("links")), await upkeep.sweep(system("links"))
    assert first["expired"] >= 1
    assert second == {"expired": 0, "lapsed": 0, "active": 0}
    assert (await state(partner, asked)).status == "expired"
