"""API clients open tickets and write comments."""

from collections.abc import Sequence

from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_BEFORE = "'partner_user', 'customer_user', 'staff_user', 'platform'"
_AFTER = "'partner_user', 'api_client', 'customer_user', 'staff_user', 'platform'"


def upgrade() -> None:
    _allow(_AFTER)


def downgrade() -> None:
    _allow(_BEFORE)


def _allow(kinds: str) -> None:
    for table, column in (("ticket", "created_by_kind"), ("ticket_comment", "author_kind")):
        name = op.f(f"ck_{table}_{column}")
        op.drop_constraint(name, table, schema="tenancy")
        op.create_check_constraint(name, table, f"{column} IN ({kinds})", schema="tenancy")
