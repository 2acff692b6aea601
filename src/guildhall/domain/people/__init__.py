"""People: partner users, customer users, staff; sign-in and sessions (PRODUCT §3)."""
