"""The terms of a link: what one side asks of the other, checked and made exact before it is stored."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from guildhall.core.errors import Invalid
from guildhall.domain.access.tables import OPERATING_MODELS, RELATIONSHIP_TYPES
from guildhall.domain.rbac.registry import FULL_CONTROL, LINK_ROLES, areas_of, expand, link_permissions

LONGEST_FULL_CONTROL = timedelta(days=730)
_LONGEST_REASON = 2000


class Terms(Struct, frozen=True, kw_only=True):
    """What a link opens, how deep, and until when. `custom_permissions` may hold wildcards until `exact`."""

    access_role: str
    operating_model: str
    ends_at: datetime | None = None
    starts_at: datetime | None = None
    custom_permissions: dict[str, bool] = {}
    relationship_type: str = "msp_managed"
    reason: str = ""


def exact(terms: Terms, *, now: datetime) -> dict[str, Any]:
    """Return the columns of a link for `terms`; raise Invalid naming every field at fault.

    `permissions` and `areas` are what the registry makes of role and custom strings: the tenant approves these.
    """
    errors = _errors(terms, now)
    if errors:
        raise Invalid(errors=errors)
    try:
        custom = expand(terms.custom_permissions)
    except Invalid as wrong:
        raise Invalid(errors={f"custom_permissions.{name}": said for name, said in wrong.errors.items()}) from None
    permissions = link_permissions(terms.access_role, custom)
    if not permissions:
        raise Invalid(errors={"custom_permissions": "A delegate link needs at least one permission"})
    return {
        "access_role": terms.access_role,
        "custom_permissions": custom,
        "permissions": sorted(permissions),
        "areas": sorted(areas_of(permissions)),
        "operating_model": terms.operating_model,
        "ends_at": terms.ends_at,
    }


def _errors(terms: Terms, now: datetime) -> dict[str, str]:
    """Return what is wrong with the terms, field by field."""
    errors = {}
    if terms.access_role not in LINK_ROLES:
        errors["access_role"] = "Choose one of the list"
    if terms.operating_model not in OPERATING_MODELS:
        errors["operating_model"] = "Choose one of the list"
    if terms.relationship_type not in RELATIONSHIP_TYPES:
        errors["relationship_type"] = "Choose one of the list"
    if len(terms.reason) > _LONGEST_REASON:
        errors["reason"] = f"Use at most {_LONGEST_REASON} characters"
    return errors | _date_errors(terms, now)


def _date_errors(terms: Terms, now: datetime) -> dict[str, str]:
    """Return what is wrong with start and end."""
    start = max(terms.starts_at or now, now)
    if terms.ends_at is None:
        return {"ends_at": "Full control needs an end within two years"} if terms.access_role in FULL_CONTROL else {}
    if terms.ends_at <= start:
        return {"ends_at": "The end must lie after the start"}
    if terms.access_role in FULL_CONTROL and terms.ends_at > start + LONGEST_FULL_CONTROL:
        return {"ends_at": "Full control ends within two years"}
    return {}


def depth(model: str) -> int:
    """Return how deep an operating model lets a partner look: 0, 1 or 2."""
    return OPERATING_MODELS.index(model)


def is_wider(new: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    """Return whether terms `new` open anything that `old` did not: permissions, model or time."""
    return (
        not set(new["permissions"]) <= set(old["permissions"])
        or depth(new["operating_model"]) > depth(old["operating_model"])
        or later(new["ends_at"], old["ends_at"])
    )


def later(new: datetime | None, old: datetime | None) -> bool:
    """Return whether the end `new` lies after `old`; None is open-ended."""
    return old is not None and (new is None or new > old)


def without(permissions: list[str], kept: set[str]) -> dict[str, bool]:
    """Return the custom denials that narrow `permissions` to `kept`."""
    return {name: False for name in permissions if name not in kept}
