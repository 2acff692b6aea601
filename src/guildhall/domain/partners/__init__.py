"""Partners: organisations in the programme (PRODUCT §4)."""
