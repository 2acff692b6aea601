"""Reports through the API: who is refused, what narrows, what cannot be asked."""

from datetime import timedelta
from uuid import uuid4

import httpx
import pytest

from guildhall.core import clock
from support_clients import client_of, software
from support_world import World

pytestmark = pytest.mark.anyio
PRINCIPAL = "principal@northwind.example"
REPORTS = ("usage", "sla", "revenue")
HOLDERS = {"usage": "technical", "sla": "msp_billing", "revenue": "finance"}


def path(report: str) -> str:
    return f"/api/v1/partner/reports/{report}"


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("report", REPORTS)
async def test_each_report_says_what_it_leaves_out_and_pages_its_tenants(demo: World, report: str) -> None:
    client = await demo.api(PRINCIPAL)
    ended = {"to_date": (clock.now() - timedelta(days=2)).date().isoformat()}  # today is longer at each question
    whole = (await client.get(path(report), params={**ended, "limit": 100})).json()
    covered = whole["coverage"]
    assert covered["tenants"] == len(demo.tenants("northwind", "live")) == covered["included"] + covered["left_out"]
    assert len(whole["by_tenant"]) == covered["included"]
    assert not whole["has_more"]
    page = (await client.get(path(report), params={**ended, "limit": 5, "offset": 5})).json()
    assert page["by_tenant"] == whole["by_tenant"][5:10]
    assert page["has_more"]
    assert page["summary"] == whole["summary"]


@pytest.mark.parametrize("report", REPORTS)
async def test_roles_decide_which_report_is_there(demo: World, report: str) -> None:
    for name, role in HOLDERS.items():
        client = await demo.api(f"{role}@northwind.example")
        allowed = report == name or (report, role) in {("sla", "technical"), ("revenue", "msp_billing")}
        answer = await client.get(path(report))
        assert answer.status_code == (200 if allowed else 403), (report, role)


@pytest.mark.parametrize("report", REPORTS)
async def test_tenants_narrow_by_header_or_by_ids_and_foreign_ones_are_refused(demo: World, report: str) -> None:
    acme = demo.tenant("acme-fiber")
    inside, outside = await demo.api(PRINCIPAL, acme), await demo.api(PRINCIPAL)
    by_header = (await inside.get(path(report))).json()
    by_ids = (await outside.get(path(report), params={"tenant_ids": str(acme)})).json()
    for found in (by_header, by_ids):
        assert [each["tenant_id"] for each in found["by_tenant"]] == [str(acme)]
        assert found["coverage"] == {"tenants": 1, "included": 1, "left_out": 0}
    for tenant in (uuid4(), demo.unlinked("northwind")):
        answer = await outside.get(path(report), params={"tenant_ids": f"{acme},{tenant}"})
        assert code(answer) == (403, "TENANT_ACCESS_DENIED")
    other = await inside.get(path(report), params={"tenant_ids": str(demo.tenant("thistle"))})
    assert code(other) == (409, "TENANT_CONTEXT_MISMATCH")


@pytest.mark.parametrize(
    ("report", "asked", "pointer"),
    [
        ("usage", {"group_by": "year"}, "/query/group_by"),
        ("usage", {"metric": "api_calls"}, "/query/metric"),
        ("usage", {"from_date": "2026-02-30"}, "/query/from_date"),
        ("sla", {"target_percentage": "nan"}, "/query/target_percentage"),
        ("sla", {"target_percentage": "100.1"}, "/query/target_percentage"),
        ("revenue", {"from_date": "2026-02-02", "to_date": "2026-02-01"}, "/query/to_date"),
        ("revenue", {"from_date": "2020-02-02", "to_date": "2026-02-01"}, "/query/from_date"),
    ],
)
async def test_what_cannot_be_asked_is_named(demo: World, report: str, asked: dict[str, str], pointer: str) -> None:
    answer = await (await demo.api(PRINCIPAL)).get(path(report), params=asked)
    assert code(answer) == (422, "VALIDATION_ERROR")
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]


async def test_software_without_leave_for_amounts_gets_no_revenue(world: World) -> None:
    scopes = frozenset({"partner.reports.revenue.read", "partner.reports.usage.read", "partner.tenants.list"})
    client = await software(world, await client_of(world, scopes=scopes))
    assert code(await client.get(path("revenue"))) == (403, "FORBIDDEN")
    assert (await client.get(path("usage"))).status_code == 200
