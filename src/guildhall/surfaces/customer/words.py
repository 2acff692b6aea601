"""The customer's words: what a partner may see, and what each operating model means, said plainly."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from jinja2 import Environment

from guildhall.domain.access.links import Link
from guildhall.domain.rbac.registry import PARTNER, Area
from guildhall.surfaces import trail
from guildhall.surfaces.kit.i18n import N_, gettext
from guildhall.surfaces.kit.tables import Option
from guildhall.surfaces.ticket_words import clock_formula
from guildhall.surfaces.words import (
    area_label,
    category_label,
    category_options,
    permission_label,
    person_role_label,
    role_label,
    service_level,
    state_options,
)

MODELS: Mapping[tuple[str, bool], str] = {
    ("customer_managed", False): N_(
        "You manage security yourselves. The partner never sees your security posture, findings or evidence."
    ),
    ("co_managed", True): N_("You share security work. The partner also sees your posture, findings and evidence."),
    ("co_managed", False): N_("You share the work. Your security posture stays closed to this partner."),
    ("fully_managed", True): N_("The partner runs it for you and sees your posture, findings and evidence."),
    ("fully_managed", False): N_("The partner runs it for you. Your security posture stays closed to it."),
}
CUSTOMER_ACCESS: Mapping[str, str] = {
    "read_only": N_("While this partner manages everything, your own people may read but not change settings there."),
    "off": N_("While this partner manages everything, your own access to the managed systems is off."),
}
PAUSED_BY: Mapping[str, str] = {
    "tenant": N_("You paused this access. You can resume it."),
    "partner": N_("The partner paused this access. Only the partner can resume it; you can revoke it."),
    "staff": N_("The vendor paused this access. Only the vendor can resume it; you can revoke it."),
}
ROLES: Mapping[str, str] = {"approver": N_("Approver"), "viewer": N_("Viewer")}


class Granted(Protocol):
    """What a link or an offer opens, and how deep."""

    @property
    def areas(self) -> list[str]:
        """The areas, as codes."""

    @property
    def operating_model(self) -> str:
        """How deep the partner may look."""


def opened(terms: Granted) -> frozenset[str]:
    """Return the areas that are really open: posture stays closed under a customer-managed model."""
    closed = {Area.POSTURE} if terms.operating_model == "customer_managed" else set()
    return frozenset(terms.areas) - closed


def model_in_words(model: str, *, posture: bool | None = None) -> str:
    """Return what an operating model means for the customer; `posture` says whether posture is among the areas."""
    shared = model != "customer_managed" if posture is None else posture and model != "customer_managed"
    return gettext(MODELS[model, shared])


def own_access_in_words(access: str) -> str:
    """Return what a fully managed link leaves the customer's own people."""
    return gettext(CUSTOMER_ACCESS[access])


def pause_in_words(side: str) -> str:
    """Return who paused a link and who may lift it."""
    return gettext(PAUSED_BY[side])


def customer_role_label(code: str) -> str:
    """Return the word for a role of a customer's person."""
    return gettext(ROLES[code])


def area_rows(*terms: Granted) -> list[tuple[Any, ...]]:
    """Return a row for every area: its word, and for each of `terms` (links, offers) whether it is open."""
    held = [opened(each) for each in terms]
    return [(area_label(area), *(area in each for each in held)) for area in Area]


def left_out(link: Link) -> list[str]:
    """Return the words for what an area would open and this link does not."""
    areas = opened(link)
    return [
        permission_label(name)
        for name, permission in PARTNER.items()
        if permission.area in areas and name not in link.permissions
    ]


def only_in(left: Iterable[str], right: Iterable[str]) -> list[str]:
    """Return the words for the permissions that `left` has beside `right`."""
    return [permission_label(name) for name in sorted(set(left) - set(right))]


def permission_options(permissions: Iterable[str]) -> list[Option]:
    """Return permissions as choices, each with its area beside it."""
    return [
        Option(name, permission_label(name), area_label(permission.area))
        for name, permission in PARTNER.items()
        if name in set(permissions)
    ]


FUNCTIONS: tuple[Any, ...] = (
    area_label,
    area_rows,
    category_label,
    category_options,
    clock_formula,
    customer_role_label,
    left_out,
    model_in_words,
    only_in,
    own_access_in_words,
    pause_in_words,
    permission_options,
    service_level,
    person_role_label,
    role_label,
    state_options,
)


def teach(environment: Environment) -> Environment:
    """Give the customer portal's templates these words; return the environment."""
    environment.globals.update({function.__name__: function for function in FUNCTIONS})
    environment.globals.update(act_look=trail.look, changed=trail.changed)
    return environment
