"""How long gates 2 to 5 take for one permission in one tenant, once the session's row is there (bar: 0.1 ms CPU)."""

import time
from uuid import uuid4

from guildhall.core.actor import Actor, DbRole, Kind, Surface
from guildhall.domain.access.gates import Standing, decide
from guildhall.domain.rbac.registry import PARTNER, held_by, link_permissions

ROUNDS = 2000


def microseconds() -> float:
    """Return the CPU microseconds of one decision, over every permission of the registry."""
    actor = Actor(
        kind=Kind.PARTNER_USER,
        surface=Surface.API,
        role=DbRole.PARTNER,
        name="Bench",
        permissions=held_by(("msp_full",), PARTNER),
    )
    tenant = Standing(
        tenant_id=uuid4(),
        link_id=uuid4(),
        status="active",
        live=True,
        permissions=frozenset(link_permissions("msp_full", {})),
        operating_model="co_managed",
        within_limits=True,
    )
    began = time.process_time()
    for _ in range(ROUNDS):
        for needs in PARTNER:
            decide(actor, needs=needs, partner_status="active", safe=True, tenant=tenant)
    return 1e6 * (time.process_time() - began) / (ROUNDS * len(PARTNER))


if __name__ == "__main__":
    print(f"permission decision: {microseconds():.2f} µs CPU (bar 100), its row with the session's")
