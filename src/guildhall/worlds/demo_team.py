"""Teams of the demo: groups of customers, somebody limited to one, and invitations that wait for an answer."""

from datetime import timedelta

from guildhall.core import crypto
from guildhall.worlds.demo_names import full_name
from guildhall.worlds.demo_partners import BY_SLUG, PartnerPerson
from guildhall.worlds.demo_people import COLUMNS, Roll
from guildhall.worlds.demo_tenants import tenant_id
from guildhall.worlds.ground import Connection, copy, made_id

_NORTHWIND = BY_SLUG["northwind"]
# Name -> the customers in it.
GROUPS = {
    "Coast": ("harborline", "costa-verde", "sandpiper"),
    "Key accounts": ("acme-fiber", "kestrel", "brightwell"),
}
IN_GROUP = ("isla.moreno@northwind.example", "Coast")
INVITED = PartnerPerson(_NORTHWIND, "nadia.haddad@northwind.example", ("msp_support", "technical"))
LAPSED = PartnerPerson(_NORTHWIND, "tom.becker@northwind.example", ("salesperson",))
STAFF_INVITED = "noor.aziz@halcyon.example"
MEMBER_INVITED = ("yara.osei@acme-fiber.example", "acme-fiber")
_LINK = "id user_id purpose token_hash created_by expires_at created_at"


def seed_team(connection: Connection, roll: Roll) -> None:
    """Write groups, the limit that names one, and invitations: two of Northwind, one of staff, one of a customer."""
    _groups(connection, roll)
    for person, days in ((INVITED, 5), (LAPSED, -6)):
        row = (*_never_came("partner_user", person.email, roll), person.partner.id, list(person.roles), "all")
        copy(connection, "portal.partner_user", f"{COLUMNS} partner_id roles tenant_scope", [row])
        copy(connection, "portal.partner_one_time", _LINK, [_link(person.id, person.email, roll, days)])
    row = (*_never_came("staff_user", STAFF_INVITED, roll), ["support"])
    copy(connection, "portal.staff_user", f"{COLUMNS} roles", [row])
    staff = made_id("staff_user", STAFF_INVITED)
    copy(connection, "portal.staff_one_time", _LINK, [_link(staff, STAFF_INVITED, roll, 6)])
    _member(connection, roll)


def _groups(connection: Connection, roll: Roll) -> None:
    groups = {name: made_id("tenant_group", name) for name in GROUPS}
    at = roll.now - timedelta(days=40)
    rows = [(group, _NORTHWIND.id, name, at, at) for name, group in groups.items()]
    copy(connection, "portal.tenant_group", "id partner_id name created_at updated_at", rows)
    inside = [(groups[name], tenant_id(slug)) for name, slugs in GROUPS.items() for slug in slugs]
    copy(connection, "portal.tenant_group_tenant", "group_id tenant_id", inside)
    email, name = IN_GROUP
    copy(connection, "portal.partner_user_group", "user_id group_id", [(made_id("partner_user", email), groups[name])])


def _member(connection: Connection, roll: Roll) -> None:
    email, slug = MEMBER_INVITED
    person = made_id("customer_user", email)
    copy(connection, "tenancy.customer_user", COLUMNS, [_never_came("customer_user", email, roll)])
    membership = (person, tenant_id(slug), "viewer", "active", full_name(email), roll.now - timedelta(days=2))
    columns = "user_id tenant_id role status invited_name created_at"
    copy(connection, "tenancy.customer_membership", columns, [membership])
    link = (*_link(person, email, roll, 4), tenant_id(slug))
    copy(connection, "tenancy.customer_one_time", f"{_LINK} tenant_id", [link])


def _never_came(kind: str, email: str, roll: Roll) -> tuple[object, ...]:
    """Return the COLUMNS of somebody who was invited: no password, no second factor, never active."""
    row = list(roll.row(kind, email, born=roll.now - timedelta(days=2)))
    for name in ("password_hash", "totp_secret", "last_active_at"):
        row[COLUMNS.split().index(name)] = None
    return tuple(row)


def _link(user_id: object, email: str, roll: Roll, days: int) -> tuple[object, ...]:
    """Return a one-time link that ends in `days`; nobody has its token."""
    ends = roll.now + timedelta(days=days)
    token = crypto.token_hash(crypto.new_token())
    return (made_id("one_time", email), user_id, "join", token, "Ana Ruiz", ends, ends - timedelta(days=7))
