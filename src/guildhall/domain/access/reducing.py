"""Less than before: what a tenant offers instead of what was asked, or takes back from what stands."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from guildhall.core.errors import Invalid
from guildhall.domain.access.links import Link
from guildhall.domain.access.terms import Terms, depth, exact, later, without


def reduced(
    of: Link, *, kept: Iterable[str], operating_model: str, ends_at: datetime | None, reason: str = ""
) -> Terms:
    """Return the terms of a link cut down to the permissions `kept`, a model and an end."""
    return Terms(
        access_role=of.access_role,
        operating_model=operating_model,
        ends_at=ends_at,
        custom_permissions=of.custom_permissions | without(of.permissions, set(kept)),
        relationship_type=of.relationship_type,
        reason=reason,
    )


def less(terms: Terms, than: Link, *, now: datetime) -> dict[str, Any]:
    """Return the columns of a link for `terms`.

    Raises Invalid beside the field that would be more than what `than` holds, or where nothing is less.
    """
    columns = exact(msgspec.structs.replace(terms, starts_at=than.starts_at), now=now)
    errors = {}
    if not set(columns["permissions"]) <= set(than.permissions):
        errors["custom_permissions"] = "Offer only what was asked for"
    if depth(columns["operating_model"]) > depth(than.operating_model):
        errors["operating_model"] = "Offer the model that was asked for, or a lower one"
    if later(columns["ends_at"], than.ends_at):
        errors["ends_at"] = "Offer the end that was asked for, or an earlier one"
    same = all(columns[name] == getattr(than, name) for name in ("operating_model", "ends_at"))
    if not errors and same and set(columns["permissions"]) == set(than.permissions):
        errors["custom_permissions"] = "This is what was asked for: approve it, or offer less"
    if errors:
        raise Invalid(errors=errors)
    return columns
