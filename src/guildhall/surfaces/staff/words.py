"""The staff surface's own words, and what its templates may call."""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from guildhall.surfaces import call_words
from guildhall.surfaces.countries import country_label
from guildhall.surfaces.kit.i18n import N_, gettext
from guildhall.surfaces.kit.states import state, state_label, tag
from guildhall.surfaces.webhooks.pages import event_label, is_due
from guildhall.surfaces.words import (
    area_label,
    customer_role_label,
    language_name,
    metric_label,
    permission_label,
    person_role_label,
    proof_facts,
    role_label,
    said,
    scope_label,
    staff_role_label,
    state_options,
)

JOB_STATES: Mapping[str, tuple[str, str]] = {
    "todo": (N_("Waiting"), "info"),
    "doing": (N_("Running"), "note"),
    "succeeded": (N_("Done"), "ok"),
    "failed": (N_("Failed"), "bad"),
    "cancelled": (N_("Cancelled"), "mute"),
    "aborted": (N_("Aborted"), "bad"),
}

JOBS: Mapping[str, str] = {
    "alerts.tidy": N_("Remove old alerts"),
    "alerts.watch": N_("Look for what is wrong at customers"),
    "alerts.watch_tickets": N_("Look for tickets whose clock ran out"),
    "applications.look_up": N_("Look up an applicant's mail domain"),
    "applications.tidy": N_("Erase old applications"),
    "audit.forget_looks": N_("Forget looks at customers that are noted"),
    "audit.sign": N_("Sign the audit trail"),
    "billing.export": N_("Write an export of invoices"),
    "billing.give_up_exports": N_("Give up exports that fail"),
    "clients.warn_of_ends": N_("Warn before API clients end"),
    "files.tidy": N_("Remove files whose time is over"),
    "jobs.rescue": N_("Run again what a lost worker held"),
    "keys.forget_answers": N_("Forget answers kept for repeated API calls"),
    "links.sweep": N_("Begin and end links on time"),
    "mail.chase": N_("Find letters that were left behind"),
    "mail.deliver": N_("Send a letter"),
    "mail.erase": N_("Erase what old letters said"),
    "notices.deliver": N_("Write letters about notices"),
    "notices.tidy": N_("Remove old notices"),
    "notices.warn_of_ends": N_("Warn before links end"),
    "quotas.sweep": N_("Forget counts of API calls that rest"),
    "reports.keep_sums": N_("Keep the daily sums of reports where they pay"),
    "support.mark_breaches": N_("Mark tickets whose clock ran out"),
    "webhooks.chase": N_("Find webhook deliveries that were left behind"),
    "webhooks.deliver": N_("Deliver a webhook"),
    "webhooks.tidy": N_("Remove old webhook deliveries"),
}

MAIL_KINDS: Mapping[str, str] = {
    "account.factor_replaced": N_("Authenticator replaced"),
    "account.password_changed": N_("Password changed"),
    "account.password_reset": N_("Link for a new password"),
    "account.recovered": N_("Sign-in set up anew"),
    "account.recovery": N_("Link to recover an account"),
    "account.recovery_code_used": N_("Recovery code used"),
    "account.recovery_codes_made": N_("New recovery codes"),
    "application.asked": N_("Question to an applicant"),
    "application.declined": N_("Application declined"),
    "application.received": N_("Application received"),
    "client.changed": N_("API client changed"),
    "client.ends_soon": N_("API client ends soon"),
    "client.ends_today": N_("API client ends today"),
    "client.ends_tomorrow": N_("API client ends tomorrow"),
    "client.revoked": N_("API client revoked"),
    "client.secret_made": N_("API client with a new secret"),
    "client.set_up": N_("API client set up"),
    "link.news": N_("News about access"),
    "mail.test": N_("Test letter"),
    "partner.welcome": N_("Welcome to a new partner"),
    "person.invited": N_("Invitation"),
    "sign_in.link": N_("Link to sign in"),
    "sign_in.not_allowed": N_("Signing in by e-mail is off"),
    "webhook.disabled": N_("Webhook endpoint switched off"),
}

APPLICATION_GROUPS: Mapping[str, str] = {"waiting": N_("Waiting for us"), "open": N_("Not decided")}
# Signal -> what it says, tone, icon.
SIGNALS: Mapping[str, tuple[str, str, str]] = {
    "same_partner": (N_("Domain of a partner"), "bad", "copy"),
    "same_application": (N_("Domain of another application"), "warn", "copy"),
    "no_mx": (N_("Domain takes no mail"), "warn", "mail"),
    "allow_listed": (N_("On the allow-list"), "note", "list"),
    "other_website": (N_("E-mail and website differ"), "mute", "globe"),
}
DECLINES: Mapping[str, str] = {
    "no_fit": N_("Does not fit the programme"),
    "region": N_("Region not served"),
    "duplicate": N_("Duplicate"),
    "incomplete": N_("Incomplete, no answer"),
    "unverified": N_("Organisation could not be verified"),
    "other": N_("Other"),
}
COMMERCIAL: Mapping[str, tuple[str, str]] = {
    "resale": (N_("Resale"), N_("Buys at its tier's price and bills its customers itself.")),
    "referral": (N_("Referral"), N_("Brings customers whom the vendor bills, and earns commission.")),
    "none": (N_("No commerce"), N_("Works for customers without selling: auditors, technology alliances.")),
}


def commercial_label(code: str) -> str:
    """Return the word for a commercial model."""
    return gettext(COMMERCIAL[code][0])


def decline_label(code: str) -> str:
    """Return the word for why an application was declined."""
    return said(DECLINES, code)


def tier_label(code: str, name: str) -> str:
    """Return what a tier is called: the name that staff gave it, else the built-in word of its code."""
    return name or state_label("tier", code)


def tier_badge(code: str, name: str) -> Markup:
    """Return the badge of a tier."""
    shown = state("tier", code)
    return tag(tier_label(code, name), shown.tone, shown.icon)


def mail_kind(kind: str) -> str:
    """Return the word for a kind of letter; an unknown one is shown as it is."""
    return gettext(MAIL_KINDS[kind]) if kind in MAIL_KINDS else kind.replace(".", " ").replace("_", " ").capitalize()


def job_label(task: str) -> str:
    """Return what a job does, in words."""
    return said(JOBS, task)


def job_state(code: str) -> tuple[str, str]:
    """Return word and tone for the state of a job."""
    label, tone = JOB_STATES.get(code, (code, "mute"))
    return gettext(label), tone


FUNCTIONS: tuple[Any, ...] = (
    *call_words.FUNCTIONS,
    area_label,
    commercial_label,
    country_label,
    customer_role_label,
    decline_label,
    event_label,
    is_due,
    job_label,
    job_state,
    mail_kind,
    language_name,
    metric_label,
    permission_label,
    person_role_label,
    proof_facts,
    role_label,
    scope_label,
    staff_role_label,
    state_options,
    tier_badge,
    tier_label,
)


def teach(environment: Environment) -> Environment:
    """Give the staff surface's templates these words; return the environment."""
    environment.globals.update({function.__name__: function for function in FUNCTIONS})
    return environment
