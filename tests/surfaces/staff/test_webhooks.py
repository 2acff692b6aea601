"""Webhooks on the staff surface: the platform's endpoints in full, partners' by how they fare."""

import re

import pytest

from support_console import words
from support_receivers import receiver
from support_smtp import deliver_over, work_off
from support_world import World

pytestmark = pytest.mark.anyio
LEAD = "lead@halcyon.example"
SECRET = re.compile(r'value="(whsec_[^"]+)"')


async def test_a_lead_adds_an_endpoint_of_the_platform_tests_it_and_reads_what_was_posted(world: World) -> None:
    staff = await world.sign_in(LEAD, "staff")
    deliver_over(world, None)
    wrong = await world.post(staff, "/webhooks/new", url="http://inside", description="Orders", events=["*"])
    assert (wrong.status_code, 'value="Orders"' in wrong.text) == (422, True)
    assert "Everything about tickets" in words(wrong)
    assert "Every step of your links" not in words(wrong)
    with receiver() as hooks:
        made = await world.post(staff, "/webhooks/new", url=hooks.url, description="Orders", events=["platform.link.*"])
        assert SECRET.search(made.text), words(made)
        (row,) = world.sql("SELECT id, partner_id FROM portal.webhook_endpoint WHERE url = %s", hooks.url)
        assert row["partner_id"] is None
        where = f"/webhooks/{row['id']}"
        assert (await world.post(staff, f"{where}/test")).status_code == 303
        await work_off(world)
        assert [said["type"] for said in hooks.said()] == ["webhook.test"]
    page = await staff.get(where)
    delivery = re.search(rf'href="({where}/deliveries/[^"]+)"', page.text)
    assert delivery
    assert "tries this endpoint out" in words(await staff.get(delivery[1]))
    noted = "SELECT kind, target_id FROM portal.audit_entry WHERE action = 'webhook.delivery_read'"
    assert world.sql(noted) == [{"kind": "vendor", "target_id": str(row["id"])}]
    rotated = await world.post(staff, f"{where}/secret", overlap="24")
    assert SECRET.search(rotated.text)
    assert (await world.post(staff, f"{where}/disable")).status_code == 303
    assert "Switched off" in words(await staff.get(where))


async def test_the_list_has_every_endpoint_and_is_searched_and_filtered(world: World) -> None:
    staff = await world.sign_in(LEAD, "staff")
    shown = words(await staff.get("/webhooks"))
    assert "hooks.halcyon.example/subscribers" in shown
    assert "chat.northwind.example/alerts" in shown
    failing = words(await staff.get("/webhooks", params={"state": "failing"}))
    assert "chat.northwind.example" in failing
    assert "hooks.northwind.example" not in failing
    ours = words(await staff.get("/webhooks", params={"whose": "platform", "q": "provisioning"}))
    assert "hooks.halcyon.example/subscribers" in ours
    assert "northwind" not in ours
    assert "help desk" not in ours
    (row,) = world.sql("SELECT id FROM portal.partner WHERE slug = 'northwind'")
    where = f"/webhooks?partner={row['id']}"
    assert where in (await staff.get(f"/partners/{row['id']}")).text
    theirs = words(await staff.get(where))
    assert "chat.northwind.example" in theirs
    assert "halcyon.example" not in theirs


async def test_a_partners_endpoint_is_switched_off_with_a_reason_that_the_partner_reads(world: World) -> None:
    staff = await world.sign_in(LEAD, "staff")
    (row,) = world.sql("SELECT id FROM portal.webhook_endpoint WHERE url LIKE '%%//chat.northwind%%'")
    where = f"/webhooks/{row['id']}"
    page = await staff.get(where)
    assert "502" in words(page)
    assert "deliveries/" not in page.text
    for path in ("change", "ask/secret", "ask/replay"):
        assert (await staff.get(f"{where}/{path}")).status_code == 404
    unsaid = await world.post(staff, f"{where}/disable")
    assert unsaid.status_code == 422
    assert "Say why" in words(unsaid)
    assert (await world.post(staff, f"{where}/disable", reason="It floods our proxy")).status_code == 303
    console = await world.sign_in("principal@northwind.example")
    theirs = words(await console.get(where))
    assert "It floods our proxy" in theirs
    assert "Switch on" not in theirs
    answer = await world.post(console, f"{where}/enable")
    assert "Ask there to have it back" in words(await console.get(answer.headers["location"]))
    assert (await world.post(staff, f"{where}/enable")).status_code == 303
    (after,) = world.sql("SELECT status FROM portal.webhook_endpoint WHERE id = %s", row["id"])
    assert after["status"] == "active"


async def test_others_of_staff_read_or_see_nothing(world: World) -> None:
    (row,) = world.sql("SELECT id FROM portal.webhook_endpoint WHERE url LIKE '%%halcyon.example/subscribers'")
    where = f"/webhooks/{row['id']}"
    support = await world.sign_in("support@halcyon.example", "staff")
    page = await support.get(where)
    assert page.status_code == 200
    assert "New secret" not in words(page)
    assert "/deliveries/" not in page.text
    (told,) = world.sql("SELECT id FROM portal.webhook_delivery WHERE endpoint_id = %s LIMIT 1", row["id"])
    assert (await support.get(f"{where}/deliveries/{told['id']}")).status_code == 403
    assert world.sql("SELECT 1 FROM portal.audit_entry WHERE action = 'webhook.delivery_read'") == []
    assert (await support.get("/webhooks/new")).status_code == 403
    assert (await world.post(support, f"{where}/disable")).status_code == 403
    assert (await (await world.sign_in("finance@halcyon.example", "staff")).get("/webhooks")).status_code == 403
    assert world.sql("SELECT status FROM portal.webhook_endpoint WHERE id = %s", row["id"]) == [{"status": "active"}]
