"""Staff see what is wrong at whose customer, over all partners, and never an amount."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from guildhall.core import db
from guildhall.surfaces.words import metric_label
from support_console import words
from support_world import World

pytestmark = pytest.mark.anyio
LEAD = "lead@halcyon.example"


async def test_alerts_of_all_partners_are_listed_found_and_filtered(demo: World) -> None:
    staff = await demo.sign_in(LEAD, "staff")
    rows = demo.sql(
        "SELECT a.kind, a.status, a.values, a.severity, p.name AS partner, t.name AS tenant FROM portal.alert AS a"
        " JOIN portal.partner AS p ON p.id = a.partner_id JOIN tenancy.tenant AS t ON t.id = a.tenant_id"
    )
    waiting = [row for row in rows if row["status"] != "resolved"]
    page = words(await staff.get("/alerts"))
    assert f"of {len(waiting)}" in page
    partner = min(row["partner"] for row in waiting)
    found = words(await staff.get("/alerts", params={"q": partner}))
    assert f"of {sum(row['partner'] == partner for row in waiting)}" in found
    worst = words(await staff.get("/alerts", params={"severity": "critical", "kind": "sla.ticket"}))
    assert "Link that ends soon" not in worst.split("Raised", 1)[1]
    assert (await staff.get("/alerts", params={"kind": "nonsense"})).status_code == 422
    near = words(await staff.get("/alerts", params={"kind": "usage.capacity"}))
    metrics = {row["values"]["metric"] for row in waiting if row["kind"] == "usage.capacity"}
    assert len(metrics) > 1
    assert all(metric_label(metric) in near for metric in metrics), "one customer's are told apart"
    owed = words(await staff.get("/alerts", params={"kind": "billing.threshold"})).split("Raised", 1)[1]
    assert "Receivables over threshold" in owed
    assert not {"USD", "EUR", "GBP"} & set(owed.split()), "a currency without its amount says nothing"
    over = words(await staff.get("/alerts", params={"state": "resolved"}))
    assert f"of {len(rows) - len(waiting)}" in over


async def test_staff_cannot_read_what_an_alert_is_worth(demo: World) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        async with db.transaction(await demo.actor(LEAD, "staff")) as connection:
            await connection.execute(text("SELECT values FROM portal.alert"))
