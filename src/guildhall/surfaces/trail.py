"""The trail in the reader's words: a sentence, a look and a name for each entry, and its changes line by line."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType

from msgspec import Struct

from guildhall.domain.audit.reading import Entry
from guildhall.surfaces.kit.formats import ABSENT
from guildhall.surfaces.kit.formats import datetime as moment
from guildhall.surfaces.kit.i18n import N_, gettext
from guildhall.surfaces.kit.states import state_label
from guildhall.surfaces.scopes import label
from guildhall.surfaces.words import role_label, role_of, scope_label

# Verb -> sentence, icon, tone.
VERBS: Mapping[str, tuple[str, str, str]] = {
    "sign_in.succeeded": (N_("Signed in"), "log-in", "mute"),
    "sign_in.failed": (N_("A sign-in failed"), "shield-alert", "warn"),
    "sign_in.ended": (N_("A session ended"), "log-out", "mute"),
    "sign_in.all_ended": (N_("Signed out everywhere"), "log-out", "warn"),
    "sign_in.stepped_up": (N_("Confirmed with a second factor"), "shield-check", "mute"),
    "sign_in.link_asked": (N_("A link to sign in was asked for"), "mail", "mute"),
    "passkey.added": (N_("Added a passkey"), "key", "info"),
    "passkey.renamed": (N_("Renamed a passkey"), "key", "mute"),
    "passkey.removed": (N_("Removed a passkey"), "key", "warn"),
    "sign_in.enrolled": (N_("Set password and second factor"), "user-check", "ok"),
    "sign_in.password_changed": (N_("Changed the password"), "key-round", "note"),
    "sign_in.password_reset_asked": (N_("A new password was asked for"), "mail", "info"),
    "sign_in.password_reset": (N_("Set a new password by letter"), "key-round", "note"),
    "sign_in.factor_replaced": (N_("Replaced the authenticator"), "shield-check", "note"),
    "sign_in.recovered": (N_("Set up the sign-in anew"), "user-check", "warn"),
    "sign_in.recovery_codes_made": (N_("Made new recovery codes"), "key", "note"),
    "sign_in.recovery_code_used": (N_("Used a recovery code"), "key", "warn"),
    "access.refused": (N_("Was refused"), "shield-x", "bad"),
    "tenant.entered": (N_("Entered the customer"), "log-in", "info"),
    "tenant.viewed": (N_("Looked at an area"), "eye", "info"),
    "ticket.opened": (N_("Opened a ticket"), "ticket", "info"),
    "ticket.changed": (N_("Changed a ticket"), "pencil", "info"),
    "ticket.commented": (N_("Answered a ticket"), "message-square", "info"),
    "ticket.file_added": (N_("Added a file to a ticket"), "file", "info"),
    "ticket.file_fetched": (N_("Fetched a file of a ticket"), "download", "info"),
    "link.requested": (N_("Access was requested"), "send", "info"),
    "link.approved": (N_("Access was approved"), "circle-check", "ok"),
    "link.declined": (N_("A request was declined"), "circle-x", "bad"),
    "link.countered": (N_("A counter-offer was made"), "message-square-reply", "note"),
    "link.accepted": (N_("The counter-offer was accepted"), "circle-check", "ok"),
    "link.withdrawn": (N_("The request was withdrawn"), "undo-2", "mute"),
    "link.paused": (N_("Access was paused"), "circle-pause", "warn"),
    "link.resumed": (N_("Access was resumed"), "circle-play", "ok"),
    "link.revoked": (N_("Access was revoked"), "ban", "bad"),
    "link.ended": (N_("The partner ended its access"), "unlink", "mute"),
    "link.expired": (N_("Access expired"), "clock", "mute"),
    "link.lapsed": (N_("The request lapsed unanswered"), "hourglass", "mute"),
    "link.started": (N_("Access started"), "play", "ok"),
    "link.narrowed": (N_("Access was narrowed"), "minus", "note"),
    "link.promised": (N_("The service level was changed"), "gauge", "note"),
    "link.watched": (N_("Alerts about a customer were changed"), "siren", "mute"),
    "link.change_asked": (N_("A change of access was asked for"), "send", "info"),
    "link.change_approved": (N_("The change of access was approved"), "circle-check", "ok"),
    "link.change_declined": (N_("The change of access was declined"), "circle-x", "bad"),
    "link.change_withdrawn": (N_("The wish to change access was withdrawn"), "undo-2", "mute"),
    "link.created": (N_("The vendor gave access"), "link-2", "note"),
    "link.all_stopped": (N_("All partner access was stopped"), "octagon-x", "bad"),
    "link_code.made": (N_("A link code was made"), "key", "info"),
    "link_code.withdrawn": (N_("A link code was withdrawn"), "key", "mute"),
    "person.invited": (N_("A person was invited"), "user-plus", "info"),
    "person.deactivated": (N_("A person was deactivated"), "user-x", "warn"),
    "person.reactivated": (N_("A person was reactivated"), "user-check", "ok"),
    "person.recovery_asked": (N_("Recovery of an account was asked for"), "life-buoy", "warn"),
    "person.recovery_withdrawn": (N_("The request to recover an account was withdrawn"), "undo-2", "mute"),
    "person.recovery_started": (N_("Recovery of an account was started"), "life-buoy", "warn"),
    "person.role_changed": (N_("It was changed who may approve"), "users", "note"),
    "subscriber.activated": (N_("A subscriber was activated"), "circle-play", "ok"),
    "subscriber.suspended": (N_("A subscriber was suspended"), "circle-pause", "warn"),
    "account.begun": (N_("A subscriber was entrusted to a partner"), "user-round", "note"),
    "account.ended": (N_("A partner account was ended"), "unlink", "mute"),
    "client.created": (N_("An API client was set up"), "key-round", "info"),
    "client.changed": (N_("An API client was changed"), "key-round", "note"),
    "client.secret_made": (N_("An API client got a new secret"), "key-round", "note"),
    "client.secret_ended": (N_("A secret of an API client was ended"), "key-round", "mute"),
    "client.revoked": (N_("An API client was revoked"), "ban", "bad"),
    "client.signed_in": (N_("An API client signed in"), "log-in", "mute"),
    "webhook.created": (N_("A webhook endpoint was added"), "plug", "info"),
    "webhook.changed": (N_("A webhook endpoint was changed"), "plug", "note"),
    "webhook.disabled": (N_("A webhook endpoint was switched off"), "plug", "warn"),
    "webhook.enabled": (N_("A webhook endpoint was switched on"), "plug", "ok"),
    "webhook.secret_made": (N_("A webhook endpoint got a new secret"), "key-round", "note"),
    "webhook.secret_ended": (N_("A secret of a webhook endpoint was ended"), "key-round", "mute"),
    "webhook.tested": (N_("A webhook endpoint was tested"), "send", "mute"),
    "webhook.replayed": (N_("Webhook deliveries were replayed"), "rotate-ccw", "note"),
    "webhook.delivery_read": (N_("Read what an endpoint of the platform was told"), "eye", "note"),
    "person.invited_again": (N_("An invitation was sent again"), "send", "info"),
    "person.invitation_withdrawn": (N_("An invitation was withdrawn"), "undo-2", "mute"),
    "person.access_changed": (N_("A colleague's access was changed"), "users", "note"),
    "tenant_group.made": (N_("A group of customers was made"), "folder", "info"),
    "tenant_group.changed": (N_("A group of customers was changed"), "folder", "note"),
    "tenant_group.removed": (N_("A group of customers was removed"), "folder", "mute"),
    "alert.acknowledged": (N_("Acknowledged an alert"), "eye", "note"),
    "alert.snoozed": (N_("Snoozed an alert"), "bell-off", "mute"),
    "team.exported": (N_("Who reaches which customer was exported"), "download", "mute"),
    "partner.changed": (N_("The partner was changed"), "briefcase", "note"),
    "partner.quota_changed": (N_("Its quota of API calls was changed"), "gauge", "note"),
    "application.submitted": (N_("An application arrived"), "inbox", "info"),
    "application.answered": (N_("The applicant answered"), "message-square-reply", "info"),
    "application.taken": (N_("An application was taken into review"), "search", "note"),
    "application.assigned": (N_("An application was assigned"), "user-check", "mute"),
    "application.noted": (N_("A note was kept"), "pencil", "mute"),
    "application.asked": (N_("The applicant was asked for more"), "circle-help", "warn"),
    "application.approved": (N_("The application was approved"), "circle-check", "ok"),
    "application.declined": (N_("The application was declined"), "circle-x", "bad"),
    "application.erased": (N_("Personal data of an application were erased"), "trash-2", "mute"),
    "email_domain.allowed": (N_("An e-mail domain was allowed"), "mail", "note"),
    "email_domain.removed": (N_("An e-mail domain is no longer allowed"), "mail", "mute"),
    "tier.changed": (N_("A tier was changed"), "award", "note"),
    "billing.exported": (N_("Invoices were exported"), "download", "note"),
    "billing.export_downloaded": (N_("Fetched an export of invoices"), "download", "mute"),
    "data.imported": (N_("Data was imported"), "database", "mute"),
    "trail.exported": (N_("The trail was exported"), "download", "mute"),
    "trail.name_erased": (N_("A name was erased"), "trash-2", "mute"),
    "job.retried": (N_("A job was run again"), "rotate-ccw", "mute"),
    "mail.opened": (N_("Read a letter to somebody else"), "mail", "warn"),
    "mail.sent_again": (N_("Sent a letter again"), "send", "mute"),
    "mail.tested": (N_("Tried the mail out"), "mail", "mute"),
    "staff.created": (N_("A member of staff was created"), "user-plus", "info"),
    "staff.invited": (N_("A member of staff was invited"), "user-plus", "info"),
    "staff.invited_again": (N_("An invitation of staff was sent again"), "send", "info"),
    "staff.invitation_withdrawn": (N_("An invitation of staff was withdrawn"), "undo-2", "mute"),
    "staff.roles_changed": (N_("Roles of staff were changed"), "users", "note"),
    "staff.deactivated": (N_("A member of staff was deactivated"), "user-x", "warn"),
    "staff.reactivated": (N_("A member of staff was reactivated"), "user-check", "ok"),
}
# First part of a verb -> its word in a filter.
FAMILIES: Mapping[str, str] = {
    "link": N_("Access"),
    "link_code": N_("Link codes"),
    "tenant": N_("Looks"),
    "ticket": N_("Tickets"),
    "billing": N_("Billing"),
    "subscriber": N_("Subscribers"),
    "account": N_("Partner accounts"),
    "person": N_("People"),
    "client": N_("API clients"),
    "webhook": N_("Webhooks"),
    "tenant_group": N_("Groups of customers"),
    "team": N_("Team"),
    "partner": N_("Partners"),
    "application": N_("Applications"),
    "email_domain": N_("Allowed e-mail domains"),
    "tier": N_("Tiers"),
    "sign_in": N_("Sign-in"),
    "access": N_("Refusals"),
    "trail": N_("Trail"),
    "data": N_("Imports"),
    "job": N_("Jobs"),
    "mail": N_("Mail"),
    "staff": N_("Staff"),
}
_LABELS: Mapping[str, str] = {
    "access_role": N_("Access role"),
    "area": N_("Area"),
    "assigned": N_("Assigned to"),
    "commercial_model": N_("Commercial model"),
    "country": N_("Country"),
    "customer_limit": N_("Customers at most"),
    "list_calls": N_("Lists a minute"),
    "detail_calls": N_("Single objects a minute"),
    "write_calls": N_("Writes a minute"),
    "export_calls": N_("Exports an hour"),
    "people_limit": N_("People at most"),
    "response_hours": N_("First response (hours)"),
    "uptime_target": N_("Uptime target (%)"),
    "sla_breach": N_("Alerts about breaches"),
    "billing_threshold": N_("Alert about what is owed"),
    "decline_reason": N_("Reason"),
    "tier": N_("Tier"),
    "type": N_("Type"),
    "code": N_("Response"),
    "count": N_("How many"),
    "ending_in": N_("Secret that ends in"),
    "email": N_("E-mail"),
    "ends_at": N_("Ends"),
    "engagement_type": N_("Engagement"),
    "home_of": N_("Home tenant of"),
    "home_tenant": N_("Home tenant"),
    "expires_at": N_("Works until"),
    "name": N_("Name"),
    "networks": N_("Networks"),
    "format": N_("Format"),
    "groups": N_("Groups"),
    "operating_model": N_("Operating model"),
    "overlap_hours": N_("Older secrets work on, in hours"),
    "permissions": N_("Permissions"),
    "priority": N_("Priority"),
    "responsible": N_("Answers for it"),
    "role": N_("Role"),
    "roles": N_("Roles"),
    "status": N_("Status"),
    "subscriber": N_("Subscriber"),
    "task": N_("Job"),
    "tenant_scope": N_("Customers reached"),
    "tenants": N_("Customers"),
}


class Told(Struct, frozen=True, kw_only=True):
    """An entry as a list shows it."""

    entry: Entry
    what: str
    who: str
    icon: str
    tone: str


def told(entries: Iterable[Entry], *, behalf_of: str = "") -> list[Told]:
    """Return entries in the reader's words; `behalf_of` names the tenant for whom a partner acted."""
    return [_told(entry, behalf_of) for entry in entries]


def _told(entry: Entry, behalf_of: str) -> Told:
    what, icon, tone = look(entry.action)
    return Told(entry=entry, what=what, who=who(entry, behalf_of), icon=icon, tone=tone)


def look(action: str) -> tuple[str, str, str]:
    """Return sentence, icon and tone for a verb of the trail; an unknown one is shown as it is."""
    sentence, icon, tone = VERBS.get(action, (action, "circle-dot", "mute"))
    return gettext(sentence), icon, tone


def who(entry: Entry, behalf_of: str = "") -> str:
    """Return who acted: for a partner's person with the partner and, in the tenant's own trail, the tenant."""
    if entry.actor_kind == "anonymous":
        return gettext("Somebody not signed in")
    name = entry.actor_name or gettext("Erased name")
    if entry.actor_kind == "staff_user":
        return gettext("%(name)s (vendor)", name=name)
    if not entry.partner_name:
        return name
    if entry.actor_kind == "api_client":
        name = gettext("%(name)s, API client", name=name)
    if behalf_of:
        return gettext(
            "%(name)s (%(partner)s) on behalf of %(tenant)s", name=name, partner=entry.partner_name, tenant=behalf_of
        )
    return gettext("%(name)s (%(partner)s)", name=name, partner=entry.partner_name)


def changed(entry: Entry, named: Mapping[str, str] = MappingProxyType({})) -> list[tuple[str, str | None, str | None]]:
    """Return what an entry says was changed: label, value before (or None), value after.

    `named` has the names of people whom the trail knows by their ids.
    """
    return [_change(entry.target_kind, name, _known(value, named)) for name, value in entry.changes.items()]


def _known(value: object, named: Mapping[str, str]) -> object:
    return named.get(value, value) if isinstance(value, str) else value


def _change(kind: str, name: str, value: object) -> tuple[str, str | None, str | None]:
    label = gettext(_LABELS[name]) if name in _LABELS else name.replace("_", " ").capitalize()
    match value:
        case [str(), str()] if name == "roles":  # two roles, not what was before and after
            return label, None, _value(kind, name, value)
        case [before, after]:
            return label, _value(kind, name, before), _value(kind, name, after)
    return label, None, _value(kind, name, value)


def _value(kind: str, name: str, value: object) -> str | None:
    """Return one value in the reader's words; `kind` is what the act was done to, whose roles have words."""
    if value is None or value in ("None", "", []):
        return str(ABSENT)
    if isinstance(value, list):
        return ", ".join(_word(kind, name, str(each)) for each in value)
    return _word(kind, name, str(value))


def _word(kind: str, name: str, value: str) -> str:
    """Return one code, name or moment in the reader's words."""
    if name in {"role", "roles"}:
        return role_of(kind, value)
    saying = _SAYING.get(name)
    return saying(value) if saying else value


def _turned(value: str) -> str:
    """Return whether something is wanted, in the reader's words."""
    return gettext("On") if value == "True" else gettext("Off")


_BECAME = {"set": N_("Set"), "changed": N_("Changed"), "removed": N_("Removed")}
_SAYING: Mapping[str, Callable[[str], str]] = {
    "operating_model": lambda code: state_label("model", code),
    "access_role": role_label,
    "engagement_type": lambda code: state_label("engagement", code),
    "permissions": label,
    "tenant_scope": scope_label,
    "sla_breach": _turned,
    "billing_threshold": lambda became: gettext(_BECAME.get(became, became)),
    "ends_at": lambda text: moment(datetime.fromisoformat(text)),
    "expires_at": lambda text: moment(datetime.fromisoformat(text)),
}
