"""Writing the trail: one act, one event, one entry in each chain that it concerns (BOUNDARY §5)."""

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any
from uuid import UUID

import rfc8785
from msgspec import Struct
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Text, Uuid

from guildhall.core.actor import Actor, Kind, Surface
from guildhall.core.ids import new_id

VENDOR = UUID(int=0)
# Whose address and browser a chain may hold; the vendor's holds everybody's.
_OWN_SIDE: Mapping[str, frozenset[Kind]] = {
    "partner": frozenset({Kind.PARTNER_USER, Kind.API_CLIENT}),
    "tenant": frozenset({Kind.CUSTOMER_USER}),
    "vendor": frozenset(Kind),
}
_APPEND = text("SELECT portal.audit_append(:event, :kinds, :chains, :bodies, :person_name, :person_salt)").bindparams(
    bindparam("event", type_=Uuid),
    bindparam("kinds", type_=ARRAY(Text)),
    bindparam("chains", type_=ARRAY(Uuid)),
    bindparam("bodies", type_=ARRAY(Text)),
)

_HOLD = text("SELECT portal.audit_hold(:kinds, :chains)").bindparams(
    bindparam("kinds", type_=ARRAY(Text)), bindparam("chains", type_=ARRAY(Uuid))
)


class Action(StrEnum):
    """Every verb of the trail."""

    SIGNED_IN = "sign_in.succeeded"
    SIGN_IN_FAILED = "sign_in.failed"
    SIGNED_OUT = "sign_in.ended"
    SIGNED_OUT_EVERYWHERE = "sign_in.all_ended"
    STEPPED_UP = "sign_in.stepped_up"
    SIGN_IN_LINK_ASKED = "sign_in.link_asked"
    PASSKEY_ADDED = "passkey.added"
    PASSKEY_RENAMED = "passkey.renamed"
    PASSKEY_REMOVED = "passkey.removed"
    ENROLLED = "sign_in.enrolled"
    PASSWORD_CHANGED = "sign_in.password_changed"  # noqa: S105 - a verb
    PASSWORD_RESET_ASKED = "sign_in.password_reset_asked"  # noqa: S105 - a verb
    PASSWORD_RESET = "sign_in.password_reset"  # noqa: S105 - a verb
    FACTOR_REPLACED = "sign_in.factor_replaced"
    RECOVERED = "sign_in.recovered"
    RECOVERY_CODES_MADE = "sign_in.recovery_codes_made"
    RECOVERY_CODE_USED = "sign_in.recovery_code_used"
    REFUSED = "access.refused"
    TENANT_ENTERED = "tenant.entered"
    TENANT_VIEWED = "tenant.viewed"
    TICKET_OPENED = "ticket.opened"
    TICKET_CHANGED = "ticket.changed"
    TICKET_COMMENTED = "ticket.commented"
    TICKET_FILE_ADDED = "ticket.file_added"
    TICKET_FILE_FETCHED = "ticket.file_fetched"
    SUBSCRIBER_ACTIVATED = "subscriber.activated"
    SUBSCRIBER_SUSPENDED = "subscriber.suspended"
    ACCOUNT_BEGUN = "account.begun"
    ACCOUNT_ENDED = "account.ended"
    LINK_REQUESTED = "link.requested"
    LINK_APPROVED = "link.approved"
    LINK_DECLINED = "link.declined"
    LINK_COUNTERED = "link.countered"
    LINK_ACCEPTED = "link.accepted"
    LINK_WITHDRAWN = "link.withdrawn"
    LINK_PAUSED = "link.paused"
    LINK_RESUMED = "link.resumed"
    LINK_REVOKED = "link.revoked"
    LINK_ENDED = "link.ended"
    LINK_EXPIRED = "link.expired"
    LINK_LAPSED = "link.lapsed"
    LINK_STARTED = "link.started"
    LINK_NARROWED = "link.narrowed"
    LINK_PROMISED = "link.promised"
    LINK_WATCHED = "link.watched"
    LINK_CHANGE_ASKED = "link.change_asked"
    LINK_CHANGE_APPROVED = "link.change_approved"
    LINK_CHANGE_DECLINED = "link.change_declined"
    LINK_CHANGE_WITHDRAWN = "link.change_withdrawn"
    LINK_CREATED = "link.created"
    LINKS_STOPPED = "link.all_stopped"
    LINK_CODE_MADE = "link_code.made"
    LINK_CODE_WITHDRAWN = "link_code.withdrawn"
    PERSON_INVITED = "person.invited"
    PERSON_DEACTIVATED = "person.deactivated"
    PERSON_REACTIVATED = "person.reactivated"
    RECOVERY_ASKED = "person.recovery_asked"
    RECOVERY_WITHDRAWN = "person.recovery_withdrawn"
    RECOVERY_STARTED = "person.recovery_started"
    PERSON_ROLE_CHANGED = "person.role_changed"
    CLIENT_CREATED = "client.created"
    CLIENT_CHANGED = "client.changed"
    CLIENT_SECRET_MADE = "client.secret_made"  # noqa: S105 - a verb
    CLIENT_SECRET_ENDED = "client.secret_ended"  # noqa: S105 - a verb
    CLIENT_REVOKED = "client.revoked"
    CLIENT_SIGNED_IN = "client.signed_in"
    WEBHOOK_CREATED = "webhook.created"
    WEBHOOK_CHANGED = "webhook.changed"
    WEBHOOK_DISABLED = "webhook.disabled"
    WEBHOOK_ENABLED = "webhook.enabled"
    WEBHOOK_SECRET_MADE = "webhook.secret_made"  # noqa: S105 - a verb
    WEBHOOK_SECRET_ENDED = "webhook.secret_ended"  # noqa: S105 - a verb
    WEBHOOK_TESTED = "webhook.tested"
    WEBHOOK_REPLAYED = "webhook.replayed"
    WEBHOOK_DELIVERY_READ = "webhook.delivery_read"
    PERSON_INVITED_AGAIN = "person.invited_again"
    PERSON_UNINVITED = "person.invitation_withdrawn"
    PERSON_ACCESS_CHANGED = "person.access_changed"
    GROUP_MADE = "tenant_group.made"
    GROUP_CHANGED = "tenant_group.changed"
    GROUP_REMOVED = "tenant_group.removed"
    TEAM_EXPORTED = "team.exported"
    PARTNER_CHANGED = "partner.changed"
    QUOTA_CHANGED = "partner.quota_changed"
    APPLICATION_SUBMITTED = "application.submitted"
    APPLICATION_ANSWERED = "application.answered"
    APPLICATION_TAKEN = "application.taken"
    APPLICATION_ASSIGNED = "application.assigned"
    APPLICATION_NOTED = "application.noted"
    APPLICATION_ASKED = "application.asked"
    APPLICATION_APPROVED = "application.approved"
    APPLICATION_DECLINED = "application.declined"
    APPLICATION_ERASED = "application.erased"
    EMAIL_DOMAIN_ALLOWED = "email_domain.allowed"
    EMAIL_DOMAIN_REMOVED = "email_domain.removed"
    TIER_CHANGED = "tier.changed"
    INVOICES_EXPORTED = "billing.exported"
    EXPORT_DOWNLOADED = "billing.export_downloaded"
    ALERT_ACKNOWLEDGED = "alert.acknowledged"
    ALERT_SNOOZED = "alert.snoozed"
    DATA_IMPORTED = "data.imported"
    TRAIL_EXPORTED = "trail.exported"
    NAME_ERASED = "trail.name_erased"
    JOB_RETRIED = "job.retried"
    MAIL_OPENED = "mail.opened"
    MAIL_SENT_AGAIN = "mail.sent_again"
    MAIL_TESTED = "mail.tested"
    STAFF_CREATED = "staff.created"
    STAFF_INVITED = "staff.invited"
    STAFF_INVITED_AGAIN = "staff.invited_again"
    STAFF_UNINVITED = "staff.invitation_withdrawn"
    STAFF_ROLES_CHANGED = "staff.roles_changed"
    STAFF_DEACTIVATED = "staff.deactivated"
    STAFF_REACTIVATED = "staff.reactivated"


class Target(Struct, frozen=True):
    """What an act was done to: its kind in the words of the domain, and its id."""

    kind: str
    id: UUID | str


async def hold(
    connection: AsyncConnection,
    *,
    partners: Iterable[UUID],
    tenants: Iterable[UUID | None],
    vendor: bool = False,
) -> None:
    """Lock the chains of several partners and tenants in their one order, before several events are recorded.

    Without it two transactions that each record several events could wait for each other.
    """
    chains = [("partner", partner) for partner in set(partners)]
    chains += [("tenant", tenant) for tenant in set(tenants) if tenant is not None]
    chains += [("vendor", VENDOR)] if vendor else []
    values = {"kinds": [kind for kind, _ in chains], "chains": [chain for _, chain in chains]}
    await connection.execute(_HOLD, values)


async def record(
    connection: AsyncConnection,
    actor: Actor,
    *,
    action: Action,
    target: Target,
    partner_id: UUID | None = None,
    tenant_id: UUID | None = None,
    changes: Mapping[str, Any] | None = None,
    reason: str = "",
    tenant_hidden: bool = False,
    partners_own: bool = False,
) -> UUID:
    """Append one event to the chains of `partner_id` and `tenant_id`, and of the vendor for staff, jobs and sign-ins.

    Call it last in a transaction: it locks the heads of the chains until the commit. `changes` holds JSON values
    only (text, numbers, lists, objects). `tenant_hidden` leaves the tenant out of the partner's copy: the partner
    does not know yet whether it exists. `partners_own` leaves the event out of the tenant's chain: it is about the
    tenant, and nothing of it. Returns the event's id. Raises when no transaction is open.
    """
    if not connection.in_transaction():
        raise RuntimeError("The trail is written inside the transaction of the act")
    values = event_of(
        actor,
        action=action,
        target=target,
        partner_id=partner_id,
        tenant_id=tenant_id,
        changes=changes or {},
        reason=reason,
        tenant_hidden=tenant_hidden,
        partners_own=partners_own,
    )
    await connection.execute(_APPEND, values)
    event: UUID = values["event"]
    return event


def event_of(
    actor: Actor,
    *,
    action: Action,
    target: Target,
    partner_id: UUID | None = None,
    tenant_id: UUID | None = None,
    changes: Mapping[str, Any],
    reason: str,
    tenant_hidden: bool = False,
    partners_own: bool = False,
    event: UUID | None = None,
) -> dict[str, Any]:
    """Return the arguments of portal.audit_append for one act, by their names; its id is `event`, or a new one."""
    made, salt = event or new_id(), secrets.token_hex(16)
    chains = _chains(actor, action, partner_id, None if partners_own else tenant_id)
    body = _body(actor, action, target, tenant_id, changes, reason, salt) | {"event": str(made)}
    return {
        "event": made,
        "kinds": [kind for kind, _ in chains],
        "chains": [chain for _, chain in chains],
        "bodies": [rfc8785.dumps(_copy(body, kind, actor, tenant_hidden=tenant_hidden)).decode() for kind, _ in chains],
        "person_name": actor.name,
        "person_salt": salt,
    }


def _copy(body: dict[str, Any], kind: str, actor: Actor, *, tenant_hidden: bool) -> dict[str, Any]:
    """Return what one chain holds of an event: address and browser stay with the own side."""
    away = set() if actor.kind in _OWN_SIDE[kind] else {"ip", "user_agent"}
    hidden = {"tenant_id": None} if tenant_hidden and kind == "partner" else {}
    return {key: value for key, value in body.items() if key not in away} | hidden


def _chains(actor: Actor, action: Action, partner_id: UUID | None, tenant_id: UUID | None) -> list[tuple[str, UUID]]:
    """Return the chains that an event belongs to; every event belongs to at least one."""
    chains = [("partner", partner_id)] if partner_id else []
    chains += [("tenant", tenant_id)] if tenant_id else []
    if not chains or actor.surface in {Surface.STAFF, Surface.CLI} or action.startswith("sign_in."):
        chains.append(("vendor", VENDOR))
    return [(kind, chain) for kind, chain in chains if chain is not None]


def _body(
    actor: Actor,
    action: Action,
    target: Target,
    tenant_id: UUID | None,
    changes: Mapping[str, Any],
    reason: str,
    salt: str,
) -> dict[str, Any]:
    """Return what is hashed of an event, without its place in a chain. The name goes in as a salted hash."""
    return {
        "action": str(action),
        "actor": {
            "id": str(actor.user_id) if actor.user_id else None,
            "kind": str(actor.kind),
            "name_hash": hashlib.sha256((salt + actor.name).encode()).hexdigest(),
            "partner_id": str(actor.partner_id) if actor.partner_id else None,
            "partner_name": actor.partner_name,
        },
        "changes": dict(changes),
        "ip": actor.ip,
        "reason": reason,
        "request_id": actor.request_id,
        "surface": str(actor.surface),
        "target": {"id": str(target.id), "kind": target.kind},
        "tenant_id": str(tenant_id) if tenant_id else None,
        "user_agent": actor.user_agent,
    }
