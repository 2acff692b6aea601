"""The terms of a link as forms hold them: what was typed, made into what the domain takes."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from guildhall.core.errors import Invalid
from guildhall.domain.access.links import Link
from guildhall.domain.access.terms import Terms
from guildhall.domain.rbac.registry import PARTNER, TENANT_PERMISSIONS, Area, link_permissions
from guildhall.surfaces import asked
from guildhall.surfaces.console.words import MODELS
from guildhall.surfaces.kit.i18n import gettext, speech, zone_of
from guildhall.surfaces.kit.states import state_label
from guildhall.surfaces.kit.tables import Option
from guildhall.surfaces.words import LINK_ROLES, area_label, permission_label

# Inside an area, in the order in which they are read.
PERMISSIONS = tuple(sorted(TENANT_PERMISSIONS, key=lambda name: (list(Area).index(Area(PARTNER[name].area)), name)))


def role_options() -> list[Option]:
    """Return the access roles as choices, each with what it opens."""
    return [Option(code, gettext(label), gettext(detail)) for code, (label, detail) in LINK_ROLES.items()]


def model_options() -> list[Option]:
    """Return the operating models as choices, each with what it shares."""
    return [Option(code, state_label("model", code), gettext(detail)) for code, detail in MODELS.items()]


def area_options() -> list[Option]:
    """Return the areas as choices."""
    return [Option(str(area), area_label(area)) for area in Area]


def permission_options() -> list[Option]:
    """Return every permission inside a tenant as a choice."""
    return [Option(name, permission_label(name)) for name in PERMISSIONS]


def by_area(out: Iterable[str], more: Iterable[str]) -> dict[str, bool]:
    """Return the custom permissions that leave the areas `out` out and add the areas `more`; a deny wins."""
    left, added = frozenset(out), frozenset(more)
    granted = {name: True for name in PERMISSIONS if PARTNER[name].area in added}
    return granted | {name: False for name in PERMISSIONS if PARTNER[name].area in left}


def exactly(role: str, ticked: Iterable[str]) -> dict[str, bool]:
    """Return the custom permissions with which a link of `role` opens just what was `ticked`."""
    wanted, usual = frozenset(ticked), link_permissions(role, {})
    return dict.fromkeys(wanted - usual, True) | dict.fromkeys(usual - wanted, False)


def moment(values: Mapping[str, str], name: str) -> datetime | None:
    """Return the start of the day in field `name` for the reader; raises Invalid beside the field."""
    try:
        day = asked.day_in(values.get(name, ""))
    except Invalid as wrong:
        raise Invalid(errors={name: wrong.detail}) from None
    return asked.start_of(day) if day else None


def day_of(at: datetime | None) -> str:
    """Return the reader's day of a moment as a date field holds it."""
    return at.astimezone(zone_of(speech().zone)).date().isoformat() if at else ""


def new_end(values: Mapping[str, str], link: Link) -> datetime | None:
    """Return the end that was typed; a day that was left as it was shown keeps the exact moment."""
    return link.ends_at if values.get("ends_at", "") == day_of(link.ends_at) else moment(values, "ends_at")


def beside(refusal: Invalid, field: str) -> Invalid:
    """Return a refusal with what it says of custom permissions beside the one `field` that holds them."""
    errors = {field if name.startswith("custom_permissions") else name: said for name, said in refusal.errors.items()}
    return Invalid(refusal.detail, errors=errors)


def wish(values: Mapping[str, str], custom: dict[str, bool], *, role: str, ends_at: datetime | None) -> Terms:
    """Return the terms that a form holds."""
    return Terms(
        access_role=role,
        operating_model=values.get("operating_model", ""),
        relationship_type=values.get("relationship_type", "msp_managed"),
        custom_permissions=custom,
        starts_at=moment(values, "starts_at"),
        ends_at=ends_at,
        reason=asked.clean(values.get("reason", "")).strip(),
    )
