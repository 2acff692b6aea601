"""Links: asked for, narrowed, widened, paused, resumed, ended; each act asks first and says what happened."""

import re

import httpx
import pytest

from guildhall.domain.rbac.registry import link_permissions
from support_console import PRINCIPAL, TECHNICAL, hrefs, link_in, words
from support_world import World

pytestmark = pytest.mark.anyio
ASK = {
    "way": "domain",
    "domain": "somewhere-else.example",
    "approver": "boss@somewhere-else.example",
    "access_role": "msp_support",
    "operating_model": "co_managed",
    "relationship_type": "msp_managed",
    "reason": "We run your network",
}


async def test_asking_says_the_same_whether_the_customer_exists_or_not(world: World) -> None:
    client, known = await world.sign_in(PRINCIPAL), world.unlinked("northwind")
    domain = world.sql("SELECT domain FROM tenancy.tenant WHERE id = %s", known)[0]["domain"]
    said = []
    for asked in (domain, "nobody-there.example"):
        answer = await world.post(client, "/links/new", **(ASK | {"domain": asked, "approver": f"admin@{asked}"}))
        assert answer.status_code == 303
        page = await client.get(answer.headers["location"])
        said.append(page.text.split('id="messages"', 1)[1].split("</div>", 2)[0])
    assert said[0] == said[1]
    assert world.sql("SELECT name FROM tenancy.tenant WHERE id = %s", known)[0]["name"] not in page.text


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"domain": "no domain"}, "domain"),
        ({"approver": "nobody"}, "approver"),
        ({"access_role": "emperor"}, "access_role"),
        ({"access_role": "msp_full"}, "ends_at"),
        ({"access_role": "delegate"}, "add"),
        ({"operating_model": ""}, "operating_model"),
        ({"ends_at": "2020-01-01"}, "ends_at"),
        ({"ends_at": "soon"}, "ends_at"),
        ({"starts_at": "31 December"}, "starts_at"),
        ({"way": "code", "code": "NOPE"}, "code"),
    ],
)
async def test_a_wrong_request_is_told_beside_its_field_and_kept(
    world: World, wrong: dict[str, str], field: str
) -> None:
    client = await world.sign_in(PRINCIPAL)
    before = world.sql("SELECT count(*) AS n FROM portal.partner_tenant_link")[0]["n"]
    answer = await world.post(client, "/links/new", **(ASK | wrong))
    assert answer.status_code == 422
    assert f'id="f-{field}-error"' in answer.text
    assert "We run your network" in answer.text
    assert world.sql("SELECT count(*) AS n FROM portal.partner_tenant_link")[0]["n"] == before


async def test_less_takes_effect_at_once_and_more_is_asked_for(world: World) -> None:
    client, link = await world.sign_in(PRINCIPAL), _link_of(world, "acme-fiber")
    kept = [name for name in _permissions(world, link) if not name.startswith("partner.billing")]
    form = {"operating_model": "co_managed", "ends_at": _end(await client.get(f"/links/{link}/change"))}
    narrowed = await world.post(client, f"/links/{link}/change", permissions=kept, **form)
    assert narrowed.status_code == 303
    assert set(_permissions(world, link)) == set(kept)
    tenant = world.tenant("acme-fiber")
    assert (await client.get(f"/t/{tenant}/billing")).status_code == 403
    everything = sorted(link_permissions("msp_full", {}))
    asked = await world.post(client, f"/links/{link}/change", permissions=everything, **form)
    assert asked.status_code == 303
    assert set(_permissions(world, link)) == set(kept), "nothing widens before the customer says so"
    shown = words(await client.get(f"/links/{link}"))
    assert "You ask for" in shown
    assert "Added:" in shown
    await world.post(client, f"/links/{link}/withdraw-change")
    assert "You ask for" not in words(await client.get(f"/links/{link}"))


async def test_sending_the_terms_as_they_are_changes_nothing(world: World) -> None:
    client, link = await world.sign_in(PRINCIPAL), _link_of(world, "acme-fiber")
    before = world.sql("SELECT version, ends_at FROM portal.partner_tenant_link WHERE id = %s", link)
    form = {"operating_model": "co_managed", "ends_at": _end(await client.get(f"/links/{link}/change"))}
    await world.post(client, f"/links/{link}/change", permissions=_permissions(world, link), **form)
    assert world.sql("SELECT version, ends_at FROM portal.partner_tenant_link WHERE id = %s", link) == before


async def test_pausing_resuming_and_ending(world: World) -> None:
    client, link, tenant = await world.sign_in(PRINCIPAL), _link_of(world, "acme-fiber"), world.tenant("acme-fiber")
    await world.post(client, f"/links/{link}/pause", reason="Holidays")
    assert (await client.get(f"/t/{tenant}/tickets")).status_code == 403
    assert "Your organisation paused this link" in words(await client.get(f"/links/{link}"))
    await world.post(client, f"/links/{link}/resume")
    assert (await client.get(f"/t/{tenant}/tickets")).status_code == 200
    await world.post(client, f"/links/{link}/end", reason="Contract over")
    assert (await client.get(f"/t/{tenant}/tickets")).status_code == 404
    again = await world.post(client, f"/links/{link}/end")
    assert again.status_code == 303
    assert "The link is ended" in words(await client.get(again.headers["location"]))


async def test_resuming_with_an_old_factor_asks_for_a_code(world: World) -> None:
    client, link = await world.sign_in(PRINCIPAL), _link_of(world, "acme-fiber")
    await world.post(client, f"/links/{link}/pause")
    world.sql("UPDATE portal.partner_session SET factor_at = now() - interval '1 hour'")
    asked = await world.post(client, f"/links/{link}/resume")
    assert asked.status_code == 403
    assert 'name="step_up_code"' in asked.text
    done = await world.post(client, f"/links/{link}/resume", step_up_code=world.code(PRINCIPAL))
    assert done.status_code == 303


async def test_a_counter_offer_shows_what_differs_and_is_accepted_as_it_is(world: World) -> None:
    partner, email = _countered(world)
    client, link = await world.sign_in(email), link_in(world, "countered", partner)
    shown = words(await client.get(f"/links/{link}"))
    assert "You asked for" in shown
    assert "The customer offers" in shown
    assert (await world.post(client, f"/links/{link}/accept")).status_code == 303
    assert world.sql("SELECT status FROM portal.partner_tenant_link WHERE id = %s", link)[0]["status"] in {
        "active",
        "scheduled",
    }


@pytest.mark.parametrize("act", ["withdraw", "accept", "withdraw-change", "pause", "resume", "end"])
async def test_each_act_asks_on_a_page_of_its_own_too(demo: World, act: str) -> None:
    link = _link_of(demo, "acme-fiber")
    answer = await (await demo.sign_in(PRINCIPAL)).get(f"/links/{link}/ask/{act}")
    assert answer.status_code == 200
    assert f'action="/links/{link}/{act}"' in answer.text
    assert (await (await demo.sign_in(TECHNICAL)).get(f"/links/{link}/ask/{act}")).status_code == 403


async def test_a_link_of_another_partner_is_not_found(demo: World) -> None:
    client = await demo.sign_in(PRINCIPAL)
    foreign = link_in(demo, "active", "cascadia")
    for path in (f"/links/{foreign}", f"/links/{foreign}/change", f"/links/{foreign}/ask/end"):
        assert (await client.get(path)).status_code == 404
    assert (await demo.post(client, f"/links/{foreign}/end")).status_code == 404
    assert demo.sql("SELECT status FROM portal.partner_tenant_link WHERE id = %s", foreign)[0]["status"] == "active"


async def test_without_the_permission_there_are_no_buttons_and_no_acts(demo: World) -> None:
    client, link = await demo.sign_in(TECHNICAL), _link_of(demo, "acme-fiber")
    page = await client.get(f"/links/{link}")
    assert f"/links/{link}/end" not in page.text
    assert "/links/new" not in hrefs(await client.get("/links"))
    assert (await demo.post(client, f"/links/{link}/end")).status_code == 403
    assert (await client.get("/links/new")).status_code == 403


def _link_of(world: World, slug: str) -> str:
    row = world.sql(
        "SELECT l.id FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id"
        " WHERE p.slug = 'northwind' AND l.tenant_id = %s AND l.status = 'active'",
        world.tenant(slug),
    )[0]
    return str(row["id"])


def _permissions(world: World, link: str) -> list[str]:
    found: list[str] = world.sql("SELECT permissions FROM portal.partner_tenant_link WHERE id = %s", link)[0][
        "permissions"
    ]
    return found


def _end(page: httpx.Response) -> str:
    found = re.search(r'<input[^>]*name="ends_at"[^>]*>', page.text, re.DOTALL)
    assert found is not None
    return re.findall(r'value="([^"]*)"', found[0])[0]


def _countered(world: World) -> tuple[str, str]:
    """Return the slug of a partner that holds a counter-offer, and its principal."""
    slug = world.sql(
        "SELECT p.slug FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id"
        " WHERE l.status = 'countered' LIMIT 1"
    )[0]["slug"]
    return slug, f"principal@{slug}.example"
