"""Who is shut out is refused on the very next request, on sessions and tokens of before (PRODUCT §3, BOUNDARY §3)."""

from uuid import UUID

import httpx
import pytest
from msgspec import Struct

from support_clients import client_of, software
from support_world import World, csrf

pytestmark = pytest.mark.anyio
PERSON = "principal@northwind.example"
TICKETS = "/api/v1/partner/support/tickets"
_PERSON = f"email = '{PERSON}'"
_WHO = f"(SELECT id FROM portal.partner_user WHERE {_PERSON})"
_PARTNER = f"id = (SELECT partner_id FROM portal.partner_user WHERE {_PERSON})"
_GROUP = "(SELECT id FROM portal.tenant_group WHERE name = 'of the test')"
GOES_ON = (200, 303)
PARTNER_INACTIVE = "PARTNER_INACTIVE"


class Row(Struct, frozen=True, kw_only=True):
    """One way of being shut out: what is changed in the database, and every answer that follows.

    `page` and `form` are the statuses of reading and writing in the console, `token` and `software` the status and code
    of the API for the person's access token and for a token of the person's client, `elsewhere` the status of another
    tenant's page. `{tenant}` and `{other}` stand for the two.
    """

    name: str
    change: tuple[str, ...]
    page: int
    form: int
    token: tuple[int, str]
    software: tuple[int, str]
    elsewhere: int


SIGNED_OUT = (401, "UNAUTHORIZED")
DENIED = (403, "TENANT_ACCESS_DENIED")
_INCLUDE = f"UPDATE portal.partner_user SET tenant_scope = 'include' WHERE {_PERSON}"
_EXCLUDE = f"UPDATE portal.partner_user SET tenant_scope = 'exclude' WHERE {_PERSON}"
_LIMITED = {"page": 404, "form": 404, "token": DENIED, "software": DENIED, "elsewhere": 200}
_OUT = {"page": 303, "form": 303, "elsewhere": 303}


def _tenant(name: str) -> str:
    return f"INSERT INTO portal.partner_user_tenant (user_id, tenant_id) VALUES ({_WHO}, '{{{name}}}')"


def _group(name: str) -> tuple[str, ...]:
    return (
        f"INSERT INTO portal.tenant_group_tenant (group_id, tenant_id) VALUES ({_GROUP}, '{{{name}}}')",
        f"INSERT INTO portal.partner_user_group (user_id, group_id) VALUES ({_WHO}, {_GROUP})",
    )


ROWS = (
    Row(
        name="deactivated",
        change=(f"UPDATE portal.partner_user SET status = 'deactivated' WHERE {_PERSON}",),
        token=SIGNED_OUT,
        software=SIGNED_OUT,
        **_OUT,
    ),
    Row(
        name="lost the role",
        change=(f"UPDATE portal.partner_user SET roles = '{{{{viewer}}}}' WHERE {_PERSON}",),
        page=403,
        form=403,
        token=(403, "FORBIDDEN"),
        software=(403, "FORBIDDEN"),
        elsewhere=403,
    ),
    Row(
        name="partner suspended",
        change=(f"UPDATE portal.partner SET status = 'suspended' WHERE {_PARTNER}",),
        page=200,
        form=403,
        token=(403, PARTNER_INACTIVE),
        software=(403, PARTNER_INACTIVE),
        elsewhere=200,
    ),
    Row(
        name="partner terminated",
        change=(f"UPDATE portal.partner SET status = 'terminated' WHERE {_PARTNER}",),
        token=SIGNED_OUT,
        software=SIGNED_OUT,
        **_OUT,
    ),
    Row(name="limited to another tenant", change=(_INCLUDE, _tenant("other")), **_LIMITED),
    Row(name="limited to all but this tenant", change=(_EXCLUDE, _tenant("tenant")), **_LIMITED),
    Row(name="limited to a group without it", change=(_INCLUDE, *_group("other")), **_LIMITED),
    Row(name="limited to all but a group with it", change=(_EXCLUDE, *_group("tenant")), **_LIMITED),
    Row(
        name="sessions and the client's secret ended",
        change=(
            f"UPDATE portal.partner_session SET ended_at = now() WHERE user_id = {_WHO}",
            "UPDATE portal.api_client_secret SET ends_at = now()",
        ),
        token=SIGNED_OUT,
        software=SIGNED_OUT,
        **_OUT,
    ),
)
RESTORE = (
    f"UPDATE portal.partner_user SET status = 'active', tenant_scope = 'all', roles = '{{principal}}' WHERE {_PERSON}",
    f"UPDATE portal.partner SET status = 'active' WHERE {_PARTNER}",
    f"UPDATE portal.partner_session SET ended_at = NULL WHERE user_id = {_WHO}",
    "UPDATE portal.api_client_secret SET ends_at = NULL",
    f"DELETE FROM portal.partner_user_tenant WHERE user_id = {_WHO}",
    f"DELETE FROM portal.partner_user_group WHERE user_id = {_WHO}",
    f"DELETE FROM portal.tenant_group_tenant WHERE group_id = {_GROUP}",
)


class Callers(Struct, frozen=True):
    """The person's browser, the person's own token and the token of the person's client, each from before."""

    world: World
    browser: httpx.AsyncClient
    csrf: str
    token: httpx.AsyncClient
    software: httpx.AsyncClient
    tenant: UUID
    other: UUID

    def tickets(self) -> int:
        """Return how many tickets there are: what a refused write must not change."""
        count: int = self.world.sql("SELECT count(*) AS n FROM tenancy.ticket")[0]["n"]
        return count

    async def writes(self) -> tuple[httpx.Response, httpx.Response, httpx.Response]:
        """Open a ticket in the tenant by the form, the person's token and the client's."""
        form = {"_csrf_token": self.csrf, "subject": "No uplink", "priority": "high", "category": "network"}
        body = {"subject": "No uplink"}
        return (
            await self.browser.post(f"/t/{self.tenant}/tickets/new", data=form),
            await self.token.post(TICKETS, json=body),
            await self.software.post(TICKETS, json=body),
        )

    async def holds(self, row: Row) -> None:
        """Assert what follows from a row, for reads and writes, in this tenant and in another."""
        before = self.tickets()
        pages = [await self.browser.get(f"/t/{each}/tickets") for each in (self.tenant, self.other)]
        assert [page.status_code for page in pages] == [row.page, row.elsewhere], row.name
        form, *calls = await self.writes()
        assert form.status_code == row.form, row.name
        for caller, answer, expected in zip((self.token, self.software), calls, (row.token, row.software), strict=True):
            read = await caller.get(TICKETS)
            for each in (answer, read):
                assert (each.status_code, each.json()["code"]) == expected, (row.name, each.request.method)
        assert self.tickets() == before, row.name

    async def answered(self, after: str) -> None:
        """Assert that everything goes through: the requests of the table fail for their row alone."""
        before = self.tickets()
        assert [answer.status_code for answer in await self.writes()] == [303, 201, 201], after
        assert self.tickets() == before + 3, after
        assert (await self.browser.get(f"/t/{self.other}/tickets")).status_code == 200, after


async def test_a_partners_person(world: World) -> None:
    tenant, other = world.tenant("acme-fiber"), world.tenant("thistle")
    group = "INSERT INTO portal.tenant_group (id, partner_id, name) SELECT gen_random_uuid(), id, 'of the test'"
    world.sql(f"{group} FROM portal.partner WHERE {_PARTNER}")
    browser = await world.sign_in(PERSON)
    callers = Callers(
        world,
        browser,
        await csrf(browser),
        await world.api(PERSON, tenant),
        await software(world, await client_of(world), tenant),
        tenant,
        other,
    )
    await callers.answered("before everything")
    for row in ROWS:
        for statement in row.change:
            world.sql(statement.format(tenant=tenant, other=other))
        await callers.holds(row)
        for statement in RESTORE:
            world.sql(statement)
        await callers.answered(row.name)


async def test_a_customers_person(world: World) -> None:
    email, who = "admin@acme-fiber.example", "(SELECT id FROM tenancy.customer_user WHERE email = %s)"
    client = await world.sign_in(email, "customers")
    token = await csrf(client)

    async def answers() -> tuple[int, int, int]:
        """Return the statuses of a read, of a write, and how many codes were made by it."""
        before = world.sql("SELECT id FROM tenancy.link_code")
        read, write = await client.get("/people"), await client.post("/codes", data={"_csrf_token": token})
        return read.status_code, write.status_code, len(world.sql("SELECT id FROM tenancy.link_code")) - len(before)

    assert await answers() == (200, 200, 1)
    for table, column, value, expected in (
        ("customer_user", "status", "deactivated", (303, 303, 0)),
        ("customer_membership", "status", "deactivated", (303, 303, 0)),
        ("customer_membership", "role", "viewer", (200, 403, 0)),
    ):
        key = "id" if table == "customer_user" else "user_id"
        usual = "approver" if column == "role" else "active"
        for now, then in ((value, expected), (usual, (200, 200, 1))):
            world.sql(f"UPDATE tenancy.{table} SET {column} = %s WHERE {key} = {who}", now, email)
            assert await answers() == then, (table, column, now)


async def test_one_of_staff(world: World) -> None:
    client = await world.sign_in("partner_manager@halcyon.example", "staff")
    token, domains = await csrf(client), iter(("gmx.net", "web.de", "yahoo.com", "hotmail.com", "aol.com"))

    async def answers() -> tuple[int, int, int]:
        """Return the statuses of a read, of a write, and how many domains were allowed by it."""
        before = len(world.sql("SELECT 1 FROM portal.email_domain_allowed"))
        form = {"_csrf_token": token, "domain": next(domains), "reason": "Their own mail"}
        read, write = await client.get("/partners"), await client.post("/email-domains", data=form)
        return read.status_code, write.status_code, len(world.sql("SELECT 1 FROM portal.email_domain_allowed")) - before

    assert await answers() == (200, 303, 1)
    change = "UPDATE portal.staff_user SET {} WHERE email = 'partner_manager@halcyon.example'"
    for now, usual, expected in (
        ("status = 'deactivated'", "status = 'active'", (303, 303, 0)),
        ("roles = '{read_only}'", "roles = '{partner_manager}'", (200, 403, 0)),
    ):
        for each, then in ((now, expected), (usual, (200, 303, 1))):
            world.sql(change.replace("{}", each, 1))
            assert await answers() == then, each
