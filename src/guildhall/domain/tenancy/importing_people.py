"""People of tenants: new ones are added, memberships follow the file, new approvers get a one-time link."""

from datetime import UTC, datetime

from guildhall.domain.tenancy.importing_writes import Connection, Written
from guildhall.domain.tenancy.inviting import Newcomer, invite_newcomers

# A customer's person has a random id: one that tells its time would tell who is known from elsewhere.
_PEOPLE = """
INSERT INTO tenancy.customer_user (id, email, name, language, timezone)
SELECT DISTINCT ON (s.email) gen_random_uuid(), s.email, s.name, s.language, s.timezone FROM staged AS s
ORDER BY s.email, s.row ON CONFLICT (email) DO NOTHING RETURNING id
"""
_MEMBERSHIPS = """
WITH written AS (
    INSERT INTO tenancy.customer_membership AS now (user_id, tenant_id, role, status, invited_name)
    SELECT u.id, t.id, s.role, s.status, s.name FROM staged AS s
    JOIN tenancy.tenant AS t ON t.external_id = s.tenant JOIN tenancy.customer_user AS u ON u.email = s.email
    ON CONFLICT (user_id, tenant_id) DO UPDATE SET role = excluded.role, status = excluded.status
    WHERE (now.role, now.status) IS DISTINCT FROM (excluded.role, excluded.status)
    RETURNING xmax = 0 AS added)
SELECT count(*) FILTER (WHERE added), count(*) FILTER (WHERE NOT added) FROM written
"""
_APPROVERS = """
SELECT DISTINCT ON (u.id) u.id, u.email, t.id FROM staged AS s
JOIN tenancy.tenant AS t ON t.external_id = s.tenant JOIN tenancy.customer_user AS u ON u.email = s.email
WHERE u.id = ANY (%s) AND s.role = 'approver' AND s.status = 'active' ORDER BY u.id, s.row
"""


def write(connection: Connection) -> Written:
    """Write the staged people; return what was done, with the links of the new approvers.

    Somebody known already keeps name, language and zone: these belong to the person.
    """
    new = [person for (person,) in connection.execute(_PEOPLE).fetchall()]
    added, changed = connection.execute(_MEMBERSHIPS).fetchone() or (0, 0)
    approvers = [Newcomer(*row) for row in connection.execute(_APPROVERS, [new]).fetchall()]
    return Written(added, changed, invite_newcomers(connection, approvers, by="import", now=datetime.now(UTC)))
