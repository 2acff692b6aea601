"""An approver's own people: invited, shut out and let in again, in this tenant only; one who approves always stays."""

import asyncio
import re
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest

from guildhall.core import clock
from guildhall.core.actor import Actor
from guildhall.core.errors import Refusal
from guildhall.domain.team import joining
from support_mail import letters
from support_world import World

pytestmark = pytest.mark.anyio
APPROVER, VIEWER = "admin@acme-fiber.example", "viewer@acme-fiber.example"
ELSEWHERE = "it@alpenglow.example"
NEW = "jo.marsh@acme-fiber.example"


def memberships(world: World) -> list[dict[str, Any]]:
    return world.sql(
        "SELECT m.user_id, m.role, m.status, u.email FROM tenancy.customer_membership AS m"
        " JOIN tenancy.customer_user AS u ON u.id = m.user_id WHERE m.tenant_id = %s ORDER BY m.user_id",
        world.tenant("acme-fiber"),
    )


def person_id(world: World, email: str) -> UUID:
    found: UUID = world.sql("SELECT id FROM tenancy.customer_user WHERE email = %s", email)[0]["id"]
    return found


def links_out(world: World, email: str) -> int:
    return len(
        world.sql(
            "SELECT 1 FROM tenancy.customer_one_time AS t JOIN tenancy.customer_user AS u ON u.id = t.user_id"
            " WHERE u.email = %s AND t.used_at IS NULL AND t.expires_at > now()",
            email,
        )
    )


async def test_a_colleague_is_invited_asked_again_and_withdrawn(world: World) -> None:
    client = await world.sign_in(APPROVER, "customers")
    answer = await world.post(client, "/people/invite", name="Jo Marsh", email=NEW, role="viewer")
    assert answer.status_code == 303, answer.text
    first = letters(world, NEW)[-1].link
    assert first is not None
    assert first[0] == "customers"
    assert first[1].startswith("/welcome/")
    listed = (await client.get("/people?status=invited")).text
    assert "Jo Marsh" in listed
    path = f"/people/{person_id(world, NEW)}"
    assert (await world.post(client, f"{path}/again")).status_code == 303
    second = letters(world, NEW)[-1].link
    assert second != first
    assert links_out(world, NEW) == 1
    assert (await client.get(f"{path}/membership/withdraw")).status_code == 200
    assert (await world.post(client, f"{path}/membership/withdraw")).status_code == 303
    assert links_out(world, NEW) == 0
    assert {row["email"]: row["status"] for row in memberships(world)}[NEW] == "deactivated"
    again = await world.post(client, "/people/invite", name="Jo Marsh", email=NEW, role="approver")
    assert again.status_code == 303, again.text
    assert links_out(world, NEW) == 1
    assert {row["email"]: (row["status"], row["role"]) for row in memberships(world)}[NEW] == ("active", "approver")


async def test_the_name_of_somebody_from_elsewhere_is_told_once_that_person_came(world: World) -> None:
    client = await world.sign_in(APPROVER, "customers")
    real = world.sql("SELECT name FROM tenancy.customer_user WHERE email = %s", ELSEWHERE)[0]["name"]
    answer = await world.post(client, "/people/invite", name="Some Body", email=ELSEWHERE, role="viewer")
    assert answer.status_code == 303
    page = (await client.get("/people")).text
    assert "Some Body" in page
    assert real not in page
    link = letters(world, ELSEWHERE)[-1].link
    assert link is not None
    welcome = world.client("customers")
    assert "You are set up already" in (await welcome.get(link[1])).text, "the link sets no password here"
    kept = "SELECT password_hash FROM tenancy.customer_user WHERE email = %s"
    before = world.sql(kept, ELSEWHERE)
    await world.post(welcome, link[1], password="a quiet harbour in autumn")
    assert world.sql(kept, ELSEWHERE) == before
    other = await world.sign_in(ELSEWHERE, "customers")
    switched = await world.post(other, "/switch", tenant_id=str(world.tenant("acme-fiber")))
    assert switched.status_code == 303, switched.text
    assert real in (await client.get("/people")).text


async def test_an_invitation_looks_the_same_whether_the_address_is_known_shut_out_or_new(world: World) -> None:
    shut_out = "admin@kestrel.example"
    world.sql("UPDATE tenancy.customer_user SET status = 'deactivated' WHERE email = %s", shut_out)
    client, seen = await world.sign_in(APPROVER, "customers"), []
    for email in (NEW, ELSEWHERE, shut_out):
        said = await world.post(client, "/people/invite", name="Some Body", email=email, role="viewer")
        told = (await client.get("/people?q=some+body")).text
        user_id = str(person_id(world, email))
        again = await world.post(client, f"/people/{user_id}/again")
        assert UUID(user_id).version == 4 or email != NEW, "a new person's id tells no time"
        masks = ((email, "ADDRESS"), (quote(email), "ADDRESS"), (user_id, "ID"))
        seen.append([said.status_code, said.headers["location"], again.status_code, masked(told, masks)])
        assert (await world.post(client, f"/people/{user_id}/membership/withdraw")).status_code == 303
        world.sql("DELETE FROM tenancy.customer_one_time WHERE user_id = %s", user_id)
        world.sql("DELETE FROM tenancy.customer_membership WHERE user_id = %s AND invited_name IS NOT NULL", user_id)
    assert seen[0] == seen[1] == seen[2]


def masked(page: str, masks: tuple[tuple[str, str], ...]) -> str:
    """Return a page without what differs each time: tokens, moments, and the words in `masks`."""
    for word, mask in masks:
        page = page.replace(word, mask)
    return re.sub(r'value="[^"]{30,}"|nonce-?[^ ]+|until [^<]+', "-", page)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"email": "nowhere"}, "This is not an e-mail address"),
        ({"email": VIEWER}, "among your people already"),
        ({"email": "jo.marsh@gmail.com"}, "public mail provider"),
        ({"email": "jo.marsh@mailinator.com"}, "throw-away mailboxes"),
        ({"role": "lead"}, "Choose one of the list"),
        ({"name": " "}, "Use 1 to 120 characters"),
    ],
)
async def test_a_wrong_invitation_changes_nothing(world: World, wrong: dict[str, str], said: str) -> None:
    client, before = await world.sign_in(APPROVER, "customers"), memberships(world)
    form = {"name": "Jo Marsh", "email": NEW, "role": "viewer"} | wrong
    answer = await world.post(client, "/people/invite", **form)
    assert answer.status_code == 422
    assert said in answer.text
    assert memberships(world) == before
    assert letters(world) == []


async def test_who_is_shut_out_is_so_at_once_and_old_sessions_stay_dead(world: World) -> None:
    client, viewer = await world.sign_in(APPROVER, "customers"), await world.sign_in(VIEWER, "customers")
    path = f"/people/{person_id(world, VIEWER)}/membership"
    assert (await world.post(client, f"{path}/deactivate", reason="")).status_code == 422
    assert (await viewer.get("/people")).status_code == 200
    assert (await world.post(client, f"{path}/deactivate", reason="Moved on")).status_code == 303
    assert (await viewer.get("/people")).status_code == 303
    assert (await world.post(client, f"{path}/reactivate", reason="Came back")).status_code == 303
    assert (await viewer.get("/people")).status_code == 303
    seen = (await client.get("/trail?family=person")).text
    assert "A person was deactivated" in seen


async def test_a_viewer_and_the_own_person_change_nothing(world: World) -> None:
    client, viewer = await world.sign_in(APPROVER, "customers"), await world.sign_in(VIEWER, "customers")
    before, own = memberships(world), person_id(world, APPROVER)
    assert (await viewer.get("/people/invite")).status_code == 403
    for path in ("/people/invite", f"/people/{own}/again", f"/people/{own}/membership/deactivate"):
        assert (await world.post(viewer, path, name="x", email=NEW, role="viewer", reason="x")).status_code == 403
    for step in ("deactivate", "withdraw"):
        assert (await world.post(client, f"/people/{own}/membership/{step}", reason="x")).status_code == 303
    foreign = person_id(world, ELSEWHERE)
    assert (await world.post(client, f"/people/{foreign}/membership/deactivate", reason="x")).status_code == 404
    world.sql("UPDATE tenancy.customer_session SET factor_at = now() - interval '1 hour'")
    asked = await world.post(client, "/people/invite", name="Jo Marsh", email=NEW, role="approver")
    assert asked.status_code == 403
    assert "step_up_code" in asked.text
    assert memberships(world) == before


async def test_of_two_approvers_who_shut_each_other_out_at_once_one_remains(world: World) -> None:
    world.sql("UPDATE tenancy.customer_membership SET role = 'approver' WHERE user_id = %s", person_id(world, VIEWER))
    actors = [await world.actor(email, "customers") for email in (APPROVER, VIEWER)]

    async def shut_out(actor: Actor, other: Actor) -> bool:
        assert other.user_id is not None
        try:
            await joining.set_active(actor, user_id=other.user_id, active=False, reason="x", now=clock.now())
        except Refusal:
            return False
        return True

    for _ in range(20):
        done = await asyncio.gather(shut_out(actors[0], actors[1]), shut_out(actors[1], actors[0]))
        assert sum(done) == 1
        assert sum(row["status"] == "active" and row["role"] == "approver" for row in memberships(world)) == 1
        world.sql("UPDATE tenancy.customer_membership SET status = 'active' WHERE tenant_id = %s", actors[0].tenant_id)


async def test_staff_are_told_whom_they_leave_without_an_approver(demo: World) -> None:
    staff = await demo.sign_in("lead@halcyon.example", "staff")
    lone = person_id(demo, "admin@kestrel.example")
    assert "last approver of Kestrel" in (await staff.get(f"/people/customer/{lone}/deactivate")).text
    viewer = person_id(demo, VIEWER)
    assert "last approver" not in (await staff.get(f"/people/customer/{viewer}/deactivate")).text
