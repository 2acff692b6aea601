"""The decision: gates 1 to 5 in order, in one function, for console and API alike (BOUNDARY §3).

Gate 1 is a live session (people.sessions); gate 6 is the database's; gate 7 is the trail's.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct

from guildhall.core.actor import Actor, Surface
from guildhall.core.errors import (
    Forbidden,
    NotFound,
    PartnerInactive,
    PostureNotShared,
    Refusal,
    TenantAccessDenied,
    TenantLinkExpired,
    TenantLinkPaused,
)
from guildhall.domain.rbac.registry import OF_THE_WHOLE_PARTNER, PARTNER, Area, held_by

Named = Literal["path", "header"]
_ACCOUNT_AREAS = frozenset({Area.BILLING, Area.SUPPORT, Area.PROVISIONING})


class Standing(Struct, frozen=True, kw_only=True):
    """How a partner stands with one tenant now: its link, and whether the person's limits include it.

    `live` and `overdue` come from the database's clock. `is_home` is true for the partner's home tenant with at
    least one active partner account.
    """

    tenant_id: UUID
    link_id: UUID | None = None
    tenant_name: str | None = None
    status: str | None = None
    live: bool = False
    overdue: bool = False
    access_role: str = ""
    permissions: frozenset[str] = frozenset()
    operating_model: str = "customer_managed"
    ends_at: datetime | None = None
    paused_by: str | None = None
    within_limits: bool = False
    is_home: bool = False

    def opens(self, permission: str) -> bool:
        """Return whether the link holds `permission` (a registry string), operating model apart."""
        return permission in self.permissions


def standing(tenant_id: UUID, row: Mapping[str, Any]) -> Standing:
    """Return the standing that a session's row carries for `tenant_id`."""
    return Standing(
        tenant_id=tenant_id,
        link_id=row["link_id"],
        tenant_name=row["tenant_name"],
        status=row["link_status"],
        live=bool(row["link_live"]),
        overdue=bool(row["link_overdue"]),
        access_role=row["link_role"] or "",
        permissions=frozenset(row["link_permissions"] or ()),
        operating_model=row["link_model"] or "customer_managed",
        ends_at=row["link_ends_at"],
        paused_by=row["link_paused_by"],
        within_limits=bool(row["within_limits"]),
        is_home=bool(row["has_account"]),
    )


def posture_visible(link: Standing) -> bool:
    """Return whether posture may be seen through a live link: the only predicate over posture (PRODUCT §5)."""
    return (
        link.live
        and link.within_limits
        and link.opens("partner.posture.read")
        and link.operating_model != "customer_managed"
    )


def decide(
    actor: Actor,
    *,
    needs: str,
    partner_status: str,
    safe: bool,
    tenant: Standing | None = None,
    named: Named = "header",
) -> Refusal | None:
    """Return why `actor` may not use `needs` here, or None where it may.

    `safe` says that the request changes nothing; `tenant` is the tenant named by the request, if any, and `named`
    how it was named, which settles the words for absent and foreign tenants.
    """
    if partner_status != "active" and (actor.surface is Surface.API or not safe):
        return PartnerInactive()
    if not actor.may(needs):
        return _not_held(actor, needs)
    return None if tenant is None else inside(tenant, needs=needs, named=named)


def _not_held(actor: Actor, needs: str) -> Refusal:
    """Gate 2: say why a principal who is limited to some customers lacks what principals have."""
    if actor.surface is Surface.CONSOLE and needs in OF_THE_WHOLE_PARTNER & held_by(actor.roles):
        return Forbidden(
            "You see some customers; only those who see every customer manage the team, API clients and webhooks."
        )
    return Forbidden()


def inside(tenant: Standing, *, needs: str, named: Named = "header") -> Refusal | None:
    """Return why `needs` is refused inside one tenant, or None: gates 3 to 5."""
    if tenant.is_home and tenant.link_id is None:
        return _in_home(needs)
    return _unlinked(tenant, named) or _not_opened(tenant, needs)


def _in_home(needs: str) -> Refusal | None:
    """Gates 3 and 4 for the home tenant: partner accounts open reading, row by row in the database."""
    permission = PARTNER[needs]
    open_here = permission.area == "any" or (permission.area in _ACCOUNT_AREAS and not permission.writes)
    return None if open_here else Forbidden()


def _unlinked(tenant: Standing, named: Named) -> Refusal | None:
    """Gate 3: a live link, and the tenant within the person's limits."""
    stands = tenant.within_limits and tenant.status in {"active", "paused", "expired"}
    if not stands:
        return TenantAccessDenied() if named == "header" else NotFound(code="TENANT_NOT_FOUND")
    if tenant.status == "expired" or tenant.overdue:
        return TenantLinkExpired()
    if tenant.status == "paused":
        return TenantLinkPaused()
    if not tenant.live:  # approved, but its first day is still to come
        return TenantAccessDenied() if named == "header" else NotFound(code="TENANT_NOT_FOUND")
    return None


def _not_opened(tenant: Standing, needs: str) -> Refusal | None:
    """Gates 4 and 5: what the link opens, and the operating model."""
    area = PARTNER[needs].area
    if area in {"any", ""}:
        return None
    if not tenant.opens(needs):
        return Forbidden()
    return PostureNotShared() if area == Area.POSTURE and not posture_visible(tenant) else None
