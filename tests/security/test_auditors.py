"""Auditors read and write nothing: whoever has the role anywhere, and whoever comes by a link that is an auditor's."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import httpx
import pytest
from litestar.handlers import HTTPRouteHandler

from guildhall.domain.rbac.registry import PARTNER
from support_world import World, csrf

pytestmark = pytest.mark.anyio
ROLE, LINKED = "auditor@northwind.example", "principal@veritas.example"
# What looking around leaves behind: sessions, counted calls, marks of what was seen, and entries of refusals.
LOOKING = re.compile(r"session|audit_|call_count|used_challenge|backoff|refresh_token")
# The role's own ways out, which take nothing in: they are exports.
EXPORTS = {"partner.audit.export", "partner.statements.export"}
FORM = {
    "status": "pending",
    "to": "nobody",
    "priority": "high",
    "reason": "None",
    "content": "Hello",
    "subject": "Line",
}
BODIES: Mapping[str, dict[str, Any]] = {"PATCH": {"status": "pending"}, "POST": {"subject": "Line", "priority": "high"}}


def everything(world: World) -> dict[str, Any]:
    """Return a sum over every row of every table, without those that looking around writes."""
    tables = world.sql(
        "SELECT n.nspname || '.' || c.relname AS name FROM pg_class AS c"
        " JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname IN ('portal', 'tenancy', 'jobs')"
        " AND c.relkind = 'r' ORDER BY 1"
    )
    names = [row["name"] for row in tables if not LOOKING.search(row["name"])]
    assert len(names) > 50
    sums = ", ".join(
        f"(SELECT count(*) || ' ' || coalesce(sum(hashtext(t::text)::numeric), 0) FROM {name} AS t) AS \"{name}\""
        for name in names
    )
    return world.sql(f"SELECT {sums}")[0]


def writes(world: World, label: str) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    """Yield method, path and handler of every write of a surface that needs a permission."""
    app: Any = world.front._hosts[f"{label}.localhost:{world.settings.port}"][1]
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            methods = handler.http_methods & {"POST", "PATCH", "PUT", "DELETE"}
            if methods and "needs" in handler.opt:
                yield min(methods), route.path, handler


def ids(world: World, email: str) -> dict[str, object]:
    """Return something that exists, and that the person reads, for each name in an address."""
    (place,) = world.sql(
        "SELECT l.id AS link_id, l.tenant_id, a.id AS alert_id FROM portal.partner_tenant_link AS l"
        " JOIN portal.alert AS a ON a.link_id = l.id AND a.kind = 'sla.ticket' AND a.status = 'active'"
        " JOIN portal.partner_user AS u ON u.partner_id = l.partner_id"
        " JOIN tenancy.ticket AS k ON k.tenant_id = l.tenant_id"
        " WHERE u.email = %s AND portal.is_live(l.status, l.starts_at, l.ends_at) AND 'support' = ANY (l.areas)"
        " AND 'provisioning' = ANY (l.areas) ORDER BY l.id LIMIT 1",
        email,
    )
    tenant = place["tenant_id"]
    queries = {
        "ticket_id": ("SELECT id FROM tenancy.ticket WHERE tenant_id = %s AND status = 'open' LIMIT 1", tenant),
        "subscriber_id": ("SELECT id FROM tenancy.subscriber WHERE tenant_id = %s LIMIT 1", tenant),
    }
    found = {name: world.sql(query, value) for name, (query, value) in queries.items()}
    return place | {name: rows[0]["id"] for name, rows in found.items() if rows}


def filled(path: str, known: Mapping[str, object]) -> str:
    """Return a path with what is known, and ids of nothing for the rest."""
    nothing = UUID(int=7)
    return re.sub(r"\{(\w+):(\w+)\}", lambda part: str(known.get(part[1], 1 if part[2] == "int" else nothing)), path)


async def test_whoever_has_the_role_alone_writes_nowhere(world: World) -> None:
    known, held = ids(world, ROLE), {name for name, one in PARTNER.items() if "auditor" in one.roles}
    console, api = await world.sign_in(ROLE), await world.api(ROLE, known["tenant_id"])  # type: ignore[arg-type]
    token, before, tried = await csrf(console), everything(world), 0
    for label, client in (("partners", console), ("api", api)):
        for method, path, handler in writes(world, label):
            needed = {handler.opt["needs"], *handler.opt.get("or_needs", ())}
            if needed & held:
                assert needed <= EXPORTS, path
                continue
            sent = {"data": FORM | {"_csrf_token": token}} if label == "partners" else {"json": BODIES.get(method, {})}
            answer = await client.request(method, filled(path, known), **sent)  # type: ignore[arg-type]
            assert answer.status_code == 403, (label, method, path, answer.status_code)
            assert label == "partners" or answer.json()["code"] == "FORBIDDEN", path
            tried += 1
    assert tried > 70
    assert everything(world) == before


async def test_whoever_comes_by_an_auditors_link_changes_nothing_of_the_customer(world: World) -> None:
    known = ids(world, LINKED)
    console, api = await world.sign_in(LINKED), await world.api(LINKED, known["tenant_id"])  # type: ignore[arg-type]
    token, before, tried = await csrf(console), everything(world), 0
    for label, client in (("partners", console), ("api", api)):
        for method, path, _ in writes(world, label):
            if not re.search(r"/t/\{|tickets|subscribers|partner/alerts", path) or "views" in path or "bulk" in path:
                continue
            tried += 1
            refused = await asked(client, label, method, filled(path, known), token)
            assert refused.status_code == 403, (label, method, path, refused.status_code, refused.text[:300])
            assert label == "partners" or refused.json()["code"] == "FORBIDDEN", path
    assert tried > 12
    (row,) = world.sql("SELECT version FROM tenancy.ticket WHERE id = %s", known["ticket_id"])
    bulk = FORM | {"ticket": f"{known['ticket_id']}:{row['version']}", "_csrf_token": token}
    many = await console.post("/tickets/bulk", data=bulk)
    assert "does not allow changing tickets" in many.text
    for act in ("acknowledge", "snooze"):
        sent = {"_csrf_token": token, "id": str(known["alert_id"]), "hours": "4"}
        assert (await console.post(f"/alerts/{act}", data=sent)).status_code == 403, act
    assert everything(world) == before


async def asked(client: httpx.AsyncClient, label: str, method: str, path: str, token: str) -> httpx.Response:
    """Send a write that would be whole if it were allowed."""
    if label == "partners":
        return await client.request(method, path, data=FORM | {"_csrf_token": token})
    body = {} if path.endswith("/acknowledge") else BODIES.get(method, {})  # one takes no body
    return await client.request(method, path, json=body)
