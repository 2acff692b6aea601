"""Webhooks in the console: added with a secret shown once, tested, rotated, switched off; by principals alone."""

import re
from typing import Any

import pytest

from guildhall.surfaces.html import LANGUAGE_COOKIE
from support_console import words
from support_receivers import receiver
from support_smtp import deliver_over, work_off
from support_world import World

pytestmark = pytest.mark.anyio
PRINCIPAL, ELSEWHERE = "principal@northwind.example", "principal@alderfinch.example"


def typed(**other: Any) -> dict[str, Any]:
    return {"url": "https://hooks.example.com/in", "description": "Desk", "events": ["partner.link.*"], **other}


async def test_an_endpoint_is_added_tested_rotated_and_switched_off(world: World) -> None:
    console = await world.sign_in(PRINCIPAL)
    deliver_over(world, None)
    with receiver() as hooks:
        answer = await world.post(console, "/webhooks/new", **typed(url=hooks.url))
        assert answer.status_code == 200, words(answer)
        found = re.search(r'value="(whsec_[^"]+)"', answer.text)
        assert found
        base = re.search(r'action="(/webhooks/[^"]+)/test"', answer.text)
        assert base
        where = base[1]
        assert found[1] not in (await console.get(where)).text
        kept = world.sql("SELECT sealed FROM portal.webhook_secret ORDER BY created_at DESC LIMIT 1")[0]["sealed"]
        assert found[1].encode() not in bytes(kept)
        assert (await world.post(console, f"{where}/test")).status_code == 303
        await work_off(world)
        assert [said["type"] for said in hooks.said()] == ["webhook.test"]
    log = await console.get(where)
    assert "Delivered" in words(log)
    delivery = re.search(rf'href="({where}/deliveries/[^"]+)"', log.text)
    assert delivery
    assert "tries this endpoint out" in words(await console.get(delivery[1]))
    rotated = await world.post(console, f"{where}/secret", overlap="24")
    new = re.search(r'value="(whsec_[^"]+)"', rotated.text)
    assert new
    assert new[1] != found[1]
    old = re.search(rf'href="({where}/secrets/[^"]+/end)"', rotated.text)
    assert old
    assert (await world.post(console, old[1])).status_code == 303
    assert (await world.post(console, f"{where}/disable")).status_code == 303
    assert "Switched off" in words(await console.get(where))
    refused = await world.post(console, f"{where}/test")
    assert "Switch it on first" in words(await console.get(refused.headers["location"]))
    assert (await world.post(console, f"{where}/enable")).status_code == 303
    endpoint_id = where.rsplit("/", 1)[1]
    trail = world.sql(
        "SELECT action FROM portal.audit_entry WHERE target_id = %s AND kind = 'partner' ORDER BY sequence", endpoint_id
    )
    assert [row["action"].removeprefix("webhook.") for row in trail] == [
        "created",
        "tested",
        "secret_made",
        "secret_ended",
        "disabled",
        "enabled",
    ]


async def test_a_refused_form_keeps_what_was_typed_and_adds_nothing(world: World) -> None:
    console = await world.sign_in(PRINCIPAL)
    before = world.sql("SELECT count(*) AS n FROM portal.webhook_endpoint")
    for wrong, said in (
        ({"url": "https://10.0.0.7/"}, "not reachable from the public Internet"),
        ({"url": "http://hooks.example.com/"}, "must begin with https://"),
        ({"events": ["partner.nothing"]}, "Choose at least one event"),
    ):
        answer = await world.post(console, "/webhooks/new", **typed(**wrong))
        assert answer.status_code == 422
        assert said in words(answer)
        assert 'value="Desk"' in answer.text
    assert world.sql("SELECT count(*) AS n FROM portal.webhook_endpoint") == before


async def test_a_waiting_delivery_says_when_it_is_tried_again_and_a_try_that_is_due_comes_at_once(world: World) -> None:
    console, staff = await world.sign_in(PRINCIPAL), await world.sign_in("lead@halcyon.example", "staff")
    (row,) = world.sql(
        "SELECT d.id, d.endpoint_id FROM portal.webhook_delivery AS d JOIN portal.webhook_endpoint AS e"
        " ON e.id = d.endpoint_id JOIN portal.partner AS p ON p.id = e.partner_id WHERE p.slug = 'northwind' LIMIT 1"
    )
    for until, said in (
        ("10 seconds", "Again at once"),
        ("-5 minutes", "Again at once"),
        ("3 hours", "Again in 3 hours"),
    ):
        world.sql(
            "UPDATE portal.webhook_delivery SET status = 'waiting', attempts = 2, next_at = now() + %s::interval"
            " WHERE id = %s",
            until,
            row["id"],
        )
        for client in (console, staff):
            page = words(await client.get(f"/webhooks/{row['endpoint_id']}?status=waiting"))
            assert said in page
            assert "Again just now" not in page


async def test_in_spanish_what_a_receiver_said_is_a_noun_and_a_secret_is_retired(demo: World) -> None:
    console = await demo.sign_in(PRINCIPAL)
    console.cookies.set(LANGUAGE_COOKIE, "es")
    (row,) = demo.sql(
        "SELECT d.endpoint_id AS id FROM portal.webhook_delivery AS d JOIN portal.webhook_endpoint AS e"
        " ON e.id = d.endpoint_id JOIN portal.partner AS p ON p.id = e.partner_id WHERE p.slug = 'northwind' LIMIT 1"
    )
    said = words(await console.get(f"/webhooks/{row['id']}"))
    assert "Respuesta" in said
    assert "Responder" not in said
    assert "Retirar" in said


async def test_endpoints_of_another_partner_and_for_people_without_leave_do_not_exist(demo: World) -> None:
    (row,) = demo.sql(
        "SELECT e.id, d.id AS delivery_id FROM portal.webhook_endpoint AS e"
        " JOIN portal.webhook_delivery AS d ON d.endpoint_id = e.id LIMIT 1"
    )
    paths = (f"/webhooks/{row['id']}", f"/webhooks/{row['id']}/deliveries/{row['delivery_id']}")
    other = await demo.sign_in(ELSEWHERE)
    assert "No endpoints yet" in words(await other.get("/webhooks"))
    viewer = await demo.sign_in("msp_full@northwind.example")
    for path in paths:
        assert (await other.get(path)).status_code == 404
        assert (await viewer.get(path)).status_code == 403
    assert (await demo.post(other, f"{paths[0]}/disable")).status_code == 404
    assert (await demo.post(other, f"{paths[1]}/replay")).status_code == 404
    assert demo.sql("SELECT status FROM portal.webhook_endpoint WHERE id = %s", row["id"])
    for path in ("/webhooks", *paths, "/webhooks/new", f"{paths[0]}/change", f"{paths[0]}/ask/replay"):
        assert (await (await demo.sign_in(PRINCIPAL)).get(path)).status_code == 200
