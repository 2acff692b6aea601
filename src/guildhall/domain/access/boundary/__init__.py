"""What the database itself enforces: roles, functions, grants, policies (BOUNDARY §4)."""
