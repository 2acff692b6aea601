"""Who acts: the frozen, explicit first argument of every query and action."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct


class Surface(StrEnum):
    """The doors of the house: four hosts, the worker, and the command line."""

    CONSOLE = "console"
    STAFF = "staff"
    CUSTOMER = "customer"
    API = "api"
    WORKER = "worker"
    CLI = "cli"


class Kind(StrEnum):
    """What kind of somebody acts."""

    PARTNER_USER = "partner_user"
    API_CLIENT = "api_client"
    CUSTOMER_USER = "customer_user"
    STAFF_USER = "staff_user"
    PLATFORM = "platform"
    SYSTEM = "system"
    ANONYMOUS = "anonymous"


class DbRole(StrEnum):
    """The database role that a transaction runs under; the prefix of the installation is added in core.db."""

    PARTNER = "partner"
    CUSTOMER = "customer"
    STAFF = "staff"
    PLATFORM = "platform"
    WORKER = "worker"


class Actor(Struct, frozen=True, kw_only=True):
    """Somebody who acts, as established by gate 1 (BOUNDARY §3) and never changed after.

    `permissions` are the strings of the registry that this person holds here, already cut to the scopes
    of a token. `user_id` is the person, or the API client, whose `session_id` is the secret that it used.
    `partner_id` is set for whoever is of a partner; `tenant_id` for a customer user's own tenant, or for a
    system actor that works for one. `factor_at` is when a second factor was last shown.
    """

    kind: Kind
    surface: Surface
    role: DbRole
    name: str
    user_id: UUID | None = None
    session_id: UUID | None = None
    partner_id: UUID | None = None
    partner_name: str | None = None
    tenant_id: UUID | None = None
    tenant_name: str | None = None
    roles: tuple[str, ...] = ()
    permissions: frozenset[str] = frozenset()
    method: str = ""
    factor_at: datetime | None = None
    language: str = "en"
    timezone: str = "UTC"
    request_id: str = ""
    ip: str = ""
    user_agent: str = ""

    @property
    def of_partner(self) -> bool:
        """Return whether somebody of a partner acts: a person, or an API client."""
        return self.kind in {Kind.PARTNER_USER, Kind.API_CLIENT}

    def may(self, permission: str) -> bool:
        """Return whether the person holds `permission` (a registry string) anywhere: gate 2."""
        return permission in self.permissions


def anonymous(surface: Surface, role: DbRole, *, request_id: str = "", ip: str = "", user_agent: str = "") -> Actor:
    """Return the actor of a request before anybody has signed in on `surface`."""
    return Actor(
        kind=Kind.ANONYMOUS,
        surface=surface,
        role=role,
        name="",
        request_id=request_id,
        ip=ip,
        user_agent=user_agent,
    )


def system(name: str, *, partner_id: UUID | None = None, tenant_id: UUID | None = None) -> Actor:
    """Return the named system actor of a job, scoped to a partner or a tenant where it concerns one."""
    return Actor(
        kind=Kind.SYSTEM,
        surface=Surface.WORKER,
        role=DbRole.WORKER,
        name=name,
        partner_id=partner_id,
        tenant_id=tenant_id,
    )
