"""Mail: letters written in the transaction of their cause, delivered by a job (PRODUCT §3, §13)."""
