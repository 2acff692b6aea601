"""Links: who may act in which tenant, and what decides it (PRODUCT §5, BOUNDARY §2-4)."""
