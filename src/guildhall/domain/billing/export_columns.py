"""The columns of an export: their names in the file, and the SQL of each.

A text that a spreadsheet would take for a formula gets an apostrophe before it. Amounts are written in the smallest
units of their currency, without a separator of thousands, whatever the reader's language.
"""

from collections.abc import Mapping

from guildhall.core.money import EXPONENTS
from guildhall.domain.billing.invoice_sql import OWED


def _harmless(column: str) -> str:
    """Return the SQL of a text that no spreadsheet takes for a formula, on one line."""
    flat = f"translate({column}, E'\\r\\n\\t', '   ')"
    return rf"CASE WHEN {column} ~ '^[[:space:]]*[-=+@|]' THEN '''' || {flat} ELSE {flat} END"


_DIGITS = " ".join(f"WHEN '{code}' THEN {digits}" for code, digits in sorted(EXPONENTS.items()))


def _amount(value: str) -> str:
    """Return the SQL of an amount, rounded to its currency."""
    return f"round({value}, CASE i.currency {_DIGITS} ELSE 2 END)"


MONEY_COLUMNS = ("amount", "amount_paid", "outstanding")
COLUMNS: Mapping[str, str] = {
    "tenant_id": "i.tenant_id",
    "tenant_name": _harmless("s.tenant_name"),
    "invoice_id": "i.id",
    "number": _harmless("i.number"),
    "status": "i.status",
    "issued_on": "i.issued_on",
    "due_on": "i.due_on",
    "paid_on": "i.paid_on",
    "days_overdue": f"CASE WHEN {OWED} THEN greatest(0, :today - i.due_on) ELSE 0 END",
    "currency": "i.currency",
    "amount": _amount("i.amount"),
    "amount_paid": _amount("i.amount_paid"),
    "outstanding": _amount(f"CASE WHEN {OWED} THEN i.amount - i.amount_paid ELSE 0 END"),
}
LINE_MONEY_COLUMNS = ("line_unit_price", "line_amount")
LINE_COLUMNS: Mapping[str, str] = {
    "line_position": "n.position",
    "line_description": _harmless("n.description"),
    "line_quantity": "trim_scale(n.quantity)",
    "line_unit_price": "trim_scale(n.unit_price)",
    "line_amount": _amount("n.amount"),
}
