"""sums of a tenant's invoices are answered by their index alone."""

from collections.abc import Sequence

from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

NAME = "ix_invoice_tenant_id_issued_on"
SUMMED = "INCLUDE (subscriber_id, status, currency, amount, amount_paid, due_on)"


def upgrade() -> None:
    _index(SUMMED)


def downgrade() -> None:
    _index("")


def _index(besides: str) -> None:
    """Make the index anew beside the one there is, then change them over: nobody who reads waits for the making.

    Whoever writes invoices waits. One that read some before and writes then may be refused, and comes again.
    """
    op.execute(f"CREATE INDEX {NAME}_new ON tenancy.invoice (tenant_id, issued_on DESC, id DESC) {besides}")
    op.execute(f"DROP INDEX tenancy.{NAME}")
    op.execute(f"ALTER INDEX tenancy.{NAME}_new RENAME TO {NAME}")
