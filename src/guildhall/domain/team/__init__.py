"""Teams: who belongs to a partner or to a customer, in which roles, and who brings them in (PRODUCT §3, §12)."""
