"""How many calls of the API fit into how much time: for a partner, for a tenant, for the platform."""
