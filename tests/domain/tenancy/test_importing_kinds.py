"""Every kind can be imported from CSV and JSON lines; twice is the same as once; a dry run writes nothing."""

import json
from typing import Any

import msgspec
import pytest

from guildhall.domain.tenancy.importing import KINDS

# One good file of each kind, as JSON lines' values; the second row leaves out what may be left out.
GOOD: dict[str, list[dict[str, Any]]] = {
    "tenants": [
        {
            "external_id": "X1",
            "name": "Nordlicht, GmbH",
            "slug": "nordlicht",
            "domain": "Nordlicht.example",
            "status": "trial",
            "plan_type": "growth",
            "contact_name": "Íñigo “the net” Ruiz",
            "contact_email": "inigo@nordlicht.example",
            "contact_phone": "+49 30 000",
            "address": {"street": "Am Kai 1", "city": "Kiel", "postal_code": "24103", "country": "DE"},
            "region": "eu",
            "currency": "EUR",
            "users_max": 40,
        },
        {"external_id": "X2", "name": "Plain", "slug": "plain", "domain": "plain.example"},
    ],
    "users": [
        {"tenant": "A", "email": "Ana@Acme.example", "name": "Ana", "role": "approver", "language": "es"},
        {"tenant": "B", "email": "ana@acme.example", "name": "Ana", "role": "viewer", "timezone": "Europe/Madrid"},
    ],
    "subscribers": [
        {
            "tenant": "A",
            "external_id": "S8",
            "name": "Bo",
            "email": "bo@x.example",
            "status": "suspended",
            "plan": "1G",
        },
        {"tenant": "B", "external_id": "S8", "name": "Cy"},
    ],
    "invoices": [
        {
            "tenant": "A",
            "external_id": "I8",
            "number": "8",
            "status": "paid",
            "currency": "USD",
            "amount": "12.3456",
            "amount_paid": "12.3456",
            "issued_on": "2026-02-01",
            "due_on": "2026-02-28",
            "paid_on": "2026-02-14",
            "subscriber": "S1",
        },
        {
            "tenant": "B",
            "external_id": "I8",
            "number": "8",
            "status": "draft",
            "currency": "GBP",
            "amount": "-5",
            "issued_on": "2026-02-01",
            "due_on": "2026-02-01",
        },
    ],
    "invoice-lines": [
        {
            "tenant": "A",
            "invoice": "I1",
            "position": position,
            "description": f"Line {position}",
            "quantity": "1.5",
            "unit_price": "10",
            "amount": "15.00",
        }
        for position in (1, 2)
    ],
    "payments": [
        {
            "tenant": "A",
            "external_id": f"P{n}",
            "invoice": "I1",
            "currency": "USD",
            "amount": "15",
            "paid_on": "2026-10-05",
        }
        for n in (1, 2)
    ],
    "tickets": [
        {
            "tenant": "A",
            "external_id": "K1",
            "subject": "Slow line",
            "description": "Two\nlines, and a “quote”",
            "status": "resolved",
            "priority": "high",
            "category": "network",
            "tags": ["vip", "repeat"],
            "subscriber": "S1",
            "created_by_name": "Monitor",
            "created_at": "2026-10-01T08:00:00+02:00",
            "sla_breach_at": "2026-10-01T10:00:00Z",
            "sla_breached_at": "2026-10-01T10:00:00Z",
            "resolved_at": "2026-10-01T11:00:00Z",
        },
        {"tenant": "A", "external_id": "K2", "subject": "No signal", "status": "open", "priority": "urgent"},
    ],
    "usage": [
        {"tenant": "A", "metric": "bandwidth_gb", "day": "2026-10-01", "quantity": "10.5"},
        {"tenant": "A", "metric": "bandwidth_gb", "day": "2026-10-02", "quantity": "0"},
    ],
    "outages": [
        {
            "tenant": "A",
            "external_id": "O1",
            "started_at": "2026-10-01T23:30:00Z",
            "ended_at": "2026-10-02T00:45:00Z",
            "cause": "Fibre cut",
        },
        {
            "tenant": "A",
            "external_id": "O2",
            "started_at": "2026-10-01T23:45:00Z",
            "ended_at": "2026-10-02T00:30:00Z",
        },
    ],
    "posture": [
        {
            "tenant": "A",
            "taken_at": "2026-10-01T00:00:00Z",
            "score": 71,
            "critical": 1,
            "findings": [{"id": "f1", "title": "Open port", "severity": "critical"}],
        },
        {"tenant": "B", "taken_at": "2026-10-01T00:00:00Z", "score": 100},
    ],
}


def as_json_lines(rows):
    return "\n".join(json.dumps(row) for row in rows)


def as_csv(rows):
    """Write rows as CSV, every cell quoted: lists of words by bars, an address by columns, findings as JSON."""
    flat = [dict(_cells(row)) for row in rows]
    header = list(dict.fromkeys(name for row in flat for name in row))
    lines = [header, *([row.get(name, "") for name in header] for row in flat)]
    return "\r\n".join(",".join('"' + str(cell).replace('"', '""') + '"' for cell in line) for line in lines)


def _cells(row):
    for name, value in row.items():
        if name == "address":
            yield from ((f"address_{part}", text) for part, text in value.items())
        elif name == "tags":
            yield name, "|".join(value)
        elif name == "findings":
            yield name, json.dumps(value)
        else:
            yield name, value


def contents(database):
    """Return every row of the tenants' tables and of the trail."""
    tables = database.execute(
        "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname = 'tenancy' OR tablename = 'audit_entry'"
    ).fetchall()
    return {
        table: sorted(map(str, database.execute(f"SELECT to_jsonb(x) FROM {table} AS x").fetchall()))
        for (table,) in tables
    }


def test_there_is_a_good_file_for_every_kind():
    assert GOOD.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_good_row_fills_every_field(kind):
    left_to_default = {"users": {"status", "timezone"}, "posture": {"high", "medium", "low"}}
    fields = {field.name for field in msgspec.structs.fields(KINDS[kind].row)}
    assert GOOD[kind][0].keys() | left_to_default.get(kind, set()) == fields


@pytest.mark.parametrize("kind", KINDS)
def test_csv_and_json_lines_say_the_same(kind, acme, bring, database):
    first = bring(kind, as_csv(GOOD[kind]))
    assert (first.faults, first.rows, first.written.added) == ((), 2, 2)
    again = bring(kind, as_json_lines(GOOD[kind]), name="file.jsonl")
    assert (again.faults, again.rows, again.unchanged) == ((), 2, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_run_changes_nothing_but_the_trail(kind, acme, bring, database):
    bring(kind, as_json_lines(GOOD[kind]), name="file.ndjson")
    before = contents(database)
    again = bring(kind, as_json_lines(GOOD[kind]), name="file.ndjson")
    after = contents(database)
    assert (again.unchanged, again.written.invites) == (2, ())
    trail = before.pop("portal.audit_entry"), after.pop("portal.audit_entry")
    assert after == before
    assert len(trail[1]) == len(trail[0]) + 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_dry_run_reports_and_writes_nothing(kind, acme, bring, database):
    before = contents(database)
    report = bring(kind, as_csv(GOOD[kind]), dry_run=True)
    assert (report.dry_run, report.written.added, report.faults) == (True, 2, ())
    assert contents(database) == before


@pytest.mark.parametrize("kind", KINDS)
def test_one_bad_row_writes_nothing_of_the_good_ones(kind, acme, bring, database):
    before = contents(database)
    report = bring(kind, as_json_lines([*GOOD[kind], {}]), name="file.jsonl")
    assert {fault.row for fault in report.faults} == {3}
    assert contents(database) == before


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "tenants"])
def test_a_tenant_that_nobody_knows_is_a_fault_of_its_row(kind, acme, bring, database):
    rows = [GOOD[kind][0], GOOD[kind][1] | {"tenant": "Z"}]
    report = bring(kind, as_json_lines(rows), name="file.jsonl")
    assert "Row 2, tenant: no tenant has the external id 'Z'" in map(str, report.faults)


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_that_names_the_same_thing_as_an_earlier_one_is_a_fault(kind, acme, bring, database):
    report = bring(kind, as_json_lines([*GOOD[kind], GOOD[kind][0]]), name="file.jsonl")
    assert any(fault.row == 3 and "as in row 1" in fault.message for fault in report.faults)
