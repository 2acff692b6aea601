"""The fields of roles and limits, which an invitation and a change of access share."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid
from guildhall.core.ids import parse_id
from guildhall.domain.people.limits import Limits
from guildhall.domain.rbac.registry import PARTNER_ROLES, grantable
from guildhall.domain.team import groups, limiting
from guildhall.domain.team.limiting import Customer
from guildhall.surfaces.html import Web, ticked
from guildhall.surfaces.kit.i18n import N_, gettext
from guildhall.surfaces.kit.tables import Option
from guildhall.surfaces.words import person_role_label

SHOWN = 200  # customers offered at once; the others are found by name
MANY = ("roles", "tenants", "groups")
ROLE_DETAILS = {
    "principal": N_("Everything of the partner, the team and agreements included."),
    "salesperson": N_("Deals and quotes, price lists, own commissions."),
    "technical": N_("Deals without money, tickets, subscribers to read, posture."),
    "finance": N_("Deals, billing, statements and commissions, to read."),
    "viewer": N_("The dashboard and the status of deals."),
    "msp_full": N_("Operates customers as their links allow, money included."),
    "msp_billing": N_("Invoices, payments and reports of customers."),
    "msp_support": N_("Tickets and subscribers of customers, no money."),
    "auditor": N_("Reads everything that links allow, changes nothing."),
}
SCOPES = (
    ("all", N_("All customers"), N_("Also those that come later.")),
    ("include", N_("Only some"), N_("Those chosen below, and no others.")),
    ("exclude", N_("All but some"), N_("All except those chosen below.")),
)


async def chosen(request: Web) -> dict[str, Any]:
    """Return what was ticked, by field, each value once."""
    return {name: list(dict.fromkeys(await ticked(request, name))) for name in MANY}


def limits_in(values: dict[str, Any]) -> Limits:
    """Return the limits that a form asks for; raises Invalid for what is no id."""
    return Limits(
        scope=values.get("scope", ""),
        tenant_ids=_ids(values["tenants"], "tenants"),
        group_ids=_ids(values["groups"], "groups"),
    )


def _ids(texts: Sequence[str], name: str) -> tuple[UUID, ...]:
    found = tuple(parse_id(text) for text in texts)
    if None in found:
        raise Invalid(errors={name: "Choose among those of the list"})
    return tuple(each for each in found if each is not None)


async def choices(
    connection: AsyncConnection, actor: Actor, *, picked: Collection[str] = (), find: str = ""
) -> dict[str, Any]:
    """Return what the fields offer: roles, groups, and customers that are picked or whose names hold `find`."""
    everybody = await limiting.customers(connection, actor)
    return {
        "roles": role_choices(actor),
        "scopes": [Option(code, gettext(label), gettext(detail)) for code, label, detail in SCOPES],
        "groups": [Option(str(one.id), one.name) for one in await groups.listed(connection, actor)],
        "customers": offered(everybody, picked=picked, find=find),
        "more": len(everybody) > SHOWN,
    }


def role_choices(actor: Actor) -> list[Option]:
    """Return the roles, those above the own ones switched off."""
    below = set(grantable(actor.roles))
    return [
        Option(code, person_role_label(code), gettext(ROLE_DETAILS[code]), disabled=code not in below)
        for code in PARTNER_ROLES
    ]


def offered(everybody: Sequence[Customer], *, picked: Collection[str], find: str) -> list[Option]:
    """Return some customers as choices: those picked first, then as many as fit of those that match."""
    first = [one for one in everybody if str(one.id) in picked]
    rest = [one for one in everybody if str(one.id) not in picked and find.lower() in one.name.lower()]
    return [Option(str(one.id), one.name) for one in (*first, *rest[: max(SHOWN - len(first), 0)])]
