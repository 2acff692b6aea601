"""Going through a one-time link as its holder does, step by step."""

import re
from datetime import timedelta

import httpx
import pyotp

from guildhall.core import clock, db
from guildhall.core.actor import Actor, DbRole, Kind, Surface
from guildhall.domain.people import one_time
from guildhall.domain.people.one_time import Purpose
from support_world import World

PASSWORD = "long enough words"
TABLES = {
    "partners": (Surface.CONSOLE, "portal.partner"),
    "staff": (Surface.STAFF, "portal.staff"),
    "customers": (Surface.CUSTOMER, "tenancy.customer"),
}
NEWCOMER = "newcomer@northwind.example"


def hidden(page: str, name: str) -> str:
    """Return the value of a hidden field."""
    return page.split(f'name="{name}" value="', 1)[1].split('"', 1)[0]


def secret_on(page: str) -> str:
    """Return the authenticator's key on a page."""
    return page.split('id="key" type="text" value="', 1)[1].split('"', 1)[0]


def codes_on(page: str) -> list[str]:
    """Return the recovery codes on a page."""
    return re.findall(r"<code>([a-z0-9]{5}-[a-z0-9]{5})</code>", page)


def newcomer(world: World, label: str = "partners") -> str:
    """Make somebody without password and factor, as an invitation does; return the address."""
    if label == "partners":
        world.sql(
            "INSERT INTO portal.partner_user (id, email, name, partner_id, roles)"
            " SELECT gen_random_uuid(), %s, 'Nuria Soler', id, '{viewer}' FROM portal.partner WHERE slug = 'northwind'",
            NEWCOMER,
        )
    elif label == "staff":
        world.sql(
            "INSERT INTO portal.staff_user (id, email, name, roles) VALUES (gen_random_uuid(), %s, 'Nuria Soler',"
            " '{read_only}')",
            NEWCOMER,
        )
    else:
        world.sql(
            "WITH made AS (INSERT INTO tenancy.customer_user (id, email, name) VALUES (gen_random_uuid(), %s,"
            " 'Nuria Soler') RETURNING id) INSERT INTO tenancy.customer_membership (user_id, tenant_id, role, status)"
            " SELECT id, %s, 'viewer', 'active' FROM made",
            NEWCOMER,
            world.tenant("acme-fiber"),
        )
    return NEWCOMER


async def link(world: World, label: str, email: str, purpose: Purpose = "join") -> str:
    """Return the path of a fresh one-time link of a person."""
    surface, table = TABLES[label]
    user_id = world.sql(f"SELECT id FROM {table}_user WHERE email = %s", email)[0]["id"]
    tenant_id = world.tenant("acme-fiber") if label == "customers" else None
    lead = world.sql("SELECT id FROM portal.staff_user WHERE email = 'lead@halcyon.example'")[0]["id"]
    actor = Actor(kind=Kind.STAFF_USER, surface=Surface.STAFF, role=DbRole.STAFF, name="tests", user_id=lead)
    async with db.transaction(actor) as connection:
        token = await one_time.issue(
            connection,
            actor,
            surface=surface,
            user_id=user_id,
            purpose=purpose,
            now=clock.now() + timedelta(),
            tenant_id=tenant_id,
        )
    return f"/welcome/{token}"


async def walked_to_codes(world: World, client: httpx.AsyncClient, path: str) -> tuple[httpx.Response, str]:
    """Go through password and second factor; return the page of the codes, and the authenticator's secret."""
    second = await world.post(client, path, step="password", password=PASSWORD)
    assert second.status_code == 200, second.text
    secret = secret_on(second.text)
    code = pyotp.TOTP(secret).at(clock.now())
    third = await world.post(client, path, step="factor", draft=hidden(second.text, "draft"), code=code)
    assert third.status_code == 200, third.text
    return third, secret


async def walked(world: World, client: httpx.AsyncClient, path: str) -> tuple[str, list[str]]:
    """Go through the whole link and come in; return the authenticator's secret and the recovery codes."""
    third, secret = await walked_to_codes(world, client, path)
    done = await world.post(client, path, step="codes", draft=hidden(third.text, "draft"), kept="yes")
    assert done.status_code == 303, done.text
    return secret, codes_on(third.text)


def later(secret: str, seconds: int = 30) -> str:
    """Return the code of a coming step, which a walk before has not used."""
    return pyotp.TOTP(secret).at(int(clock.now().timestamp()) + seconds)
