"""Subscribers of the demo's tenants: the individual customers behind invoices and tickets."""

from datetime import timedelta
from uuid import UUID

from msgspec import Struct

from guildhall.worlds.demo_names import names
from guildhall.worlds.demo_tenants import Tenant
from guildhall.worlds.ground import Connection, chance, copy, made_id, midnight

_PLANS = (("Home 100", "39.00"), ("Home 500", "59.00"), ("Home 1000", "79.00"), ("Business 1000", "189.00"))


class Subscriber(Struct, frozen=True):
    """One subscriber; `price` is the plan's monthly price as a decimal string."""

    id: UUID
    tenant: Tenant
    number: int
    name: str
    status: str
    plan: str
    price: str


def subscribers(cast: list[Tenant]) -> list[Subscriber]:
    """Return all subscribers, ten to eighty for each tenant."""
    return [one for tenant in cast for one in _of(tenant)]


def _of(tenant: Tenant) -> list[Subscriber]:
    luck = chance("subscribers", tenant.slug)
    count = luck.randint(10, 24) if tenant.status == "trial" else luck.randint(24, 80)
    made = []
    for number, name in enumerate(names("subscribers", tenant.slug, count=count)):
        plan, price = luck.choices(_PLANS, weights=(5, 4, 2, 2))[0]
        status = luck.choices(("active", "suspended", "cancelled"), weights=(88, 5, 7))[0]
        made.append(Subscriber(made_id("subscriber", tenant.slug, number), tenant, number, name, status, plan, price))
    return made


def seed_subscribers(connection: Connection, made: list[Subscriber]) -> None:
    """Write the subscribers."""
    copy(
        connection,
        "tenancy.subscriber",
        "id tenant_id external_id name email status plan created_at updated_at",
        (_row(one) for one in made),
    )


def _row(one: Subscriber) -> tuple[object, ...]:
    born = midnight(one.tenant.since) + timedelta(hours=8, minutes=one.number)
    address = f"{one.name.lower().replace(' ', '.')}@mail.example"
    return (one.id, one.tenant.id, f"S-{one.number:04}", one.name, address, one.status, one.plan, born, born)
