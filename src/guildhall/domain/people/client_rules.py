"""What an API client may be: pure rules on its name, scopes, networks, tenants and end (PRODUCT §3)."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from uuid import UUID

from msgspec import Struct

from guildhall.core.errors import Invalid
from guildhall.domain.rbac.registry import PARTNER

LONGEST_LIFE = timedelta(days=365)
USUAL_LIFE = timedelta(days=90)
OVERLAPS = (timedelta(0), timedelta(hours=1), timedelta(days=1), timedelta(days=3), timedelta(days=7))
# Who acts for the partner, what the partner signs, how it is set up: people decide that, with a second factor at hand.
KEPT_BY_PEOPLE = frozenset(
    {
        "partner.agreements.sign",
        "partner.clients.manage",
        "partner.settings.manage",
        "partner.team.manage",
    }
)
_MOST_NETWORKS = 50
MOST_TENANTS = 500
_LONGEST_NAME = 80
_LONGEST_PURPOSE = 500
_MAPPED = 96  # bits in front of an IPv4 address inside of IPv6


class Draft(Struct, frozen=True, kw_only=True):
    """What somebody wants a client to be.

    `networks` are as typed, in CIDR; none means from anywhere. `tenant_scope` is `all` or `include`.
    """

    name: str
    purpose: str = ""
    scopes: frozenset[str] = frozenset()
    tenant_scope: str = "all"
    tenant_ids: frozenset[UUID] = frozenset()
    networks: tuple[str, ...] = ()
    expires_at: datetime | None = None


def grantable(held: Iterable[str]) -> frozenset[str]:
    """Return what somebody who holds `held` may give to a client: the own permissions, without what people keep."""
    return (frozenset(held) & PARTNER.keys()) - KEPT_BY_PEOPLE


def checked(draft: Draft, *, held: frozenset[str], reachable: frozenset[UUID], now: datetime) -> Draft:
    """Return the draft in its stored form; raise Invalid naming every field at fault.

    `held` are the permissions of whoever takes the client on, `reachable` the tenants that this person may name.
    """
    errors: dict[str, str] = {}
    name, purpose = named(draft.name, draft.purpose, errors)
    if not draft.scopes:
        errors["scopes"] = "Tick what the client may do"
    elif draft.scopes - grantable(held):
        errors["scopes"] = "You can give only what you may do yourself"
    errors |= _tenants_at_fault(draft, reachable) | end_at_fault(draft.expires_at, now)
    networks = networks_of(draft.networks, errors)
    if errors:
        raise Invalid(errors=errors)
    tenant_ids = draft.tenant_ids if draft.tenant_scope == "include" else frozenset()
    return Draft(
        name=name,
        purpose=purpose,
        scopes=draft.scopes,
        tenant_scope=draft.tenant_scope,
        tenant_ids=tenant_ids,
        networks=networks,
        expires_at=draft.expires_at,
    )


def named(name: str, purpose: str, errors: dict[str, str]) -> tuple[str, str]:
    """Return name and purpose in their one form, and put what is wrong with them into `errors`."""
    name, purpose = " ".join(name.split()), purpose.strip()
    if not 0 < len(name) <= _LONGEST_NAME:
        errors["name"] = "Give it a name of at most 80 characters"
    if len(purpose) > _LONGEST_PURPOSE:
        errors["purpose"] = "Use at most 500 characters"
    return name, purpose


def _tenants_at_fault(draft: Draft, reachable: frozenset[UUID]) -> dict[str, str]:
    """Return what is wrong with the tenants."""
    if draft.tenant_scope not in {"all", "include"}:
        return {"tenant_scope": "Choose one of the list"}
    if draft.tenant_scope == "all":
        return {}
    if not draft.tenant_ids:
        return {"tenant_ids": "Tick the customers that the client may reach"}
    if len(draft.tenant_ids) > MOST_TENANTS or draft.tenant_ids - reachable:
        return {"tenant_ids": "Choose among the customers that you reach yourself"}
    return {}


def end_at_fault(end: datetime | None, now: datetime) -> dict[str, str]:
    """Return what is wrong with the end; every client has one."""
    if end is None or end <= now:
        return {"expires_at": "Choose a day that is still to come"}
    if end > now + LONGEST_LIFE + timedelta(days=1):  # the day itself counts, whatever the time zone
        return {"expires_at": "Choose a day within a year"}
    return {}


def networks_of(texts: Iterable[str], errors: dict[str, str]) -> tuple[str, ...]:
    """Return networks in their one form, and put what is wrong with them into `errors`."""
    found: list[str] = []
    for text in dict.fromkeys(texts):
        try:
            network = _plain(ip_network(text.strip()))
        except ValueError:
            errors["networks"] = "Write each network on a line of its own, such as 203.0.113.0/24 or 2001:db8::/32"
            return ()
        if network.prefixlen == 0:
            errors["networks"] = "This is every address. Leave the field empty to allow every address"
            return ()
        found.append(str(network))
    if len(found) > _MOST_NETWORKS:
        errors["networks"] = "Name at most 50 networks"
    return tuple(found)


def _plain(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """Return an IPv4 network that was written inside of IPv6 as what it is."""
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is None or network.prefixlen < _MAPPED:
        return network
    return IPv4Network(f"{mapped}/{network.prefixlen - _MAPPED}")
