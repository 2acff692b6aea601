"""Every class of bad input gets its row, its column and a sentence; nothing of the file is written."""

import json

import pytest

from guildhall.domain.tenancy.importing import import_file

SUBSCRIBERS = "tenant,external_id,name\n"
INVOICES = "tenant,external_id,number,status,currency,amount,issued_on,due_on"
GOOD_INVOICE = "A,I2,2,draft,USD,10.00,2026-01-31,2026-02-28"


def said(report):
    return [str(fault) for fault in report.faults]


@pytest.fixture
def refused(acme, bring, database):
    """Return the function that imports a bad file, shows that nothing was written, and returns what was said."""
    tables = ("tenant", "subscriber", "invoice", "payment", "ticket", "usage_daily", "outage", "posture_snapshot")

    def counts():
        return [database.execute(f"SELECT count(*) FROM tenancy.{table}").fetchall() for table in tables]

    def refused(kind, content, **options):
        before = counts()
        report = bring(kind, content, **options)
        assert counts() == before
        assert report.fault_count >= 1
        assert (report.written.added, report.written.changed) == (0, 0)
        return said(report)

    return refused


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("tenant,external_id,name,colour", "Row 1: Unknown columns: 'colour'. Known: tenant, external_id, name, email"),
        ("tenant;external_id;name", "separate columns with commas"),
        ("tenant,external_id,name,name", "Row 1: Columns that occur twice: name"),
        ("tenant,name", "Row 1: Missing columns: external_id"),
        ("Tenant,external_id,name", "Unknown columns: 'Tenant'"),
        ("", "Row 1: Missing columns: tenant, external_id, name"),
    ],
)
def test_a_header_that_is_not_understood_is_refused(refused, header, sentence):
    assert sentence in refused("subscribers", header + "\nA,S2,Bo\n" if header else "")[0]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (SUBSCRIBERS + "A,S2\n", "Row 2: has 2 cells, the header has 3"),
        (SUBSCRIBERS + "A,S2,Bo,more\n", "Row 2: has 4 cells, the header has 3"),
        (SUBSCRIBERS + 'A,S2,"Bo\n', "The quotes do not match"),
        (SUBSCRIBERS + 'A,S2,"Bo"Cy\n', "The quotes do not match"),
        (SUBSCRIBERS + "A,S2," + "x" * 140_000 + "\n", "a cell is longer than 131,072 characters"),
        (SUBSCRIBERS + "A,S2," + "x" * 1_000_001 + "\n", "Row 2: The line is longer than 1,000,000 bytes"),
        (SUBSCRIBERS + "A,S2," + "x" * 201 + "\n", "Row 2, name: write text of at most 200 characters, not 'xxx"),
        (SUBSCRIBERS + "A,S2,B\x00o\n", "Row 2, name: write text of at most 200 characters, not 'B\\x00o'"),
        (SUBSCRIBERS + "A,,Bo\n", "Row 2, external_id: is missing"),
    ],
)
def test_a_csv_row_that_is_broken_is_refused(refused, content, sentence):
    assert sentence in refused("subscribers", content)[0]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ((SUBSCRIBERS + "A,S2,Íñigo\n").encode("latin-1"), "Row 2: Byte 0xcd is not UTF-8; save the file as UTF-8"),
        ((SUBSCRIBERS + "A,S2,Bo\n").encode("utf-16"), "Row 1: The file is UTF-16; save it as UTF-8"),
        (b"\x00\x01\x02\x03", "Row 1: Unknown columns"),
        (b"PK\x03\x04\x14\x00\xff\xfe", "is not UTF-8"),
    ],
)
def test_another_encoding_is_refused(refused, content, sentence):
    assert sentence in refused("subscribers", content)[0]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('{"tenant":"A","external_id":"S2","name":"Bo"', "Row 1: is not a JSON object"),
        ("[1, 2]", "Row 1: is not a JSON object"),
        ('"text"', "Row 1: is not a JSON object"),
        ("[" * 100_000, "Row 1: is not a JSON object"),
        ('{"tenant":"A","external_id":"S2","name":"\\ud800"}', "Row 1: is not a JSON object"),
        ('{"tenant":"A","external_id":"S2","name":"B\\u0000"}', "Row 1, name: write text"),
        ('{"tenant":"A","external_id":"S2","name":7}', "Row 1, name: write text of at most 200 characters, not '7'"),
        ('{"tenant":"A","external_id":"S2","name":"Bo","hue":1}', "Row 1, 'hue': is unknown. Known: tenant,"),
    ],
)
def test_a_json_line_that_is_broken_is_refused(refused, line, sentence):
    assert sentence in refused("subscribers", line + "\n", name="file.jsonl")[0]


@pytest.mark.parametrize(
    "amount", ["1e3", "NaN", "Infinity", "1,000.00", "12.", ".5", "$12", "١٢", "1_000", " 12", "12.34567"]
)
def test_an_amount_that_is_no_plain_decimal_is_refused(refused, amount):
    line = GOOD_INVOICE.replace("10.00", f'"{amount}"')
    (sentence,) = refused("invoices", f"{INVOICES}\n{line}\n")
    assert sentence.startswith("Row 2, amount: write a decimal number such as 12.50")


def test_an_amount_that_json_would_read_as_a_float_is_refused(refused):
    row = dict(zip(INVOICES.split(","), GOOD_INVOICE.split(","), strict=True))
    (sentence,) = refused("invoices", json.dumps(row | {"amount": 10.1}), name="file.jsonl")
    assert sentence == (
        "Row 1, amount: write a decimal number such as 12.50 (text in JSON), at most four places, not '10.1'"
    )


@pytest.mark.parametrize(
    "day", ["31.01.2026", "2026-02-30", "2026-1-3", "20260131", "2026-01-31T00:00:00", "0000-01-01"]
)
def test_a_day_that_is_no_iso_date_is_refused(refused, day):
    (sentence,) = refused("invoices", f"{INVOICES}\n{GOOD_INVOICE.replace('2026-01-31', day)}\n")
    assert sentence.startswith("Row 2, issued_on: write a date such as 2026-01-31")


@pytest.mark.parametrize("moment", ["2026-01-31", "2026-01-31T10:00:00", "1767225600", "yesterday"])
def test_a_moment_without_a_zone_is_refused(refused, moment):
    (sentence,) = refused("outages", f"tenant,external_id,started_at\nA,O1,{moment}\n")
    assert sentence.startswith("Row 2, started_at: write a time with its zone such as 2026-01-31T09:30:00Z")


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "1969-12-31T00:00:00Z"])
def test_a_moment_that_is_too_far_away_is_refused(refused, moment):
    (sentence,) = refused("outages", f"tenant,external_id,started_at,ended_at\nA,O1,{moment},{moment}\n")[:1]
    assert "is too far away; write a year from 1970 to 2199" in sentence


@pytest.mark.parametrize(
    ("kind", "content", "sentence"),
    [
        (
            "invoices",
            f"{INVOICES}\n{GOOD_INVOICE.replace('2026-02-28', '2026-01-30')}\n",
            "Row 2, due_on: lies before issued_on",
        ),
        (
            "invoices",
            f"{INVOICES},paid_on\n{GOOD_INVOICE},2026-02-01\n",
            "Row 2, paid_on: only a paid invoice has it",
        ),
        (
            "invoices",
            f"{INVOICES}\n{GOOD_INVOICE.replace('draft', 'Draft')}\n",
            "Row 2, status: write draft, final",
        ),
        ("invoices", f"{INVOICES}\n{GOOD_INVOICE.replace('USD', 'usd')}\n", "Row 2, currency: write a currency of ISO"),
        (
            "invoices",
            f"{INVOICES},subscriber\n{GOOD_INVOICE},S9\n",
            "Row 2, subscriber: the tenant has no subscriber with the external id 'S9'",
        ),
        (
            "invoices",
            f"{INVOICES},subscriber\n{GOOD_INVOICE.replace('A,', 'B,', 1)},S1\n",
            "Row 2, subscriber: the tenant has no subscriber with the external id 'S1'",
        ),
        (
            "invoices",
            f"{INVOICES}\n{GOOD_INVOICE.replace(',2,', ',INV-1,')}\n",
            "Row 2, number: 'INV-1' belongs to another row already",
        ),
        (
            "invoices",
            f"{INVOICES}\n{GOOD_INVOICE}\n{GOOD_INVOICE.replace('I2', 'I3')}\n",
            "Row 3, number: the same tenant and number as in row 2",
        ),
        (
            "payments",
            "tenant,external_id,invoice,currency,amount,paid_on\nA,P1,I1,EUR,5,2026-10-05\n",
            "Row 2, currency: is not the currency of the invoice",
        ),
        (
            "payments",
            "tenant,external_id,invoice,currency,amount,paid_on\nA,P1,I9,USD,5,2026-10-05\n",
            "Row 2, invoice: the tenant has no invoice with the external id 'I9'",
        ),
        (
            "tickets",
            "tenant,external_id,subject,status,priority,resolved_at\nA,K1,Help,open,low,2026-10-05T00:00:00Z\n",
            "Row 2, resolved_at: only a resolved or closed ticket has it",
        ),
        (
            "tickets",
            "tenant,external_id,subject,status,priority,tags\nA,K1,Help,open,low,a||b\n",
            "Row 2, tags: write at most 20 tags of 40 characters, separated by |",
        ),
        (
            "outages",
            "tenant,external_id,started_at,ended_at\nA,O1,2026-10-05T00:00:00Z,2026-10-05T00:00:00+01:00\n",
            "Row 2, ended_at: lies before started_at",
        ),
        ("usage", "tenant,metric,day,quantity\nA,m,2026-10-05,-1\n", "Row 2, quantity: write a decimal number such as"),
        (
            "posture",
            "tenant,taken_at,score\nA,2026-10-05T00:00:00Z,101\n",
            "Row 2, score: write a whole number from 0 to 100, not '101'",
        ),
        (
            "posture",
            "tenant,taken_at,score\nA,2026-10-05T00:00:00Z,7.5\n",
            "Row 2, score: write a whole number from 0 to 100, not '7.5'",
        ),
        (
            "posture",
            "tenant,taken_at,score,findings\nA,2026-10-05T00:00:00Z,7,none\n",
            "Row 2, findings: write a JSON list of findings",
        ),
        (
            "users",
            "tenant,email,name,role\nA,ana,Ana,approver\n",
            "Row 2, email: write an e-mail address such as ana@acme.example, not 'ana'",
        ),
        (
            "users",
            "tenant,email,name,role\nA,a@b.example,Ana,owner\n",
            "Row 2, role: write approver or viewer,",
        ),
        (
            "users",
            "tenant,email,name,role,timezone\nA,a@b.example,Ana,viewer,Mars/Base\n",
            "Row 2, timezone: write a zone such as Europe/London",
        ),
        (
            "tenants",
            "external_id,name,slug,domain\nC,Cy,acme,cy.example\n",
            "Row 2, slug: 'acme' belongs to another row already",
        ),
        (
            "tenants",
            "external_id,name,slug,domain\nC,Cy,cy,ACME.example\n",
            "Row 2, domain: 'acme.example' belongs to another row already",
        ),
        (
            "tenants",
            "external_id,name,slug,domain\nC,Cy,Cy!,cy.example\n",
            "Row 2, slug: write small letters, digits",
        ),
        ("tenants", "external_id,name,slug,domain\nC,Cy,cy,http://cy\n", "Row 2, domain: write a domain such as"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(refused, kind, content, sentence):
    assert refused(kind, content)[0].startswith(sentence)


def test_every_fault_of_a_row_is_listed(refused):
    assert [line.partition(":")[0] for line in refused("tenants", "external_id,name,slug,domain\n,,UP,x\n")] == [
        "Row 2, external_id",
        "Row 2, name",
        "Row 2, slug",
        "Row 2, domain",
    ]


def test_all_faults_are_counted_and_the_first_hundred_listed(acme, bring):
    report = bring("subscribers", SUBSCRIBERS + "".join(f"Z,S{n},Bo\n" for n in range(150)) + "A,,Bo\n")
    assert (report.rows, report.fault_count, len(report.faults)) == (151, 151, 100)
    assert [fault.row for fault in report.faults] == list(range(2, 102))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_byte_order_mark_and_line_ends_of_windows_are_fine(acme, bring, end):
    content = "\ufeff" + SUBSCRIBERS.replace("\n", end) + f"A,S2,Bo{end}{end}A,S3,Cy"
    report = bring("subscribers", content)
    assert (report.faults, report.written.added) == ((), 2)


def test_a_cell_may_hold_commas_quotes_and_line_ends(acme, bring, database):
    bring("subscribers", SUBSCRIBERS + 'A,S2,"Bo, ""the\nnet"" Ruiz"\n')
    stored = database.execute("SELECT name FROM tenancy.subscriber WHERE external_id = 'S2'").fetchall()
    assert stored == [('Bo, "the\nnet" Ruiz',)]


def test_rows_are_numbered_as_a_spreadsheet_shows_them(refused):
    assert refused("subscribers", SUBSCRIBERS + 'A,S2,"two\nlines"\nA,,Bo\n')[0].startswith("Row 3, external_id")


@pytest.mark.parametrize("name", ["file.xlsx", "file", "file.csv.gz"])
def test_a_file_of_another_format_is_refused(refused, name):
    assert refused("subscribers", SUBSCRIBERS, name=name) == [
        f"File: Name the file .csv or .jsonl; “{name}” is neither"
    ]


def test_a_file_that_is_not_there_is_a_fault(acme, bare, cluster, tmp_path):
    for path in (tmp_path / "absent.csv", tmp_path):
        report = import_file(bare, prefix=cluster.prefix, kind="usage", path=path.with_suffix(".csv"))
        assert said(report)[0].startswith("File: The file cannot be read: ")


def test_what_only_the_database_knows_is_a_fault_too(acme, bring, database):
    database.execute("ALTER TABLE tenancy.subscriber ADD CONSTRAINT no_bo CHECK (name <> 'Bo')")
    try:
        report = bring("subscribers", SUBSCRIBERS + "A,S2,Bo\n")
    finally:
        database.execute("ALTER TABLE tenancy.subscriber DROP CONSTRAINT no_bo")
    assert said(report)[0].startswith("File: The database refused the rows: ")
    assert database.execute("SELECT count(*) FROM tenancy.subscriber").fetchall() == [(1,)]
