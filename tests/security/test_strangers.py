"""Whatever somebody can open and send by an id, a stranger cannot: the same addresses and filled forms, from another.

The owner's pages are walked by their links, so that what is new is tried as soon as a page leads to it; a route with an
id that no page leads to is filled from rows that there are.
"""

import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import anyio.from_thread
import anyio.to_thread
import httpx
import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

from support_actors import limit
from support_crawling import Sent, crawl, unmet
from support_document import DOCUMENT, known, named, octets, operations
from support_world import World, csrf

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
PRINCIPAL, ADMIN = "principal@northwind.example", "admin@acme-fiber.example"
PARTNER = "(SELECT id FROM portal.partner WHERE slug = 'northwind')"
TENANT = "(SELECT id FROM tenancy.tenant WHERE slug = 'acme-fiber')"
THEIRS = f"(SELECT l.tenant_id FROM portal.partner_tenant_link AS l WHERE l.partner_id = {PARTNER})"
NOT_THISTLE = "<> (SELECT id FROM tenancy.tenant WHERE slug = 'thistle')"
PERSON = f"(SELECT id FROM portal.partner_user WHERE email = '{PRINCIPAL}')"
PASSKEY = (
    "INSERT INTO {side}_passkey (id, user_id, name, credential_id, public_key)"
    " SELECT gen_random_uuid(), id, 'Key', '\\x01', '\\x01' FROM {side}_user WHERE email = '{email}'"
    " RETURNING id AS passkey_id"
)
ACCOUNT = (
    "INSERT INTO portal.partner_account (id, partner_id, home_tenant_id, subscriber_id, engagement_type, created_by)"
    f" SELECT gen_random_uuid(), {PARTNER}, tenant_id, id, 'managed', 'Halcyon' FROM tenancy.subscriber"
    f" WHERE tenant_id = {TENANT} LIMIT 1 RETURNING id AS account_id"
)
CODE = (
    "INSERT INTO tenancy.link_code (id, tenant_id, code_hash, created_by, expires_at)"
    f" SELECT gen_random_uuid(), tenant_id, '\\x01', user_id, now() + interval '1 day'"
    f" FROM tenancy.customer_membership WHERE tenant_id = {TENANT} LIMIT 1 RETURNING id AS code_id"
)
# Rows of the owner, by the names that addresses call their ids.
OF_PARTNER = (
    f"SELECT id AS link_id FROM portal.partner_tenant_link WHERE partner_id = {PARTNER} AND status = 'active'",
    f"SELECT id AS secret_id, endpoint_id FROM portal.webhook_secret WHERE partner_id = {PARTNER}",
    f"SELECT id AS delivery_id, endpoint_id FROM portal.webhook_delivery WHERE partner_id = {PARTNER}",
    f"SELECT id AS user_id FROM portal.partner_user WHERE partner_id = {PARTNER} AND email LIKE 'finance@%%'",
    f"SELECT id AS session_id FROM portal.partner_session WHERE ended_at IS NULL AND user_id = {PERSON}",
    f"SELECT id AS file_id, ticket_id, tenant_id FROM tenancy.ticket_file WHERE tenant_id = {TENANT}",
    f"SELECT id AS subscriber_id, tenant_id FROM tenancy.subscriber WHERE tenant_id = {TENANT} AND status <> 'active'",
    PASSKEY.format(side="portal.partner", email=PRINCIPAL),
    ACCOUNT,
)
OF_CUSTOMER = (
    f"SELECT id AS link_id FROM portal.partner_tenant_link WHERE tenant_id = {TENANT} AND status = 'active'",
    f"SELECT id AS file_id, ticket_id FROM tenancy.ticket_file WHERE tenant_id = {TENANT}",
    f"SELECT user_id FROM tenancy.customer_membership WHERE tenant_id = {TENANT}",
    f"SELECT id AS session_id FROM tenancy.customer_session WHERE tenant_id = {TENANT} AND ended_at IS NULL",
    PASSKEY.format(side="tenancy.customer", email=ADMIN),
    CODE,
)
# What no column says whose it is; nobody writes there in these tests.
ALLOWED = settings(
    max_examples=3,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
WHOLE = ("portal.link_change", "portal.api_client_secret", "portal.ticket_view")


def owned(world: World, where: dict[str, str]) -> dict[str, str]:
    """Return a hash of all rows for which one of the conditions, by column, holds; by table."""
    tables = world.sql(
        "SELECT table_schema || '.' || table_name AS name, array_agg(column_name::text) AS columns"
        " FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)"
        " WHERE table_type = 'BASE TABLE' AND table_schema IN ('portal', 'tenancy') GROUP BY 1"
    )
    kept = {}
    for table in tables:
        conditions = [f"x.{name} {condition}" for name, condition in where.items() if name in table["columns"]]
        if conditions or table["name"] in WHOLE:
            kept[table["name"]] = world.sql(
                "SELECT md5(coalesce(string_agg(x::text, ',' ORDER BY x::text), '')) AS hash"
                f" FROM {table['name']} AS x WHERE {' OR '.join(conditions) or 'true'}"
            )[0]["hash"]
    return kept


@asynccontextmanager
async def unchanged(world: World, **where: str) -> AsyncIterator[None]:
    """Assert that no row changes, for which one of the conditions holds."""
    before = owned(world, where)
    yield
    after = owned(world, where)
    assert len(before) > 20
    assert {name for name, kept in before.items() if after[name] != kept} == set()


async def send(client: httpx.AsyncClient, one: Sent, token: str) -> httpx.Response:
    """Send what somebody else could have sent."""
    if one.fields is None:
        return await client.get(one.address)
    names = dict.fromkeys(name for name, _ in one.fields)
    form = {name: [value for known, value in one.fields if known == name] for name in names}
    return await client.post(one.address, data={"_csrf_token": token, **form})


async def replay(client: httpx.AsyncClient, found: Iterable[Sent], theirs: set[str], *words: str) -> int:
    """Send all that names one of the ids `theirs`: it is not there, or where a form names it, nothing is told of it."""
    token, named = await csrf(client), 0
    for one in found:
        if not theirs & set(ID.findall(one.said)):
            continue
        answer = await send(client, one, token)
        by_path = bool(theirs & set(ID.findall(one.address.partition("?")[0])))
        assert answer.status_code == 404 if by_path else answer.status_code < 500, (one, answer.status_code)
        assert not [word for word in words if word in answer.text], one
        named += by_path
    return named


def ids(found: Iterable[Sent]) -> set[str]:
    """Return all ids that addresses and forms name."""
    return {each for one in found for each in ID.findall(one.said)}


async def test_of_a_partner_another_partner_finds_nothing(world: World) -> None:
    app: Any = world.front._hosts[f"partners.localhost:{world.settings.port}"][1]
    owner, stranger = await world.sign_in(PRINCIPAL), await world.sign_in("principal@cascadia.example")
    found = await crawl(owner, app)
    found += unmet(app, found, [world.sql(query)[0] for query in OF_PARTNER])
    domains = [row["domain"] for row in world.sql(f"SELECT domain FROM tenancy.tenant WHERE id IN {THEIRS}")]
    async with unchanged(world, partner_id=f"= {PARTNER}", tenant_id=f"IN {THEIRS}"):
        assert await replay(stranger, found, ids(found), "Northwind", "@northwind", *domains) > 90


async def test_of_a_customer_another_customer_finds_nothing(world: World) -> None:
    app: Any = world.front._hosts[f"customers.localhost:{world.settings.port}"][1]
    owner = await world.sign_in(ADMIN, "customers")
    stranger = await world.sign_in("admin@fairhaven.example", "customers")
    found = await crawl(owner, app)
    found += unmet(app, found, [world.sql(query)[0] for query in OF_CUSTOMER])
    async with unchanged(world, tenant_id=f"= {TENANT}"):
        assert await replay(stranger, found, ids(found), "Acme", "acme-fiber") > 30


async def test_of_a_customer_a_colleague_who_is_limited_to_another_finds_nothing(world: World) -> None:
    app: Any = world.front._hosts[f"partners.localhost:{world.settings.port}"][1]
    limit(world, "msp_full@northwind.example", world.tenant("thistle"))
    owner, colleague = await world.sign_in(PRINCIPAL), await world.sign_in("msp_full@northwind.example")
    found = await crawl(owner, app)
    tables = ("portal.alert", "tenancy.ticket", "tenancy.invoice", "tenancy.subscriber")
    queries = [f"SELECT id, tenant_id FROM {table} WHERE tenant_id {NOT_THISTLE}" for table in tables]
    # A request that was not answered names no customer, so everybody in the partner sees it.
    answered = f"tenant_name IS NOT NULL AND tenant_id {NOT_THISTLE}"
    queries.append(f"SELECT id FROM portal.partner_tenant_link WHERE {answered}")
    theirs = {str(value) for query in queries for row in world.sql(query) for value in row.values()}
    async with unchanged(world, tenant_id=NOT_THISTLE):
        assert await replay(colleague, found, theirs, "acme-fiber") > 20


async def test_over_the_api_another_partner_finds_and_changes_nothing(world: World) -> None:
    """Every operation that names a thing, with bodies that the document allows, beside a customer of the stranger's."""
    owner, stranger = await world.api(PRINCIPAL), await world.api("principal@cascadia.example")
    there, own = await known(owner), str(world.tenants("cascadia", "live")[0])
    there |= {"attachment_id": world.sql(f"SELECT id FROM tenancy.ticket_file WHERE tenant_id = {TENANT}")[0]["id"]}
    absent, wrong = set(), []

    async def send(case: Any) -> httpx.Response:
        made = requests.Request(**case.as_transport_kwargs(base_url=f"{stranger.base_url}/api/v1")).prepare()
        headers = {name: octets(value) for name, value in made.headers.items() if name.lower() != "authorization"}
        return await stranger.request(made.method or "", made.url or "", content=made.body, headers=headers)

    def replayed(operation: Any, context: str | None) -> None:
        @ALLOWED
        @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
        def one(case: Any) -> None:
            named(case, there, header=False)
            if context and "X-Active-Tenant-Id" in {each.name for each in operation.headers}:
                case.headers["X-Active-Tenant-Id"] = context
            answer = anyio.from_thread.run(send, case)
            if answer.status_code == 404:
                absent.add(operation.label)
            elif answer.status_code not in {403, 422}:
                wrong.append((operation.label, answer.status_code, answer.text))

        one()

    everything = operations((await owner.get(DOCUMENT)).json())
    asked = [each for each in everything if ID.search(address(each, there)) and "/platform/" not in each.path]
    async with unchanged(world, partner_id=f"= {PARTNER}", tenant_id=f"IN {THEIRS}"):
        for operation in asked:
            for context in (None, own, there["tenant_id"]):
                await anyio.to_thread.run_sync(replayed, operation, context)
    assert not wrong
    assert len(asked) > 25
    assert absent == {each.label for each in asked}


def address(operation: Any, there: dict[str, Any]) -> str:
    """Return the path of an operation, filled."""
    return str(operation.path.format(**{each.name: there[each.name] for each in operation.path_parameters}))
