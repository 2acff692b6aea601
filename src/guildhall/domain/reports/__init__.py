"""What is read over many tenants: portfolio and dashboard (PRODUCT §8, §10)."""
