"""Staff see who uses what of the API, and give one partner a quota of its own."""

from datetime import timedelta
from typing import Any

import pytest

from guildhall.core import clock
from guildhall.core.errors import StepUpRequired
from guildhall.domain.partners import quotas
from guildhall.domain.quotas import kinds
from support_actors import staff_person
from support_world import World

pytestmark = pytest.mark.anyio
LEAD, SUPPORT, PRINCIPAL = "lead@halcyon.example", "support@halcyon.example", "principal@northwind.example"
CUSTOMERS = "/api/v1/partner/customers"
GOOD = {"list_calls": "5", "reason": "x", "confirmed": "yes"}


def partner(world: World, slug: str = "northwind") -> Any:
    return world.sql("SELECT id FROM portal.partner WHERE slug = %s", slug)[0]["id"]


def kept(world: World) -> list[dict[str, Any]]:
    """Return Northwind's own quota."""
    return world.sql(
        "SELECT list_calls, detail_calls, write_calls, export_calls, reason, set_by FROM portal.partner_quota"
        " WHERE partner_id = %s",
        partner(world),
    )


async def test_a_quota_is_asked_about_kept_and_binds_from_the_next_call(world: World) -> None:
    staff, software = await world.sign_in(LEAD, "staff"), await world.api(PRINCIPAL)
    assert (await software.get(CUSTOMERS)).headers["x-ratelimit-limit"] == str(kinds.MOST)
    path = f"/partners/{partner(world)}/quota"
    form = {"list_calls": "2", "export_calls": "", "reason": "A pilot"}
    asked = await world.post(staff, f"{path}/change", **form)
    assert asked.status_code == 200
    assert "1,000,000 a minute" in asked.text
    assert "2 a minute" in asked.text
    assert kept(world) == [], "asking changes nothing"
    assert (await world.post(staff, f"{path}/change", **form, confirmed="yes")).status_code == 303
    assert [row["list_calls"] for row in kept(world)] == [2]
    answers = [await software.get(CUSTOMERS) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429], "the one before counts too"
    assert "Lists" in (await staff.get("/quotas?state=refused&q=northwind")).text
    assert "A pilot" in (await staff.get(path)).text
    console = await world.sign_in(PRINCIPAL)
    assert "2 of 2 a minute" in (await console.get("/clients")).text
    (entry,) = world.sql(
        "SELECT sequence FROM portal.audit_entry WHERE action = 'partner.quota_changed' AND kind = 'partner'"
    )
    assert "Lists a minute" in (await console.get(f"/audit/{entry['sequence']}")).text
    assert (await world.post(staff, f"{path}/clear", reason="")).status_code == 422
    assert (await world.post(staff, f"{path}/clear", reason="Over")).status_code == 303
    assert kept(world) == []
    assert (await software.get(CUSTOMERS)).status_code == 200


async def test_what_cannot_be_a_quota_is_refused_beside_its_field_and_kept(world: World) -> None:
    staff = await world.sign_in(LEAD, "staff")
    path = f"/partners/{partner(world)}/quota/change"
    for form in (
        {"list_calls": "many", "reason": "x"},
        {"list_calls": "0", "reason": "x"},
        {"list_calls": "1000001", "reason": "x"},
        {"list_calls": "", "reason": "x"},
        {"list_calls": "5", "reason": " "},
    ):
        refused = await world.post(staff, path, **form, confirmed="yes")
        assert refused.status_code == 422, form
        assert f'value="{form["list_calls"]}"' in refused.text or not form["list_calls"]
        assert refused.text.count('aria-invalid="true"') == 1, form
    assert kept(world) == []
    unknown = "/partners/0199c0de-7a11-7c1d-9f3e-2b6d4e5f6a70/quota"
    assert (await staff.get(unknown)).status_code == 404
    assert (
        await world.post(staff, f"{unknown}/change", list_calls="5", reason="x", confirmed="yes")
    ).status_code == 404


async def test_giving_and_clearing_ask_for_a_fresh_factor_and_the_right_role(world: World) -> None:
    lead = staff_person(world, LEAD)
    stale = {"wanted": {"list_calls": 5}, "reason": "x", "partner_id": partner(world)}
    with pytest.raises(StepUpRequired):
        await quotas.give(lead, **stale, now=clock.now() + timedelta(hours=1))
    with pytest.raises(StepUpRequired):
        await quotas.clear(lead, partner_id=partner(world), reason="x", now=clock.now() + timedelta(hours=1))
    support = await world.sign_in(SUPPORT, "staff")
    assert (await support.get("/quotas")).status_code == 200
    path = f"/partners/{partner(world)}/quota"
    shown = await support.get(path)
    assert shown.status_code == 200
    assert f"{path}/change" not in shown.text
    for end in ("change", "clear"):
        assert (
            await world.post(support, f"{path}/{end}", list_calls="5", reason="x", confirmed="yes")
        ).status_code == 403
    assert kept(world) == []


async def test_the_list_is_filtered_sorted_and_paged(demo: World) -> None:
    staff = await demo.sign_in(LEAD, "staff")
    whole = (await staff.get("/quotas")).text
    assert "Bluepeak Labs" in whole
    own = (await staff.get("/quotas?state=own")).text
    assert "Bluepeak Labs" in own
    assert "Northwind Managed Services" not in own
    refused = (await staff.get("/quotas?state=refused&sort=-refused")).text
    rows = refused[refused.index("<tbody") :]
    assert rows.index("Lists over several customers") < rows.index("Single objects"), "31 before 3"
    assert "Northwind Managed Services" not in (await staff.get("/quotas?kind=detail&state=refused")).text
    assert (await staff.get("/quotas?kind=nothing")).status_code == 422
    assert "nobody-of-this-name" in (await staff.get("/quotas?q=nobody-of-this-name")).text
    assert (await staff.get("/quotas?page=2")).status_code == 200
