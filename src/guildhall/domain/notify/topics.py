"""What people choose by: every kind of notice and of alert belongs to one topic of its audience.

A kind that no topic names falls under “everything else”, so nothing new is ever without a choice.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from msgspec import Struct

from guildhall.core.i18n import N_
from guildhall.domain.alerts.kinds import FAMILIES
from guildhall.domain.rbac.registry import CUSTOMER, PARTNER, STAFF


class Way(Struct, frozen=True):
    """How somebody hears of a topic: in the portal, by a letter at once, in the daily letter; none of them is none."""

    in_app: bool
    email: bool
    digest: bool


class Topic(Struct, frozen=True, kw_only=True):
    """One topic: what it is called, which kinds it holds (`*` for any rest), what one must hold, and its own way."""

    name: str
    label: str
    kinds: tuple[str, ...]
    needs: str
    way: Way


_QUIET, _DAILY, _AT_ONCE = Way(True, False, False), Way(True, False, True), Way(True, True, False)
_ENDS = ("link.ends_*",)
_LINKS, _TICKETS = "partner.links.read", "partner.support.tickets.list"
_ACCOUNTS = "partner.provisioning.subscribers.list"


def _topic(name: str, label: str, kinds: tuple[str, ...], needs: str, way: Way) -> Topic:
    return Topic(name=name, label=label, kinds=kinds, needs=needs, way=way)


def _alert(kind: str, label: str, way: Way) -> Topic:
    needs = next(needs for needs in FAMILIES.values() if kind in needs.kinds)
    return _topic(f"alert.{kind}", label, (f"alert.{kind}",), needs.read, way)


_STOPPED = ("link.paused", "link.resumed", "link.revoked", "link.expired", "link.narrowed", "link.changed")
TOPICS: Mapping[str, tuple[Topic, ...]] = {
    "partner": (
        _alert("sla.ticket", N_("Tickets past their SLA clock"), _AT_ONCE),
        _alert("sla.uptime", N_("Uptime below target"), _DAILY),
        _alert("billing.threshold", N_("Receivables over threshold"), _DAILY),
        _alert("usage.capacity", N_("Usage near or over capacity"), _DAILY),
        _alert("link.expiring", N_("Alerts about links that end soon"), _QUIET),
        _topic("link_ends", N_("Links that end soon"), _ENDS, _LINKS, _DAILY),
        _topic("links_stopped", N_("Links paused, resumed, narrowed, revoked or over"), _STOPPED, _LINKS, _AT_ONCE),
        _topic("link_answers", N_("Answers to what you asked, and links that begin"), ("link.*",), _LINKS, _DAILY),
        _topic("tickets_given", N_("Tickets that somebody gives to you"), ("ticket.assigned*",), _TICKETS, _AT_ONCE),
        _topic("tickets", N_("Tickets: what customers open and write"), ("ticket.*",), _TICKETS, _DAILY),
        _topic("clients", N_("API clients"), ("client.*",), "partner.clients.manage", _QUIET),
        _topic("accounts", N_("Partner accounts"), ("account.*",), _ACCOUNTS, _DAILY),
        _topic("other", N_("Everything else"), ("*",), _LINKS, _QUIET),
    ),
    "tenant": (
        _topic(
            "link_requests",
            N_("Partners that ask for access, or for more"),
            ("link.requested", "link.change_asked"),
            "customer.links.read",
            _AT_ONCE,
        ),
        _topic("link_ends", N_("Access that ends soon"), _ENDS, "customer.links.read", _DAILY),
        _topic("link_changes", N_("Access that begins, changes or ends"), ("link.*",), "customer.links.read", _DAILY),
        _topic(
            "subscribers",
            N_("Subscribers that partners activate or suspend"),
            ("subscriber.*",),
            "customer.links.read",
            _DAILY,
        ),
        _topic("tickets", N_("Tickets: what partners open and write"), ("ticket.*",), "customer.tickets.read", _DAILY),
        _topic("other", N_("Everything else"), ("*",), "customer.links.read", _QUIET),
    ),
    "staff": (
        _topic(
            "no_approver",
            N_("Requests that nobody at the customer can answer"),
            ("link.no_approver",),
            "staff.links.read",
            _AT_ONCE,
        ),
        _topic("applications", N_("Applications"), ("application.*",), "staff.applications.read", _DAILY),
        _topic("other", N_("Everything else"), ("*",), "staff.partners.read", _QUIET),
    ),
}
REGISTRIES = {"partner": PARTNER, "tenant": CUSTOMER, "staff": STAFF}


def topic_of(audience: str, kind: str) -> Topic:
    """Return the topic that a kind of news to `audience` belongs to: the first whose kinds hold it."""
    return next(each for each in TOPICS[audience] if any(fnmatchcase(kind, pattern) for pattern in each.kinds))
