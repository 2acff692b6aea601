"""Security posture, a snapshot each week. Every tenant's findings carry a marker that must never leak.

`POSTURE-MARKER-<slug>` stands in a title of each snapshot, also of tenants that keep their posture to
themselves, so that a test can search every answer for it.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from psycopg.types.json import Jsonb

from guildhall.worlds.demo_tenants import Tenant
from guildhall.worlds.ground import Connection, chance, copy, made_id, midnight

WEEKS = 26
_TITLES = (
    ("Management interface reachable from the internet", "critical"),
    ("Router firmware three releases behind", "high"),
    ("Shared administrator account without second factor", "high"),
    ("Weak cipher accepted on the customer portal", "medium"),
    ("Backup older than seven days", "medium"),
    ("Open recursive resolver", "medium"),
    ("Certificate expires within thirty days", "low"),
    ("Unused firewall rule", "low"),
    ("Guest network shares a VLAN with printers", "low"),
)
_COST = {"critical": 14, "high": 7, "medium": 3, "low": 1}


def marker(slug: str) -> str:
    """Return the text planted in the findings of the tenant with `slug`."""
    return f"POSTURE-MARKER-{slug}"


def seed_posture(connection: Connection, cast: list[Tenant], today: date) -> None:
    """Write the snapshots of all tenants."""
    copy(
        connection,
        "tenancy.posture_snapshot",
        "id tenant_id taken_at score critical high medium low findings",
        (row for tenant in cast for row in _snapshots(tenant, today)),
    )


def _snapshots(tenant: Tenant, today: date) -> Iterator[tuple[object, ...]]:
    luck = chance("posture", tenant.slug)
    for week in range(WEEKS - 1, -1, -1):
        taken = midnight(today) - timedelta(days=7 * week, hours=4)
        if taken.date() >= tenant.since:
            findings = _findings(tenant, luck, week)
            counted = Counter(str(one["severity"]) for one in findings)
            score = 100 - sum(_COST[severity] * count for severity, count in counted.items())
            yield (
                made_id("posture", tenant.slug, taken.date()),
                tenant.id,
                taken,
                max(20, score),
                *(counted[severity] for severity in _COST),
                Jsonb(findings),
            )


def _findings(tenant: Tenant, luck: Random, week: int) -> list[dict[str, object]]:
    """Return the findings of one week: fewer as time goes on, the first with the marker."""
    chosen = luck.sample(_TITLES, min(len(_TITLES), 3 + week // 8 + luck.randint(0, 2)))
    return [
        {
            "id": f"{tenant.slug}-{number}",
            "title": f"{title} ({marker(tenant.slug)})" if number == 0 else title,
            "severity": severity,
            "asset": f"{luck.choice(('edge', 'core', 'office', 'mail'))}-{luck.randint(1, 9)}.{tenant.slug}.example",
            "status": "open",
        }
        for number, (title, severity) in enumerate(chosen)
    ]
