"""Service level and alerts of a link in the console: one form; the customer reads what it was promised."""

import pytest

from support_actors import link_id
from support_console import words
from support_world import World, csrf

pytestmark = pytest.mark.anyio
PRINCIPAL = "principal@northwind.example"


def version(world: World, link: object) -> str:
    """Return the version that a form of the link would hold now."""
    return str(world.sql("SELECT version FROM portal.partner_tenant_link WHERE id = %s", link)[0]["version"])


async def test_what_is_set_is_shown_to_both_sides_and_a_threshold_to_one(world: World) -> None:
    link = link_id(world, "northwind", "acme-fiber")
    world.sql("UPDATE portal.partner_tenant_link SET sla_config = '{}', alert_config = '{}' WHERE id = %s", link)
    console, customer = await world.sign_in(PRINCIPAL), await world.sign_in("admin@acme-fiber.example", "customers")
    page = words(await console.get(f"/links/{link}"))
    assert "By priority" in page
    assert f'href="/links/{link}/settings"' in (await console.get(f"/links/{link}")).text
    form = await console.get(f"/links/{link}/settings")
    assert 'value="yes" checked' in form.text
    sent = {
        "_csrf_token": await csrf(console),
        "version": version(world, link),
        "response_hours": "3",
        "uptime_target": "99.955",
        "amount": "4321.50",
        "currency": "eur",
    }
    done = await console.post(f"/links/{link}/settings", data=sent)
    assert (done.status_code, done.headers["location"]) == (303, f"/links/{link}")
    page = words(await console.get(f"/links/{link}"))
    for said in ("Service level and alerts of", "within 3 hours", "99.955%", "€4,321.50", "No alert"):
        assert said in page, said
    row = world.sql("SELECT alert_config FROM portal.partner_tenant_link WHERE id = %s", link)[0]
    threshold = {"amount": "4321.50", "currency": "EUR"}
    assert row["alert_config"] == {"billing_threshold": threshold, "sla_breach": False}
    other = words(await customer.get(f"/links/{link}"))
    assert "within 3 hours" in other
    assert "99.955%" in other
    assert "4,321.50" not in other
    assert "The service level was changed" in other
    assert "changed the service level that it promises you" in words(await customer.get("/notices"))
    stale = await console.post(f"/links/{link}/settings", data=sent | {"response_hours": "9"})
    assert (stale.status_code, 'value="9"' in stale.text) == (409, True)
    assert "Somebody changed this link meanwhile" in words(stale)
    assert f'name="version" value="{version(world, link)}"' in stale.text, "who looked again may save"
    emptied = {"_csrf_token": sent["_csrf_token"], "sla_breach": "yes", "version": version(world, link)}
    assert (await console.post(f"/links/{link}/settings", data=emptied)).status_code == 303
    row = world.sql("SELECT sla_config, alert_config FROM portal.partner_tenant_link WHERE id = %s", link)[0]
    assert row == {"sla_config": {}, "alert_config": {"sla_breach": True}}


async def test_what_cannot_be_is_told_beside_its_field_and_nothing_typed_is_lost(demo: World) -> None:
    link = link_id(demo, "northwind", "acme-fiber")
    console = await demo.sign_in(PRINCIPAL)
    sent = {"_csrf_token": await csrf(console), "version": version(demo, link)}
    for name, typed, said in (
        ("response_hours", "2.5", "Give 1 to 720 hours"),
        ("response_hours", "soon", "Write a number"),
        ("response_hours", "1e300000", "Write a number"),
        ("uptime_target", "101", "Give a percentage up to 100"),
        ("uptime_target", "NaN", "Write a number"),
        ("amount", "-3", "Give an amount above zero"),
    ):
        answer = await console.post(f"/links/{link}/settings", data=sent | {"currency": "EUR", name: typed})
        assert answer.status_code == 422, (name, typed)
        assert f'id="f-{name}-error"' in answer.text
        assert said in words(answer)
        assert f'value="{typed}"' in answer.text
    answer = await console.post(f"/links/{link}/settings", data=sent | {"amount": "x", "uptime_target": "101"})
    assert {f'id="f-{name}-error"' in answer.text for name in ("amount", "uptime_target")} == {True}
    answer = await console.post(f"/links/{link}/settings", data=sent | {"amount": "5"})
    assert 'id="f-currency-error"' in answer.text


async def test_whoever_may_not_ask_for_terms_reads_without_the_form(demo: World) -> None:
    link = link_id(demo, "northwind", "acme-fiber")
    finance, technical = (
        await demo.sign_in("finance@northwind.example"),
        await demo.sign_in("technical@northwind.example"),
    )
    for reader in (finance, technical):
        page = await reader.get(f"/links/{link}")
        assert "Service level and alerts" in page.text
        assert f"/links/{link}/settings" not in page.text
        assert (await reader.get(f"/links/{link}/settings")).status_code == 403
    assert "Owed, from" in (await finance.get(f"/links/{link}")).text
    assert "Owed, from" not in (await technical.get(f"/links/{link}")).text


async def test_a_link_that_is_over_has_no_form_and_odd_settings_break_no_page(world: World) -> None:
    link = link_id(world, "northwind", "acme-fiber")
    odd = '{"response_hours": "soon", "uptime_target": true}'
    world.sql("UPDATE portal.partner_tenant_link SET sla_config = %s WHERE id = %s", odd, link)
    console, customer = await world.sign_in(PRINCIPAL), await world.sign_in("admin@acme-fiber.example", "customers")
    for reader in (console, customer):
        assert "By priority" in words(await reader.get(f"/links/{link}"))
    world.sql("UPDATE portal.partner_tenant_link SET status = 'revoked' WHERE id = %s", link)
    assert (await console.get(f"/links/{link}/settings")).status_code == 409
    page = await console.get(f"/links/{link}")
    assert "Service level and alerts" in page.text
    assert f"/links/{link}/settings" not in page.text
