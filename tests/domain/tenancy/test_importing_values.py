"""What an import writes, field by field, and what it leaves alone."""

from datetime import date
from decimal import Decimal

import psycopg
import pytest

from guildhall.core import crypto

INVOICE = "tenant,external_id,number,status,currency,amount,amount_paid,issued_on,due_on,paid_on\n"


def test_a_column_that_is_not_given_keeps_what_is_stored(acme, bring, database):
    bring("subscribers", "tenant,external_id,name,plan,status\nA,S1,Ana Ruiz,Gold,suspended\n")
    report = bring("subscribers", "tenant,external_id,name,plan\nA,S1,Ana Ruiz-Gomez,\n")
    assert (report.written.added, report.written.changed) == (0, 1)
    stored = database.execute("SELECT name, plan, status FROM tenancy.subscriber WHERE external_id = 'S1'").fetchall()
    assert stored == [("Ana Ruiz-Gomez", "Gold", "suspended")]


def test_amounts_arrive_to_the_last_place(acme, bring, database):
    bring("invoices", INVOICE + "A,I2,2,draft,USD,99999999999999.9999,0.0001,2026-01-01,2026-01-02,\n")
    stored = database.execute("SELECT amount, amount_paid FROM tenancy.invoice WHERE external_id = 'I2'").fetchall()
    assert stored == [(Decimal("99999999999999.9999"), Decimal("0.0001"))]


def test_an_invoice_that_is_paid_no_longer_loses_its_day_of_payment(acme, bring, database):
    bring("invoices", INVOICE + "A,I2,2,paid,USD,5,5,2026-01-01,2026-01-02,2026-01-02\n")
    bring("invoices", INVOICE + "A,I2,2,overdue,USD,5,0,2026-01-01,2026-01-02,\n")
    stored = database.execute("SELECT status, paid_on FROM tenancy.invoice WHERE external_id = 'I2'").fetchall()
    assert stored == [("overdue", None)]


def test_rollups_follow_the_imported_rows(acme, bring, database):
    bring("invoices", INVOICE + "A,I2,2,overdue,USD,12.50,2.50,2026-01-01,2026-01-02,\n")
    stored = database.execute("SELECT outstanding, overdue, open_count FROM tenancy.billing_rollup").fetchall()
    assert stored == [(Decimal(40), Decimal(10), 2)]


def test_an_invoice_that_changes_its_currency_leaves_nothing_in_the_old_one(acme, bring, database):
    bring("invoices", INVOICE + "B,I2,2,overdue,USD,12.50,0,2026-01-01,2026-01-02,\n")
    bring("invoices", INVOICE + "B,I2,2,overdue,EUR,12.50,0,2026-01-01,2026-01-02,\n")
    stored = database.execute(
        "SELECT r.currency, outstanding, open_count FROM tenancy.billing_rollup AS r"
        " JOIN tenancy.tenant AS t ON t.id = r.tenant_id WHERE t.external_id = 'B' ORDER BY 1"
    ).fetchall()
    assert stored == [("EUR", Decimal("12.5"), 1), ("USD", 0, 0)]


def test_a_new_ticket_is_numbered_and_a_known_one_keeps_its_number_and_gains_a_version(acme, bring, database):
    header = "tenant,external_id,subject,status,priority\n"
    bring("tickets", header + "A,K1,One,open,low\nA,K2,Two,open,low\n")
    bring("tickets", header + "A,K2,Two,pending,low\nA,K3,Three,open,low\n")
    stored = database.execute(
        "SELECT external_id, number, version, status, created_by_kind FROM tenancy.ticket ORDER BY number"
    ).fetchall()
    assert stored == [
        ("K1", 1, 1, "open", "platform"),
        ("K2", 2, 2, "pending", "platform"),
        ("K3", 3, 1, "open", "platform"),
    ]


def test_overlapping_outages_count_once_in_the_downtime_of_their_days(acme, bring, database):
    bring(
        "outages",
        "tenant,external_id,started_at,ended_at\n"
        "A,O1,2026-10-01T23:30:00Z,2026-10-02T00:45:00Z\n"
        "A,O2,2026-10-01T23:45:00Z,2026-10-02T00:30:00Z\n",
    )
    stored = database.execute("SELECT day, down_seconds FROM tenancy.uptime_daily ORDER BY day").fetchall()
    assert stored == [(date(2026, 10, 1), 1800), (date(2026, 10, 2), 2700)]


def test_a_corrected_outage_takes_its_downtime_back(acme, bring, database):
    header = "tenant,external_id,started_at,ended_at\n"
    bring("outages", header + "A,O1,2026-10-01T10:00:00Z,2026-10-03T10:00:00Z\n")
    bring("outages", header + "A,O1,2026-10-01T10:00:00Z,2026-10-01T10:30:00Z\n")
    stored = database.execute("SELECT day, down_seconds FROM tenancy.uptime_daily ORDER BY day").fetchall()
    assert stored == [(date(2026, 10, 1), 1800)]


def test_a_new_approver_gets_a_one_time_link_that_works(acme, bring, database):
    report = bring("users", "tenant,email,name,role\nA,Ana@acme.example,Ana,approver\nA,bo@acme.example,Bo,viewer\n")
    (invite,) = report.written.invites
    assert invite.email == "ana@acme.example"
    found = database.execute(
        "SELECT email, tenant_name, used, expired FROM tenancy.find_customer_one_time(%s)",
        [crypto.token_hash(invite.token)],
    ).fetchall()
    assert found == [("ana@acme.example", "Acme Fiber", False, False)]
    assert invite.token not in str(database.execute("SELECT * FROM tenancy.customer_one_time").fetchall())


def test_somebody_known_keeps_the_own_name_and_gets_no_second_link(acme, bring, database):
    bring("users", "tenant,email,name,role\nA,ana@acme.example,Ana,approver\n")
    report = bring("users", "tenant,email,name,role\nB,ana@acme.example,Somebody,approver\n")
    assert (report.written.added, report.written.invites) == (1, ())
    assert database.execute("SELECT name FROM tenancy.customer_user").fetchall() == [("Ana",)]


def test_a_membership_follows_the_file(acme, bring, database):
    bring("users", "tenant,email,name,role\nA,ana@acme.example,Ana,approver\n")
    report = bring("users", "tenant,email,name,role,status\nA,ana@acme.example,Ana,viewer,deactivated\n")
    assert report.written.changed == 1
    stored = database.execute("SELECT role, status FROM tenancy.customer_membership").fetchall()
    assert stored == [("viewer", "deactivated")]


def test_an_import_leaves_one_entry_in_the_vendors_trail(acme, bring, database):
    before = database.execute("SELECT count(*) FROM portal.audit_entry").fetchall()
    bring("subscribers", "tenant,external_id,name\nA,S2,Bo\nA,S1,Ana\n", name="march.csv")
    entries = database.execute(
        "SELECT kind, action, surface, target_kind, target_id, body::jsonb -> 'changes' FROM portal.audit_entry"
        " ORDER BY sequence OFFSET %s",
        before[0],
    ).fetchall()
    ((*columns, changes),) = entries
    assert columns == ["vendor", "data.imported", "cli", "import", "subscribers"]
    assert (changes["file"], changes["rows"], changes["added"], changes["changed"]) == ("march.csv", 2, 1, 1)
    assert len(changes["sha256"]) == 64


def test_progress_is_told_in_octets_and_ends_at_the_whole(acme, bring):
    told = []
    rows = "".join(f"A,m,2026-01-{day:02},{n}\n" for n, day in enumerate(range(1, 29)))
    many = "".join(f"A,m{n},2026-01-01,1\n" for n in range(9000))
    content = "tenant,metric,day,quantity\n" + rows + many
    bring("usage", content, progress=lambda done, total: told.append((done, total)))
    assert len(told) > 3
    assert told == sorted(told)
    assert told[-1] == (len(content), len(content))


def test_the_rows_are_written_under_the_role_of_the_platform(acme, bring, database, cluster):
    database.execute(f"REVOKE INSERT ON tenancy.subscriber FROM {cluster.prefix}platform")
    try:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            bring("subscribers", "tenant,external_id,name\nA,S2,Bo\n")
    finally:
        database.execute(f"GRANT INSERT ON tenancy.subscriber TO {cluster.prefix}platform")
