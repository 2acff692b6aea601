"""The world that tests act in: databases cloned from a template, clients that sign in as people do."""

import itertools
import os
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import httpx
import psycopg
import pyotp
from argon2 import PasswordHasher
from litestar import Litestar
from psycopg import sql
from psycopg.rows import dict_row

from guildhall.adapters.storage import objects
from guildhall.core import clock, crypto, db, embedded
from guildhall.core.actor import Actor, Surface, anonymous
from guildhall.domain.files.store import open_store
from guildhall.domain.migrations.run import migrate
from guildhall.domain.people import methods, passwords
from guildhall.domain.people.sessions import find
from guildhall.domain.people.sign_in import sign_in
from guildhall.domain.quotas import kinds
from guildhall.hosts import Front
from guildhall.settings import LABELS, Settings
from guildhall.surfaces.entry import ROLES
from guildhall.web import POLICIES, SITES
from guildhall.worlds import demo

MASTER = b"the secret of the tests, which guards nothing at all"
PORT = 8000
LOGIN_OF = {
    Surface.CONSOLE: "login_partners",
    Surface.CUSTOMER: "login_customers",
    Surface.STAFF: "login_staff",
    Surface.API: "login_api",
    Surface.WORKER: "login_worker",
}
_STEP = 30
_REUSED_FOR, _LONG_AGO = timedelta(minutes=5), datetime.min.replace(tzinfo=UTC)
# A hash costs what its own parameters say. Thousands of sign-ins with the real ones would be minutes of nothing else;
# tests/domain/people/test_passwords.py holds what an installation uses.
QUICK = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
SETTINGS = Settings(home=Path("/nonexistent"), port=PORT, demo=True, brand="Halcyon Cloud")


@cache
def sites() -> dict[Surface, Litestar]:
    """Return the applications: one of each for all tests of a process, as a served process has for all requests."""
    crypto.set_master(MASTER)
    return {surface: make(SETTINGS) for surface, make in SITES.items()}


@dataclass
class Signed:
    """Who has signed in to one database: cookies and tokens by surface and address, and the codes used for them.

    A code opens one session only, so tests that share a database share this. A run outlasts what is fresh: a token
    opens for `tokens.ACCESS_LIFE`, a second factor counts for `freshness.FRESH`, ten minutes both.
    """

    keys: dict[tuple[str, str], str] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)
    _kept_at: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def known(self, label: str, email: str) -> str | None:
        """Return the key of `email` on the surface `label`, if it will stay fresh for all of a test."""
        if clock.now() - self._kept_at.get((label, email), _LONG_AGO) > _REUSED_FOR:
            return None
        return self.keys.get((label, email))

    def keep(self, label: str, email: str, key: str) -> str:
        """Keep and return a key that was just given out."""
        self.keys[label, email], self._kept_at[label, email] = key, clock.now()
        return key


@dataclass
class Cluster:
    """A PostgreSQL server for tests. `base` is an administrator's address with `{database}` left open."""

    base: str
    prefix: str
    template: str = field(default_factory=lambda: f"gh_template_{os.getpid()}")
    _number: "itertools.count[int]" = field(default_factory=itertools.count)

    @classmethod
    def embedded(cls, home: Path) -> Self:
        """Start a server of its own, with durability off: nothing here outlives the run."""
        socket = embedded.start(home)
        made = cls(f"postgresql://postgres@/{{database}}?host={socket}", "guildhall_")
        with psycopg.connect(made.url("postgres"), autocommit=True) as connection:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(f"ALTER SYSTEM SET {setting} = off".encode())
            connection.execute("ALTER SYSTEM SET checkpoint_timeout = '1h'")
            connection.execute("SELECT pg_reload_conf()")
        return made

    @classmethod
    def outside(cls, url: str) -> Self:
        """Use another server, under role names of the tests' own."""
        head, _, tail = url.partition("?")
        return cls(head.rsplit("/", 1)[0] + "/{database}" + (f"?{tail}" if tail else ""), "ghtest_")

    def url(self, database: str) -> str:
        """Return the administrator's address of one database."""
        return self.base.format(database=database)

    def build(self, today: date) -> None:
        """Migrate and seed the template."""
        crypto.set_master(MASTER)
        passwords.allow_demo(allowed=True)
        passwords._hasher = QUICK
        self._admin("DROP DATABASE IF EXISTS {}", self.template)
        self._admin("CREATE DATABASE {}", self.template)
        migrate(self.url(self.template), prefix=self.prefix)
        demo.seed(self.url(self.template), prefix=self.prefix, today=today)

    def clone(self, name: str = "") -> str:
        """Return the name of a fresh copy of the template."""
        name = f"gh_{name or next(self._number)}_{os.getpid()}"
        self._admin("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", name, self.template)
        return name

    def drop(self, name: str) -> None:
        """Drop a copy."""
        self._admin("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def stop(self) -> None:
        """Drop the template; the embedded server ends with the process."""
        self.drop(self.template)

    def login_url(self, login: str, database: str, *, driver: str = "postgresql") -> str:
        """Return the address of one log-in on one database."""
        address = self.url(database).replace("postgresql://", f"{driver}://", 1)
        scheme, rest = address.split("://", 1)
        host = rest.split("@", 1)[-1]
        return f"{scheme}://{self.prefix}{login}@{host}"

    def _admin(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*(sql.Identifier(name) for name in names)))


class World:
    """One database with its pools and the application in front of it.

    `client(surface_label)` is nobody; `sign_in(email)` is a person with a browser; `api(email)` one with a token.
    """

    def __init__(self, cluster: Cluster, database: str, signed: Signed) -> None:
        self.cluster, self.database, self.signed = cluster, database, signed
        self.url = cluster.url(database)
        self.settings = SETTINGS
        self._clients: list[httpx.AsyncClient] = []
        self._administrator: psycopg.Connection[dict[str, Any]] | None = None
        self.front = Front(SETTINGS, sites(), POLICIES)

    async def open(self) -> None:
        """Open the pools."""
        self.open_pools()

    def open_pools(self) -> None:
        """Open the pools alone, for tests that call the domain."""
        crypto.set_master(MASTER)
        passwords.allow_demo(allowed=True)
        methods.install(SETTINGS.ways_in)
        kinds.install(dict.fromkeys(kinds.STANDARD, kinds.MOST))  # a suite calls more than software does
        urls = {
            surface: self.cluster.login_url(login, self.database, driver="postgresql+asyncpg")
            for surface, login in LOGIN_OF.items()
        }
        db.open_pools(urls, prefix=self.cluster.prefix, size=10)
        open_store(objects.in_memory())

    async def close(self) -> None:
        """Close clients, pools and the administrator's connection."""
        for client in self._clients:
            await client.aclose()
        if self._administrator is not None:
            self._administrator.close()
        await db.close_pools()

    def client(self, label: str, *, ip: str = "127.0.0.1", **headers: str) -> httpx.AsyncClient:
        """Return a client of the surface `label` (`partners`, `customers`, `staff`, `api`) with nobody signed in."""
        made = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.front, client=(ip, 50000)),
            base_url=f"http://{label}.localhost:{PORT}",
            headers=headers,
        )
        self._clients.append(made)
        return made

    def code(self, email: str) -> str:
        """Return a one-time code that was not used in this world: the current one, or the next."""
        step = max(int(clock.now().timestamp()) // _STEP, self.signed.steps.get(email, 0) + 1)
        self.signed.steps[email] = step
        return pyotp.TOTP(demo.totp_secret(email)).at(step * _STEP)

    async def sign_in(self, email: str, label: str = "partners") -> httpx.AsyncClient:
        """Return a browser in which `email` has signed in on the surface `label`, through its form."""
        client = self.client(label)
        if cookie := self.signed.known(label, email):
            client.cookies.set(f"guildhall_{label}", cookie)
            await client.get("/sign-in")
            return client
        token = await csrf(client)
        answer = await client.post(
            "/sign-in",
            data={"_csrf_token": token, "email": email, "password": demo.DEMO_PASSWORD, "code": self.code(email)},
        )
        assert answer.status_code == 303, answer.text
        self.signed.keep(label, email, client.cookies[f"guildhall_{label}"])
        return client

    async def post(self, client: httpx.AsyncClient, path: str, **data: Any) -> httpx.Response:
        """Send a form as a browser would, with its token."""
        return await client.post(path, data={"_csrf_token": await csrf(client), **data})

    async def actor(self, email: str, label: str = "partners") -> Actor:
        """Return the actor that a request of `email` on the surface `label` would have, from a real session."""
        surface = LABELS[label]
        origin = anonymous(surface, ROLES[surface], request_id="test", ip="127.0.0.1", user_agent="tests")
        known = self.signed.known(label, email)
        found = await find(origin, token=known) if known else None
        if found is None:
            code, now = self.code(email), clock.now()
            opened = await sign_in(origin, email=email, password=demo.DEMO_PASSWORD, code=code, now=now)
            found = await find(origin, token=self.signed.keep(label, email, opened.token))
        assert found is not None
        return found.actor

    async def token(self, email: str) -> str:
        """Return an access token of `email`, from the API's own sign-in."""
        if known := self.signed.known("api", email):
            return known
        body = {"email": email, "password": demo.DEMO_PASSWORD, "otp": self.code(email)}
        answer = await self.client("api").post("/api/v1/auth/login", json=body)
        assert answer.status_code == 200, answer.text
        return self.signed.keep("api", email, str(answer.json()["access_token"]))

    async def api(self, email: str, tenant_id: UUID | str | None = None) -> httpx.AsyncClient:
        """Return an API client that acts as `email`, in a tenant's context if one is named."""
        headers = {"Authorization": f"Bearer {await self.token(email)}"}
        if tenant_id is not None:
            headers["X-Active-Tenant-Id"] = str(tenant_id)
        return self.client("api", **headers)

    def sql(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Run a statement as the administrator, who is under no policy; return its rows."""
        if self._administrator is None or self._administrator.closed:
            self._administrator = psycopg.connect(self.url, autocommit=True, row_factory=dict_row)
        with self._administrator.transaction():
            done = self._administrator.execute(statement.encode(), values or None)
            return done.fetchall() if done.description else []

    def tenant(self, slug: str) -> UUID:
        """Return the id of the tenant called `slug`."""
        found: UUID = self.sql("SELECT id FROM tenancy.tenant WHERE slug = %s", slug)[0]["id"]
        return found

    def tenants(self, partner: str, state: str, model: str | None = None) -> list[UUID]:
        """Return the tenants that `partner` (a slug) has a link to: `live`, or stored in `state`."""
        condition = "portal.is_live(l.status, l.starts_at, l.ends_at)" if state == "live" else "l.status = %s"
        rows = self.sql(
            "SELECT l.tenant_id FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id"
            f" WHERE p.slug = %s AND {condition}" + (" AND l.operating_model = %s" if model else "") + " ORDER BY l.id",
            *[value for value in (partner, None if state == "live" else state, model) if value is not None],
        )
        return [row["tenant_id"] for row in rows]

    def unlinked(self, partner: str) -> UUID:
        """Return a tenant that `partner` has never had anything to do with."""
        found: UUID = self.sql(
            "SELECT t.id FROM tenancy.tenant AS t WHERE NOT EXISTS (SELECT 1 FROM portal.partner_tenant_link AS l"
            " JOIN portal.partner AS p ON p.id = l.partner_id WHERE p.slug = %s AND l.tenant_id = t.id)"
            " AND NOT EXISTS (SELECT 1 FROM portal.partner AS p WHERE p.slug = %s AND p.home_tenant_id = t.id)"
            " ORDER BY t.slug LIMIT 1",
            partner,
            partner,
        )[0]["id"]
        return found


async def csrf(client: httpx.AsyncClient) -> str:
    """Return the form token that a page of this client carries."""
    page = await client.get("/sign-in")
    marker = 'name="_csrf_token" value="'
    return page.text.split(marker, 1)[1].split('"', 1)[0]
