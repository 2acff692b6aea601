"""Every route, by every role, in every relation to a tenant: the answer that BOUNDARY §1 and §3 give.

The expectation is worked out here from the registry and from facts read as administrator; it calls neither gates nor
queries. No refused answer may carry a word of the tenant it refuses, and no refused write may
change a row.
"""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from guildhall.core.actor import Surface
from guildhall.domain.rbac.registry import CUSTOMER, PARTNER, PARTNER_ROLES, PLATFORM, STAFF, STAFF_ROLES
from support_clients import EVERYTHING, client_of, software
from support_platform import platform
from support_world import World, csrf

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
COUNTED = (
    "portal.api_client",
    "portal.api_client_secret",
    "portal.platform_client",
    "portal.platform_client_secret",
    "tenancy.tenant",
    "tenancy.ticket",
    "tenancy.ticket_comment",
    "portal.partner_tenant_link",
    "portal.link_change",
    "portal.webhook_endpoint",
    "portal.webhook_secret",
    "tenancy.customer_user",
    "tenancy.customer_one_time",
    "tenancy.link_code",
)


class Place(Struct, frozen=True):
    """A tenant as one partner stands to it; `relation` is live, expired, paused, revoked or none."""

    relation: str
    tenant_id: UUID
    permissions: frozenset[str] = frozenset()
    model: str = ""
    markers: tuple[str, ...] = ()


def places(world: World) -> list[Place]:
    """Return one tenant for each relation that Northwind can have to one, live ones of several kinds."""
    rows = world.sql(
        "SELECT DISTINCT ON (l.status, l.operating_model, l.access_role) l.*, t.name, t.domain,"
        " portal.is_live(l.status, l.starts_at, l.ends_at) AS live FROM portal.partner_tenant_link AS l"
        " JOIN portal.partner AS p ON p.id = l.partner_id JOIN tenancy.tenant AS t ON t.id = l.tenant_id"
        " WHERE p.slug = 'northwind' ORDER BY l.status, l.operating_model, l.access_role, l.id"
    )
    found = [
        Place(
            "live" if row["live"] else row["status"],
            row["tenant_id"],
            frozenset(row["permissions"]),
            row["operating_model"],
            () if row["live"] or row["status"] == "paused" else (row["domain"],),
        )
        for row in rows
        if row["status"] in {"active", "expired", "paused", "revoked"}
    ]
    stranger = world.unlinked("northwind")
    name = world.sql("SELECT name, domain FROM tenancy.tenant WHERE id = %s", stranger)[0]
    return [*found, Place("none", stranger, markers=(name["name"], name["domain"])), Place("none", uuid4())]


def routes(app: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    """Yield method, path and handler of every route that needs a permission."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            if isinstance(handler, HTTPRouteHandler) and "needs" in handler.opt:
                yield next(iter(sorted(handler.http_methods - {"OPTIONS", "HEAD"}))), route.path, handler


def address(path: str, **known: object) -> str:
    """Return the path with its parameters filled: the known ones, and ids of nothing for the rest."""
    return re.sub(r"\{(\w+):(\w+)\}", lambda part: str(known.get(part[1], 1 if part[2] == "int" else uuid4())), path)


def opening(handler: HTTPRouteHandler) -> tuple[str, ...]:
    """Return the permissions of which any one opens a route; the first says how it is refused."""
    return (handler.opt["needs"], *handler.opt.get("or_needs", ()))


def best(answers: Iterator[str]) -> str:
    """Return `yes` where any of several permissions has it, else the first one's answer."""
    found = list(answers)
    return "yes" if "yes" in found else found[0]


def may(role: str, permission: str, place: Place | None) -> str:
    """Return `yes`, `denied` (403) or `absent` (404) for a role, a permission and a tenant named by the path."""
    return allowed({name for name, one in PARTNER.items() if role in one.roles}, permission, place)


def allowed(holds: set[str], permission: str, place: Place | None) -> str:
    """Return the same for somebody who holds the permissions `holds` anywhere in the partner."""
    if permission not in holds:
        return "denied"
    held = PARTNER[permission]
    if place is None:
        return "yes"
    if place.relation in {"none", "revoked"}:
        return "absent"
    if place.relation in {"expired", "paused"}:
        return "denied"
    if held.area in {"", "any"}:
        return "yes"
    hidden = held.area == "posture" and place.model == "customer_managed"
    return "denied" if permission not in place.permissions or hidden else "yes"


def check(expected: str, answer: httpx.Response, place: Place | None, who: str) -> None:
    """Assert that the answer is the expected one and says nothing that it should not."""
    assert answer.status_code < 500, (who, answer.text[:500])
    if expected == "denied":
        assert answer.status_code == 403, (who, answer.status_code)
    elif expected == "absent":
        assert answer.status_code == 404, (who, answer.status_code)
    else:
        assert answer.status_code not in {401, 403}, (who, answer.status_code, answer.text[:800])
    for marker in place.markers if place else ():
        assert marker not in answer.text, (who, marker)
    if place is not None and place.model == "customer_managed":
        assert "POSTURE-MARKER" not in answer.text, who


def counts(world: World) -> dict[str, int]:
    """Return how many rows the tables of acts hold."""
    columns = ", ".join(f"(SELECT count(*) FROM {table}) AS {table.replace('.', '_')}" for table in COUNTED)
    return world.sql(f"SELECT {columns}")[0]


async def send(client: httpx.AsyncClient, method: str, path: str, token: str) -> httpx.Response:
    """Send a page's request: a write is an empty form with its token."""
    if method == "GET":
        return await client.get(path)
    return await client.request(method, path, data={"_csrf_token": token})


@pytest.mark.parametrize("role", PARTNER_ROLES)
async def test_console(world: World, role: str) -> None:
    app: Any = world.front._hosts[f"partners.localhost:{world.settings.port}"][1]
    client = await world.sign_in(f"{role}@northwind.example")
    token = await csrf(client)
    everywhere = places(world)
    tried = 0
    for method, path, handler in routes(app):
        for place in everywhere if "{tenant_id" in path else [None]:
            expected = best(may(role, one, place) for one in opening(handler))
            before = counts(world) if method != "GET" and expected != "yes" else {}
            where = address(path, **({"tenant_id": place.tenant_id} if place else {}))
            answer = await send(client, method, where, token)
            check(expected, answer, place, f"{role} {method} {path} {place.relation if place else ''}")
            assert not before or counts(world) == before, (role, method, path)
            tried += 1
    assert tried > 50


@pytest.mark.parametrize("role", PARTNER_ROLES)
async def test_api(world: World, role: str) -> None:
    app: Any = world.front._hosts[f"api.localhost:{world.settings.port}"][1]
    caller = await world.api(f"{role}@northwind.example")
    held = {name for name, one in PARTNER.items() if role in one.roles}
    await sweep_api(world, caller, app, held, role)


@pytest.mark.parametrize("scopes", [EVERYTHING, frozenset({"partner.tenants.list", "partner.support.tickets.list"})])
async def test_api_client(world: World, scopes: frozenset[str]) -> None:
    app: Any = world.front._hosts[f"api.localhost:{world.settings.port}"][1]
    caller = await software(world, await client_of(world, scopes=scopes))
    await sweep_api(world, caller, app, set(scopes), f"client with {len(scopes)} scopes")


async def test_platform(world: World) -> None:
    app: Any = world.front._hosts[f"api.localhost:{world.settings.port}"][1]
    caller = await platform(world)
    for method, path, handler in routes(app):
        before = counts(world)
        headers = {"Content-Type": "application/x-ndjson"} if path.endswith(":batch") else {}
        answer = await caller.request(method, address(path), headers=headers, content=b"" if headers else b"{}")
        mine = handler.opt["needs"] in PLATFORM
        check("yes" if mine else "denied", answer, None, f"platform {method} {path}")
        assert counts(world) == before, (method, path)


async def sweep_api(world: World, caller: httpx.AsyncClient, app: Litestar, held: set[str], role: str) -> None:
    """Assert what each route of the API answers to somebody who holds `held`, in and for every tenant."""
    everywhere = places(world)
    tried = 0
    for method, path, handler in routes(app):
        for place in [*everywhere, None]:
            in_path = "{tenant_id" in path
            if place is None and in_path:
                continue
            where = address(path, **({"tenant_id": place.tenant_id} if place else {}))
            headers = {"X-Active-Tenant-Id": str(place.tenant_id)} if place and not in_path else {}
            body = {} if method == "GET" else {"json": {}}
            before = counts(world) if method != "GET" else {}
            answer = await caller.request(method, where, headers=headers, **body)
            expected = best(allowed(held, one, place) for one in opening(handler))
            if expected == "absent" and not in_path:
                expected = "denied"
            who = f"{role} {method} {path} {place.relation if place else ''}"
            if expected == "yes" and handler.opt.get("write_in_tenant") and place is None:
                assert answer.status_code == 422, who
                assert answer.json()["code"] == "TENANT_CONTEXT_REQUIRED"
            else:
                check(expected, answer, place, who)
            assert method == "GET" or counts(world) == before, who
            tried += 1
    assert tried > 30


async def test_nobody_is_led_to_the_sign_in_page(demo: World) -> None:
    for label, surface in (("partners", Surface.CONSOLE), ("customers", Surface.CUSTOMER), ("staff", Surface.STAFF)):
        app: Any = demo.front._hosts[f"{label}.localhost:{demo.settings.port}"][1]
        client = demo.client(label)
        for method, path, _ in routes(app):
            if method == "GET":
                answer = await client.get(address(path, tenant_id=uuid4()))
                assert answer.status_code == 303, (surface, path)
                assert answer.headers["location"].startswith("/sign-in?next=")


async def test_nobody_is_unauthorized_on_the_api(demo: World) -> None:
    app: Any = demo.front._hosts[f"api.localhost:{demo.settings.port}"][1]
    client = demo.client("api")
    for method, path, _ in routes(app):
        for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eDp5"}):
            answer = await client.request(method, address(path), headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED"), path


@pytest.mark.parametrize("role", STAFF_ROLES)
async def test_staff(world: World, role: str) -> None:
    app: Any = world.front._hosts[f"staff.localhost:{world.settings.port}"][1]
    client = await world.sign_in(f"{role}@halcyon.example", "staff")
    await sweep(world, client, app, {name for name, one in STAFF.items() if role in one.roles}, role)


@pytest.mark.parametrize("role", ["approver", "viewer"])
async def test_customers(world: World, role: str) -> None:
    email = world.sql(
        "SELECT u.email FROM tenancy.customer_user AS u JOIN tenancy.customer_membership AS m ON m.user_id = u.id"
        " WHERE u.last_active_at IS NOT NULL GROUP BY u.email HAVING array_agg(m.role) = ARRAY[%s]"
        " ORDER BY u.email LIMIT 1",
        role,
    )[0]["email"]
    app: Any = world.front._hosts[f"customers.localhost:{world.settings.port}"][1]
    client = await world.sign_in(email, "customers")
    await sweep(world, client, app, {name for name, one in CUSTOMER.items() if role in one.roles}, role)


async def sweep(world: World, client: httpx.AsyncClient, app: Litestar, held: set[str], role: str) -> None:
    """Assert that each route of a surface without tenants in its paths answers by permission alone."""
    token = await csrf(client)
    for method, path, handler in routes(app):
        before = counts(world)
        answer = await send(client, method, address(path), token)
        check("yes" if handler.opt["needs"] in held else "denied", answer, None, f"{role} {method} {path}")
        if handler.opt["needs"] not in held:
            assert counts(world) == before, (role, method, path)


async def test_objects_of_another_tenant_do_not_exist_in_this_one(demo: World) -> None:
    live = demo.tenants("northwind", "live")
    client = await demo.sign_in("msp_full@northwind.example")
    ticket = demo.sql(
        "SELECT t.id, t.subject FROM tenancy.ticket AS t WHERE t.tenant_id = %s LIMIT 1", demo.unlinked("northwind")
    )[0]
    other = demo.sql("SELECT id, subject FROM tenancy.ticket WHERE tenant_id = %s LIMIT 1", live[1])[0]
    for found in (ticket, other):
        answer = await client.get(f"/t/{live[0]}/tickets/{found['id']}")
        assert answer.status_code == 404
        assert found["subject"] not in answer.text
