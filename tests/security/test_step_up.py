"""A fresh second factor, act by act (PRODUCT §3): every route of that kind says so, and asks; or it says why not."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from litestar.handlers import HTTPRouteHandler

from guildhall.core.freshness import FRESH
from guildhall.domain.rbac.registry import ALL
from guildhall.surfaces.entry import Fresh
from support_world import World, csrf

pytestmark = pytest.mark.anyio
SAFE = {"GET", "HEAD", "OPTIONS"}
PEOPLE = {
    "partners": "principal@northwind.example",
    "customers": "admin@acme-fiber.example",
    "staff": "lead@halcyon.example",
}
SESSIONS = ("portal.partner_session", "portal.staff_session", "tenancy.customer_session")
# What writes nothing of PRODUCT §3's list: no access, no key, no data about people leaves.
ORDINARY = {
    "partner.links.request",  # the customer decides
    "partner.provisioning.subscribers.activate",
    "partner.provisioning.subscribers.suspend",
    "partner.support.tickets.create",
    "partner.support.tickets.comment",
    "partner.support.tickets.update",
    "customer.tickets.create",
    "customer.tickets.comment",
    "customer.tickets.update",
    "staff.tiers.manage",
    "staff.jobs.retry",
    "staff.mail.send",
}


def writes(world: World, label: str) -> Iterator[tuple[str, HTTPRouteHandler]]:
    """Yield path and handler of every route of a surface that a signed-in person can write with."""
    app: Any = world.front._hosts[f"{label}.localhost:{world.settings.port}"][1]
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            if not isinstance(handler, HTTPRouteHandler) or handler.http_methods <= SAFE:
                continue
            if "public" not in handler.opt:
                yield route.path, handler


def addresses(path: str, fresh: Fresh) -> list[str]:
    """Return the addresses of a route at which it asks, with ids of nothing; one for each step that does."""
    filled = re.sub(r"\{(\w+):(\w+)\}", lambda part: part[0] if part[1] == "step" else str(uuid4()), path)
    steps = fresh if isinstance(fresh, tuple) else ("deactivate",)
    return [re.sub(r"\{step:str\}", step, filled) for step in steps]


def age(world: World, minutes: int) -> None:
    """Let everybody's last second factor be that old."""
    for table in SESSIONS:
        world.sql(f"UPDATE {table} SET factor_at = now() - make_interval(mins => %s)", minutes)


def forget_codes(world: World) -> None:
    """Let codes be used again: no test waits for the next half minute."""
    world.signed.steps.clear()
    for table in ("portal.partner_user", "portal.staff_user", "tenancy.customer_user"):
        world.sql(f"UPDATE {table} SET totp_last_step = 0")


def trail(world: World) -> int:
    """Return how much was done: every act leaves an entry."""
    entries: int = world.sql("SELECT count(*) AS n FROM portal.audit_entry")[0]["n"]
    return entries


def asked(answer: httpx.Response) -> bool:
    """Return whether the answer is the page that asks for a code."""
    return answer.status_code == 403 and 'name="step_up_code"' in answer.text


@pytest.mark.parametrize("label", list(PEOPLE))
async def test_every_write_asks_or_says_why_not(demo: World, label: str) -> None:
    silent = [
        path
        for path, handler in writes(demo, label)
        if not handler.opt["fresh"]
        and not handler.opt["at_once"]
        and not handler.opt.get("leaving")
        and handler.opt.get("needs") not in ORDINARY
    ]
    assert silent == []
    assert ALL.keys() >= ORDINARY


@pytest.mark.parametrize("label", list(PEOPLE))
async def test_with_an_old_factor_a_code_is_asked_and_nothing_done(world: World, label: str) -> None:
    client = await world.sign_in(PEOPLE[label], label)
    token, tried = await csrf(client), 0
    for path, handler in writes(world, label):
        for address in addresses(path, handler.opt["fresh"]) if handler.opt["fresh"] else []:
            age(world, FRESH.seconds // 60 + 1)
            before = trail(world)
            old = await client.post(address, data={"_csrf_token": token, "reason": "typed already"})
            assert asked(old), (address, old.status_code)
            assert "typed already" in old.text, address
            assert trail(world) == before, address
            age(world, 0)
            fresh = await client.post(address, data={"_csrf_token": token, "reason": "typed already"})
            assert fresh.status_code < 500, address
            assert not asked(fresh), address
            tried += 1
    assert tried >= 5


def one(world: World, query: str, *values: object) -> str:
    """Return the first value of the first row."""
    return str(next(iter(world.sql(query, *values)[0].values())))


async def test_real_acts_wait_for_the_code_and_go_through_with_it(world: World) -> None:
    viewer = one(world, "SELECT id FROM portal.partner_user WHERE email = 'viewer@northwind.example'")
    customer = one(world, "SELECT id FROM tenancy.customer_user WHERE email = 'viewer@acme-fiber.example'")
    link = one(
        world,
        "SELECT l.id FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id"
        " WHERE p.slug = 'northwind' AND l.status = 'active' ORDER BY l.id LIMIT 1",
    )
    tenant = world.tenant("acme-fiber")
    acts: list[tuple[str, str, dict[str, str]]] = [
        ("partners", f"/team/{viewer}/access", {"roles": "technical", "scope": "all"}),
        ("partners", f"/team/{viewer}/deactivate", {"reason": "Left"}),
        ("partners", "/team/reach/export", {}),
        ("customers", f"/people/{customer}/approver", {}),
        ("customers", "/trail/export", {}),
        ("staff", f"/people/customer/{customer}/deactivate", {"reason": "Asked by the customer"}),
        ("staff", f"/tenants/{tenant}/invite", {"email": "new@acme-fiber.example", "name": "New", "role": "viewer"}),
        ("staff", f"/links/{link}/revoke", {"reason": "The beta is over"}),
    ]
    clients = {label: await world.sign_in(email, label) for label, email in PEOPLE.items()}
    for label, path, form in acts:
        age(world, 11)
        forget_codes(world)
        before = trail(world)
        assert asked(await world.post(clients[label], path, **form)), path
        assert trail(world) == before, path
        done = await world.post(clients[label], path, **form, step_up_code=world.code(PEOPLE[label]))
        assert done.status_code in {200, 303}, (path, done.text[:500])
        assert trail(world) > before + 1, f"the code and the act of {path}"
