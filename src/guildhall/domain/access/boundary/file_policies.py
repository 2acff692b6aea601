"""Which files, and exports that become files, each role may touch (see `policies.py`)."""

from collections.abc import Mapping

from guildhall.domain.access.boundary.rules import (
    ACCOUNT_TICKETS,
    ANY_ROW,
    OWN_TENANT,
    PARTNER_ID,
    USER_ID,
    Rule,
    adds,
    changes,
    data_of,
    everything,
    reach,
    reads,
)

# What one asked for is one's own: a colleague's customers may be others.
_OWN = f"partner_id = {PARTNER_ID} AND created_by = {USER_ID}"
# A customer's person writes files of the own tenant. What is attached to a ticket is read by whoever reads that.
_OF_CUSTOMER = f"{OWN_TENANT} AND partner_id IS NULL AND created_by = {USER_ID}"
_ATTACHED = "EXISTS (SELECT 1 FROM tenancy.ticket_file AS attached WHERE attached.id = file.id)"
# What is attached is a file that the same person keeps for the same tenant, to a ticket of that tenant and to a comment
# that the person wrote there. A function asks, since a policy that looked into portal.file would come back here.
_MAY_ATTACH = "portal.may_attach(id, ticket_id, tenant_id, comment_id)"
_KEEPING = "state = 'writing' AND tenant_id IS NOT NULL"
_FINISHED = ("state", "size_bytes", "sha256", "expires_at")

FILES: Mapping[str, tuple[Rule, ...]] = {
    "portal.file": (
        reads("partner", f"({_OWN} AND (tenant_id IS NULL OR state = 'writing')) OR {_ATTACHED}"),
        adds("partner", f"{_OWN} AND state = 'writing' AND (tenant_id IS NULL OR {reach('support_write')})"),
        changes("partner", f"{_OWN} AND {_KEEPING}", *_FINISHED, check=_OWN),
        reads("customer", f"({_OF_CUSTOMER} AND state = 'writing') OR {_ATTACHED}"),
        adds("customer", f"{_OF_CUSTOMER} AND state = 'writing'"),
        changes("customer", f"{_OF_CUSTOMER} AND {_KEEPING}", *_FINISHED, check=_OF_CUSTOMER),
        *everything("worker"),
        Rule("worker", "DELETE", "expires_at <= now()"),
    ),
    "tenancy.ticket_file": (
        reads(
            "partner",
            f"({data_of('support')} OR {ACCOUNT_TICKETS}) AND (NOT is_internal OR author_partner_id = {PARTNER_ID})",
        ),
        adds(
            "partner",
            f"{reach('support_write')} AND author_partner_id = {PARTNER_ID} AND author_id = {USER_ID}"
            f" AND {_MAY_ATTACH}",
        ),
        reads("customer", f"{OWN_TENANT} AND NOT is_internal"),
        adds(
            "customer",
            f"{OWN_TENANT} AND NOT is_internal AND author_partner_id IS NULL AND author_id = {USER_ID}"
            f" AND {_MAY_ATTACH}",
        ),
    ),
    "portal.invoice_export": (
        reads("partner", _OWN),
        adds("partner", f"{_OWN} AND status = 'processing'"),
        reads("worker", ANY_ROW),
        changes(
            "worker",
            ANY_ROW,
            *("status", "rows_done", "rows_total", "tenants", "left_out", "failure", "completed_at"),
        ),
    ),
}
