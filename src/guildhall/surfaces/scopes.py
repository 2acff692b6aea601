"""What an API client may do, in words: every permission that a client can be given, by what it is about."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from guildhall.domain.people.client_rules import grantable
from guildhall.domain.rbac.registry import PARTNER
from guildhall.surfaces.kit.i18n import N_, gettext
from guildhall.surfaces.kit.tables import Option
from guildhall.surfaces.words import PERMISSIONS

# First word of a permission after `partner.` -> what it is about, in the order of the form.
GROUPS: Mapping[str, str] = {
    "tenants": N_("Customers"),
    "money": N_("Customers"),
    "support": N_("Tickets"),
    "provisioning": N_("Subscribers"),
    "billing": N_("Billing"),
    "reports": N_("Reports"),
    "alerts": N_("Alerts"),
    "posture": N_("Security posture"),
    "links": N_("Links"),
    "deals": N_("Deals and quotes"),
    "quotes": N_("Deals and quotes"),
    "statements": N_("Statements and commissions"),
    "commissions": N_("Statements and commissions"),
    "payouts": N_("Statements and commissions"),
    "demos": N_("Programme"),
    "documents": N_("Programme"),
    "training": N_("Programme"),
    "questions": N_("Programme"),
    "team": N_("Organisation"),
    "audit": N_("Organisation"),
    "webhooks": N_("Organisation"),
}
_OTHERS: Mapping[str, str] = {
    "partner.tenants.list": N_("List customers"),
    "partner.tenants.switch_context": N_("Work inside a customer"),
    "partner.money.read": N_("See amounts of money"),
    "partner.links.read": N_("Read links"),
    "partner.links.request": N_("Ask customers for access"),
    "partner.links.end": N_("Pause and end links"),
    "partner.deals.read": N_("Read deals"),
    "partner.deals.status": N_("See the status of deals"),
    "partner.deals.write": N_("Register and change deals"),
    "partner.quotes.read": N_("Read quotes"),
    "partner.quotes.write": N_("Write quotes"),
    "partner.statements.read": N_("Read statements"),
    "partner.statements.export": N_("Export statements"),
    "partner.commissions.read_own": N_("Read own commissions"),
    "partner.commissions.read_all": N_("Read all commissions"),
    "partner.payouts.export": N_("Export payouts"),
    "partner.demos.use": N_("Use demos"),
    "partner.documents.read": N_("Read documents"),
    "partner.training.take": N_("Take trainings"),
    "partner.questions.ask": N_("Ask questions"),
    "partner.webhooks.manage": N_("Manage webhooks"),
    "partner.team.read": N_("See the team"),
    "partner.audit.read": N_("Read the audit trail"),
    "partner.audit.export": N_("Export the audit trail"),
}
_WORDS: Mapping[str, str] = {**PERMISSIONS, **_OTHERS}


class Group(Struct, frozen=True):
    """Permissions about one thing, as a form shows them."""

    title: str
    options: list[Option]


def english(name: str) -> str:
    """Return the English words for a permission, or the string itself where it has none yet."""
    return _WORDS.get(name, name)


def label(name: str) -> str:
    """Return the words for a permission in the reader's language."""
    return gettext(english(name))


def groups(names: Iterable[str]) -> list[Group]:
    """Return the permissions of `names` that a client can be given, by what they are about."""
    wanted = grantable(names)
    found: dict[str, list[Option]] = {}
    for word, title in GROUPS.items():
        mine = [name for name in PARTNER if name in wanted and name.split(".")[1] == word]
        found.setdefault(title, []).extend(Option(name, label(name)) for name in mine)
    return [Group(gettext(title), options) for title, options in found.items() if options]
