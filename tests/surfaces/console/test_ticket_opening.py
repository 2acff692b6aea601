"""Opening a ticket: once however often the form arrives, about a subscriber of this customer and of no other."""

import asyncio
import re
from uuid import UUID

import httpx
import pytest

from guildhall.domain.audit import looks
from support_console import SUPPORT, TECHNICAL, words
from support_world import World, csrf

pytestmark = pytest.mark.anyio
TYPED = {"subject": "No uplink", "description": "Since 08:10", "priority": "low", "category": "other", "tags": "a"}


def new(tenant: UUID) -> str:
    return f"/t/{tenant}/tickets/new"


async def key(client: httpx.AsyncClient, path: str) -> str:
    """Return the id that a freshly shown form carries."""
    found = re.search(r'name="form_key" value="([^"]+)"', (await client.get(path)).text)
    assert found
    return found[1]


def count(world: World) -> int:
    found: int = world.sql("SELECT count(*) AS n FROM tenancy.ticket")[0]["n"]
    return found


def entries(world: World) -> int:
    found: int = world.sql("SELECT count(*) AS n FROM portal.audit_entry WHERE action = 'ticket.opened'")[0]["n"]
    return found


def subscribers(world: World, slug: str) -> list[dict[str, object]]:
    return world.sql(
        "SELECT id, name, email FROM tenancy.subscriber WHERE tenant_id = %s ORDER BY name, id", world.tenant(slug)
    )


async def test_two_presses_at_once_open_one_ticket(world: World) -> None:
    client, path = await world.sign_in(SUPPORT), new(world.tenant("acme-fiber"))
    before, told = count(world), entries(world)
    form = {**TYPED, "form_key": await key(client, path), "_csrf_token": await csrf(client)}
    answers = await asyncio.gather(*(client.post(path, data=form) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert (count(world), entries(world)) == (before + 1, told + 2)


async def test_a_reload_after_a_lost_answer_leads_to_the_ticket_that_is_open(world: World) -> None:
    client, path = await world.sign_in(SUPPORT), new(world.tenant("acme-fiber"))
    form = {**TYPED, "form_key": await key(client, path)}
    first = await world.post(client, path, **form)
    after = count(world)
    numbers = world.sql("SELECT sum(last_number) AS n FROM tenancy.support_rollup")
    again = await world.post(client, path, **form)
    assert (again.status_code, again.headers["location"]) == (303, first.headers["location"])
    assert count(world) == after
    assert world.sql("SELECT sum(last_number) AS n FROM tenancy.support_rollup") == numbers


async def test_a_form_gone_back_to_and_changed_is_another_ticket(world: World) -> None:
    client, path = await world.sign_in(SUPPORT), new(world.tenant("acme-fiber"))
    form = {**TYPED, "form_key": await key(client, path)}
    first = await world.post(client, path, **form)
    second = await world.post(client, path, **{**form, "subject": "No downlink either"})
    assert second.status_code == 303
    assert second.headers["location"] != first.headers["location"]


async def test_two_forms_saying_the_same_are_two_tickets(world: World) -> None:
    client, path = await world.sign_in(SUPPORT), new(world.tenant("acme-fiber"))
    one, other = await key(client, path), await key(client, path)
    assert one != other
    answers = [await world.post(client, path, **TYPED, form_key=each) for each in (one, other)]
    assert len({answer.headers["location"] for answer in answers}) == 2


async def test_the_key_of_one_person_says_nothing_to_another(world: World) -> None:
    tenant = world.tenant("acme-fiber")
    mine, theirs = await world.sign_in(SUPPORT), await world.sign_in(TECHNICAL)
    form = {**TYPED, "form_key": await key(mine, new(tenant))}
    first, second = await world.post(mine, new(tenant), **form), await world.post(theirs, new(tenant), **form)
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["location"] != second.headers["location"]


async def test_a_refused_form_keeps_its_key(world: World) -> None:
    client, path = await world.sign_in(SUPPORT), new(world.tenant("acme-fiber"))
    form_key = await key(client, path)
    answer = await world.post(client, path, **{**TYPED, "subject": ""}, form_key=form_key)
    assert answer.status_code == 422
    assert f'name="form_key" value="{form_key}"' in answer.text


async def test_a_subscriber_is_found_by_its_address_and_stands_in_the_ticket(world: World) -> None:
    client, path = await world.sign_in(TECHNICAL), new(world.tenant("acme-fiber"))
    meant = subscribers(world, "acme-fiber")[0]
    answer = await world.post(client, path, **TYPED, subscriber=str(meant["email"]).upper())
    assert answer.status_code == 303
    made = answer.headers["location"].rsplit("/", 1)[-1]
    assert world.sql("SELECT subscriber_id FROM tenancy.ticket WHERE id = %s", made) == [{"subscriber_id": meant["id"]}]


async def test_where_several_fit_one_is_chosen_and_nothing_typed_is_lost(world: World) -> None:
    client, path = await world.sign_in(TECHNICAL), new(world.tenant("acme-fiber"))
    before = count(world)
    asked = await world.post(client, path, **TYPED, subscriber="@")
    assert asked.status_code == 422
    assert "Several subscribers fit" in words(asked)
    assert 'value="No uplink"' in asked.text
    assert re.search(r'<input [^>]*value="@"[^>]* name="subscriber"', asked.text)
    assert count(world) == before
    offered = re.findall(r'<option value="([0-9a-f-]{36})"', asked.text)
    assert set(offered) <= {str(each["id"]) for each in subscribers(world, "acme-fiber")}
    answer = await world.post(client, path, **TYPED, subscriber="@", subscriber_id=offered[1])
    assert answer.status_code == 303


async def test_the_search_for_a_subscriber_is_a_look_that_the_customer_sees(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "_remembered", set())  # what this process noted in other worlds
    client, path = await world.sign_in(TECHNICAL), new(world.tenant("acme-fiber"))
    viewed = (
        "SELECT count(*) AS n FROM portal.audit_entry WHERE kind = 'tenant' AND chain_id = %s"
        " AND action = 'tenant.viewed' AND body::jsonb -> 'changes' ->> 'area' = 'provisioning'"
    )
    for form in (TYPED, {**TYPED, "subscriber": " "}):
        assert (await world.post(client, path, **form)).status_code == 303
    assert world.sql(viewed, world.tenant("acme-fiber")) == [{"n": 0}], "who names nobody looks at nobody"
    for search in ("@", "nobody at all"):
        assert (await world.post(client, path, **TYPED, subscriber=search)).status_code == 422
    assert world.sql(viewed, world.tenant("acme-fiber")) == [{"n": 1}]


async def test_nobody_and_somebody_elses_subscriber_are_refused_alike(world: World) -> None:
    client, path = await world.sign_in(TECHNICAL), new(world.tenant("acme-fiber"))
    before = count(world)
    foreign = subscribers(world, "cascadia-clinics")[0]
    own = {each["email"] for each in subscribers(world, "acme-fiber")}
    assert foreign["email"] not in own
    for named in (
        {"subscriber": "nobody at all"},
        {"subscriber": str(foreign["email"])},
        {"subscriber_id": str(foreign["id"])},
        {"subscriber": "@", "subscriber_id": str(foreign["id"])},
        {"subscriber_id": "x"},
    ):
        answer = await world.post(client, path, **TYPED, **named)
        assert answer.status_code == 422, named
        assert 'id="f-subscriber-error"' in answer.text
        assert 'value="No uplink"' in answer.text
    assert count(world) == before


async def test_where_the_link_does_not_open_subscribers_there_is_no_such_field(world: World) -> None:
    client = await world.sign_in(TECHNICAL)
    tenant = world.sql(
        "SELECT l.tenant_id FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id"
        " WHERE p.slug = 'northwind' AND portal.is_live(l.status, l.starts_at, l.ends_at)"
        " AND 'partner.support.tickets.create' = ANY (l.permissions)"
        " AND NOT 'partner.provisioning.subscribers.list' = ANY (l.permissions) ORDER BY l.id LIMIT 1"
    )[0]["tenant_id"]
    before = count(world)
    page = await client.get(new(tenant))
    assert page.status_code == 200
    assert 'name="subscriber"' not in page.text
    assert (await world.post(client, new(tenant), **TYPED, subscriber="a")).status_code == 403
    assert count(world) == before
