"""What each notice says, by audience and kind: message ids that a surface translates and fills with the values.

`%(name)s` stands for one of the notice's values. A partner's sentence says `tenant`, which is the tenant's name
where the partner knows it and else the domain that the partner typed.
"""

from collections.abc import Mapping
from typing import Any


def N_(msgid: str) -> str:  # noqa: N802 - the name that every gettext tool knows
    """Mark `msgid` for translation and return it unchanged; the surface translates it when it is shown."""
    return msgid


SENTENCES: Mapping[tuple[str, str], str] = {
    ("partner", "link.created"): N_("The vendor linked you to %(tenant)s"),
    ("partner", "link.approved"): N_("%(tenant)s approved your request"),
    ("partner", "link.declined"): N_("%(tenant)s declined your request"),
    ("partner", "link.countered"): N_("%(tenant)s made a counter-offer"),
    ("partner", "link.lapsed"): N_("Your request to %(tenant)s was not answered and has lapsed"),
    ("partner", "link.started"): N_("Your link to %(tenant)s has started"),
    ("partner", "link.paused"): N_("Your link to %(tenant)s was paused"),
    ("partner", "link.resumed"): N_("Your link to %(tenant)s works again"),
    ("partner", "link.revoked"): N_("Your link to %(tenant)s was revoked"),
    ("partner", "link.expired"): N_("Your link to %(tenant)s has expired"),
    ("partner", "link.narrowed"): N_("Your link to %(tenant)s now allows less"),
    ("partner", "link.changed"): N_("Your link to %(tenant)s was changed"),
    ("partner", "link.change_approved"): N_("%(tenant)s approved the change you asked for"),
    ("partner", "link.change_declined"): N_("%(tenant)s declined the change you asked for"),
    ("partner", "link.ends_soon"): N_("Your link to %(tenant)s ends in %(days)s days"),
    ("partner", "link.ends_tomorrow"): N_("Your link to %(tenant)s ends tomorrow"),
    ("partner", "link.ends_today"): N_("Your link to %(tenant)s ends today"),
    ("partner", "account.begun"): N_("The vendor entrusted a subscriber of your own tenant to you"),
    ("partner", "account.ended"): N_("The vendor ended one of your partner accounts"),
    ("partner", "client.set_up"): N_("%(by)s set up the API client %(client)s"),
    ("partner", "client.changed"): N_("%(by)s changed the API client %(client)s"),
    ("partner", "client.secret_made"): N_("%(by)s made a new secret for the API client %(client)s"),
    ("partner", "client.revoked"): N_("%(by)s revoked the API client %(client)s"),
    ("partner", "client.ends_soon"): N_("The API client %(client)s ends in %(days)s days"),
    ("partner", "client.ends_tomorrow"): N_("The API client %(client)s ends tomorrow"),
    ("partner", "client.ends_today"): N_("The API client %(client)s ends today"),
    ("partner", "ticket.opened"): N_("%(by)s of %(tenant)s opened ticket #%(number)s"),
    ("partner", "ticket.commented"): N_("%(by)s of %(tenant)s commented on ticket #%(number)s"),
    ("partner", "ticket.assigned"): N_("%(by)s gave you ticket #%(number)s of %(tenant)s"),
    ("partner", "ticket.assigned_many"): N_("Tickets that %(by)s gave you at once: %(number)s"),
    ("tenant", "link.requested"): N_("%(partner)s asks for access"),
    ("tenant", "link.created"): N_("The vendor gave %(partner)s access"),
    ("tenant", "link.accepted"): N_("%(partner)s accepted your counter-offer"),
    ("tenant", "link.withdrawn"): N_("%(partner)s withdrew its request"),
    ("tenant", "link.lapsed"): N_("The request of %(partner)s was not answered and has lapsed"),
    ("tenant", "link.started"): N_("The access of %(partner)s has started"),
    ("tenant", "link.paused"): N_("The access of %(partner)s was paused"),
    ("tenant", "link.resumed"): N_("The access of %(partner)s works again"),
    ("tenant", "link.revoked"): N_("The vendor revoked the access of %(partner)s"),
    ("tenant", "link.ended"): N_("%(partner)s ended its access"),
    ("tenant", "link.expired"): N_("The access of %(partner)s has expired"),
    ("tenant", "link.narrowed"): N_("%(partner)s gave up a part of its access"),
    ("tenant", "link.promised"): N_("%(partner)s changed the service level that it promises you"),
    ("tenant", "link.changed"): N_("The access of %(partner)s was changed"),
    ("tenant", "link.change_asked"): N_("%(partner)s asks to change its access"),
    ("tenant", "link.change_withdrawn"): N_("%(partner)s no longer asks to change its access"),
    ("tenant", "link.ends_soon"): N_("The access of %(partner)s ends in %(days)s days"),
    ("tenant", "link.ends_tomorrow"): N_("The access of %(partner)s ends tomorrow"),
    ("tenant", "link.ends_today"): N_("The access of %(partner)s ends today"),
    ("tenant", "subscriber.activated"): N_("%(partner)s activated the subscriber %(subscriber)s"),
    ("tenant", "subscriber.suspended"): N_("%(partner)s suspended the subscriber %(subscriber)s"),
    ("tenant", "ticket.opened"): N_("%(by)s of %(partner)s opened ticket #%(number)s"),
    ("tenant", "ticket.commented"): N_("%(by)s of %(partner)s commented on ticket #%(number)s"),
    ("staff", "link.no_approver"): N_("%(partner)s asks for access to %(tenant)s, where nobody can approve"),
    ("staff", "application.submitted"): N_("%(applicant)s applies to become a partner"),
    ("staff", "application.answered"): N_("%(applicant)s answered what was asked about its application"),
}


def sentence(audience: str, kind: str) -> str:
    """Return the message id for a notice of `kind` to `audience`."""
    return SENTENCES[audience, kind]


def filled(text: str, values: Mapping[str, Any]) -> str:
    """Return a sentence, translated or not, with the notice's values in it."""
    return text % values
