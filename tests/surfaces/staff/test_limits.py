"""How many people a partner may have: asked at approval, changed by staff, held whoever adds one, however many do."""

import asyncio

import pytest

from support_mail import letters
from support_world import World

pytestmark = pytest.mark.anyio
LEAD, PRINCIPAL = "lead@halcyon.example", "principal@northwind.example"
OTHER = "msp_full@northwind.example"
INVITED = {"name": "Ana Pires", "roles": ["viewer"], "scope": "all"}
FULL = "as many people, active or invited, as the vendor allows"


def partner(world: World) -> dict[str, object]:
    return world.sql("SELECT id, customer_limit, people_limit FROM portal.partner WHERE slug = 'northwind'")[0]


def active(world: World) -> int:
    counted = "SELECT count(*) AS n FROM portal.partner_user WHERE partner_id = %s AND status = 'active'"
    found: int = world.sql(counted, partner(world)["id"])[0]["n"]
    return found


async def test_staff_change_the_limits_and_the_partner_reads_of_it_in_its_trail(world: World) -> None:
    staff = await world.sign_in(LEAD, "staff")
    path = f"/partners/{partner(world)['id']}/limits"
    refused = await world.post(staff, path, customer_limit="none", people_limit="0")
    assert refused.status_code == 422
    assert 'value="none"' in refused.text
    assert refused.text.count('aria-invalid="true"') == 2
    assert (partner(world)["customer_limit"], partner(world)["people_limit"]) == (None, None)
    assert (await world.post(staff, path, customer_limit="", people_limit="40")).status_code == 303
    assert (partner(world)["customer_limit"], partner(world)["people_limit"]) == (None, 40)
    assert "People at most" in (await staff.get(f"/partners/{partner(world)['id']}")).text
    console = await world.sign_in(PRINCIPAL)
    (entry,) = world.sql(
        "SELECT sequence FROM portal.audit_entry WHERE action = 'partner.changed' AND kind = 'partner'"
        " AND body LIKE '%%people_limit%%'"
    )
    assert "People at most" in (await console.get(f"/audit/{entry['sequence']}")).text


async def test_of_two_who_are_invited_at_once_for_the_last_place_one_gets_it(world: World) -> None:
    world.sql("UPDATE portal.partner_user SET roles = '{principal}', tenant_scope = 'all' WHERE email = %s", OTHER)
    world.sql("UPDATE portal.partner SET people_limit = %s WHERE slug = 'northwind'", active(world) + 1)
    places = active(world) + 1
    one, two = await world.sign_in(PRINCIPAL), await world.sign_in(OTHER)
    answers = await asyncio.gather(
        world.post(one, "/team/invite", email="a@northwind.example", **INVITED),
        world.post(two, "/team/invite", email="b@northwind.example", **INVITED),
    )
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert FULL in refused.text
    assert 'value="Ana Pires"' in refused.text, "what was typed is kept"
    assert active(world) == places
    assert len(letters(world, "a@northwind.example") + letters(world, "b@northwind.example")) == 1


async def test_nobody_is_let_in_again_above_the_limit_by_the_partner_or_by_staff(world: World) -> None:
    world.sql("UPDATE portal.partner SET people_limit = 1 WHERE slug = 'northwind'")
    gone = world.sql("SELECT id FROM portal.partner_user WHERE email = 'rosa.lindahl@northwind.example'")[0]["id"]
    places = active(world)
    console, staff = await world.sign_in(PRINCIPAL), await world.sign_in(LEAD, "staff")
    await world.post(console, f"/team/{gone}/reactivate", reason="Back")
    assert FULL in (await console.get("/team")).text
    await world.post(staff, f"/people/partner/{gone}/reactivate", reason="Back")
    assert FULL in (await staff.get("/people")).text
    assert active(world) == places, "and who is over a lower limit stays"
