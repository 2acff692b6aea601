"""The staff surface's own words, and what its templates may call."""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment

from guildhall.surfaces.kit.i18n import N_, gettext
from guildhall.surfaces.words import area_label, permission_label, person_role_label, role_label, state_options

CUSTOMER_ROLES: Mapping[str, str] = {"approver": N_("Approver"), "viewer": N_("Viewer")}
JOB_STATES: Mapping[str, tuple[str, str]] = {
    "todo": (N_("Waiting"), "info"),
    "doing": (N_("Running"), "note"),
    "succeeded": (N_("Done"), "ok"),
    "failed": (N_("Failed"), "bad"),
    "cancelled": (N_("Cancelled"), "mute"),
    "aborted": (N_("Aborted"), "bad"),
}

MAIL_KINDS: Mapping[str, str] = {
    "link.news": N_("News about access"),
    "mail.test": N_("Test letter"),
    "person.invited": N_("Invitation"),
}


def customer_role_label(code: str) -> str:
    """Return the word for a role of a customer's person."""
    return gettext(CUSTOMER_ROLES[code])


def mail_kind(kind: str) -> str:
    """Return the word for a kind of letter; an unknown one is shown as it is."""
    return gettext(MAIL_KINDS[kind]) if kind in MAIL_KINDS else kind.replace(".", " ").replace("_", " ").capitalize()


def job_state(code: str) -> tuple[str, str]:
    """Return word and tone for the state of a job."""
    label, tone = JOB_STATES.get(code, (code, "mute"))
    return gettext(label), tone


FUNCTIONS: tuple[Any, ...] = (
    area_label,
    customer_role_label,
    job_state,
    mail_kind,
    permission_label,
    person_role_label,
    role_label,
    state_options,
)


def teach(environment: Environment) -> Environment:
    """Give the staff surface's templates these words; return the environment."""
    environment.globals.update({function.__name__: function for function in FUNCTIONS})
    return environment
