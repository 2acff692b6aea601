"""Links with sheets: a partner asks many customers, staff import what stands already; a check changes nothing."""

import asyncio
import re
from html import unescape

import httpx
import psycopg
import pytest

from support_console import PRINCIPAL, VIEWER, words
from support_world import World, csrf

pytestmark = pytest.mark.anyio
LEAD = "lead@halcyon.example"
HEAD = "domain,approver_email,access_role,last_day,reason\n"
STATE = (
    "SELECT (SELECT count(*) FROM portal.partner_tenant_link) AS links,"
    " (SELECT count(*) FROM portal.audit_entry WHERE action IN ('link.requested', 'link.created')) AS said,"
    " (SELECT count(*) FROM portal.notice WHERE kind LIKE 'link.%%') AS told, %s::text AS nothing"
)


def state(world: World) -> dict[str, int]:
    """Return what asking or importing would add to."""
    found: dict[str, int] = world.sql(STATE, "")[0]
    return found


def typed(answer: httpx.Response) -> str:
    """Return what the text field of a page holds."""
    found = re.search(r'<textarea[^>]*name="rows"[^>]*>(.*?)</textarea>', answer.text, re.DOTALL)
    assert found
    return unescape(found[1]).strip()


def in_parts(answer: httpx.Response, action: str) -> bool:
    """Return whether a page's form sends what it holds as it is: encoded, a large sheet would be too large."""
    (opening,) = re.findall(f'<form[^>]* action="{action}"[^>]*>', answer.text)
    return 'enctype="multipart/form-data"' in opening


async def upload(client: httpx.AsyncClient, path: str, content: bytes, rows: str = "") -> httpx.Response:
    """Send a sheet as a browser sends a file, beside what its text field holds."""
    return await client.post(
        path, data={"_csrf_token": await csrf(client), "rows": rows}, files={"file": ("s.csv", content, "text/csv")}
    )


async def test_a_sheet_is_checked_without_asking_then_each_row_stands_by_itself(world: World) -> None:
    client = await world.sign_in(PRINCIPAL)
    stranger = world.sql("SELECT domain FROM tenancy.tenant WHERE id = %s", world.unlinked("northwind"))[0]["domain"]
    rows = [
        f'{stranger},admin@{stranger},msp_support,2027-12-31,"Agreed, in writing"',
        "nobody.example,head@nobody.example,msp_support,2027-12-31,",
        "nonsense,,msp_support,,",
        "late.example,a@late.example,msp_support,31/12/2027,",
        f"{stranger},admin@{stranger},msp_support,2027-12-31,twice",
    ]
    before = state(world)
    with psycopg.connect(
        world.cluster.url(world.database)
    ) as somebody:  # at work in the partner's trail: a check waits for nobody's entry
        somebody.execute("SELECT 1 FROM portal.audit_head WHERE kind = 'partner' FOR UPDATE")
        async with asyncio.timeout(10):
            checked = await upload(client, "/links/many", b"\xef\xbb\xbf" + (HEAD + "\n".join(rows)).encode())
    assert checked.status_code == 200, checked.text
    assert state(world) == before, "a check asks nobody"
    said = words(checked)
    assert "Send 2 requests" in said
    assert "last_day: Write the last day as year-month-day" in said
    assert "approver_email: Write the e-mail address" in said
    assert typed(checked) == (HEAD + "\n".join(rows))
    assert in_parts(checked, "/links/many/send")
    done = await world.post(client, "/links/many/send", rows=typed(checked))
    assert "2 requests were sent" in words(done)
    after = state(world)
    assert after["links"] == before["links"] + 2
    assert typed(done).splitlines()[1:] != []
    assert all(name not in typed(done) for name in ("nobody.example",))
    assert len(typed(done).splitlines()) == 1 + 3
    await world.post(client, "/links/many/send", rows=typed(checked))
    assert state(world) == after, "the same sheet asks nobody twice"


async def test_a_sheet_that_cannot_be_read_asks_nobody_and_is_shown_again(world: World) -> None:
    client, before = await world.sign_in(PRINCIPAL), state(world)
    for text, said in (
        ("name,mail\na,b\n", "must name the columns"),
        (HEAD, "no row below"),
        (HEAD + 'a,"b\n', "quotation mark"),
        (HEAD + "a.example,b@a.example,msp_support,,\n" * 201, "too many rows"),
    ):
        for path in ("/links/many", "/links/many/send"):
            answer = await world.post(client, path, rows=text)
            assert answer.status_code == 422
            assert said in words(answer)
            assert typed(answer) == text.strip()
    for content in ("año".encode("latin-1"), b"x" * 500_001):
        answer = await upload(client, "/links/many", content, rows="typed,before")
        assert answer.status_code == 422
        assert typed(answer) == "typed,before"
    viewer = await world.sign_in(VIEWER)
    assert (
        await world.post(viewer, "/links/many/send", rows=HEAD + "a.example,b@a.example,msp_support,,\n")
    ).status_code == 403
    assert state(world) == before
    template = await client.get("/links/many/template")
    assert template.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in template.headers["content-disposition"]
    again = await upload(client, "/links/many", template.content)
    assert "Send 1 request" in words(again), "the template is a sheet"


async def test_staff_import_all_rows_or_none_and_customers_are_told(world: World) -> None:
    staff = await world.sign_in(LEAD, "staff")
    free = world.sql(
        "SELECT domain FROM tenancy.tenant AS t WHERE NOT EXISTS (SELECT 1 FROM portal.partner_tenant_link AS l"
        " JOIN portal.partner AS p ON p.id = l.partner_id AND p.slug = 'northwind' WHERE l.tenant_id = t.id)"
        " AND NOT EXISTS (SELECT 1 FROM portal.partner AS p WHERE p.home_tenant_id = t.id)"
        " ORDER BY 1 LIMIT 2"
    )
    one, two = (row["domain"] for row in free)
    head = "partner,domain,access_role,reason\n"
    right = f"Northwind Managed Services,{one},msp_support,Contract 1\nnorthwind,{two},msp_billing,Contract 2\n"
    wrong = right + f"Nobody,{two},msp_support,x\nalderfinch,{one},nonsense,x\nalderfinch,{one},msp_support,\n"
    world.sql(
        "INSERT INTO portal.partner (id, name, slug, type) SELECT gen_random_uuid(), name, slug, 'mssp'"
        " FROM (VALUES ('Twins', 'twin-one'), ('TWINS', 'twin-two'), ('twin-one', 'other')) AS t (name, slug)"
    )
    before = state(world)
    twins = await world.post(
        staff, "/links/import", rows=f"{head}twins,{one},msp_support,x\ntwin-one,{two},auditor,x\n"
    )
    assert "partner: Several partners have this name; write the short name" in words(twins)
    assert "Twins (twin-one)" in words(twins), "a short name means its partner, whatever another is called"
    checked = await upload(staff, "/links/import", (head + wrong).encode())
    said = words(checked)
    assert all(each in said for each in ("partner: No active partner has this name", "access_role:", "reason:"))
    assert "/links/import/all" not in checked.text, "nothing to confirm while a row is wrong"
    refused = await world.post(staff, "/links/import/all", rows=head + wrong)
    assert refused.status_code == 422
    assert state(world) == before, "one wrong row undoes all"
    lost = await upload(staff, "/links/import", "año".encode("latin-1"), rows="typed,before")
    assert (lost.status_code, typed(lost)) == (422, "typed,before")
    with psycopg.connect(world.cluster.url(world.database)) as busy:
        busy.execute("SELECT 1 FROM portal.audit_head FOR UPDATE")
        waiting = world.post(staff, "/links/import", rows=head + right)
        right_page = await asyncio.wait_for(waiting, 20)  # seconds; a check waits for nobody's chain
    assert in_parts(right_page, "/links/import/all")
    checked = words(right_page)
    assert "Import 2 links" in checked
    assert checked.count("Northwind Managed Services (northwind)") == 2
    assert state(world) == before, "a check writes nothing"
    world.sql("UPDATE portal.staff_session SET factor_at = now() - interval '1 hour'")
    stale = await world.post(staff, "/links/import/all", rows=head + right)
    assert stale.status_code == 403
    assert in_parts(stale, "/links/import/all")
    assert unescape(stale.text).count("Contract 2") == 1, "what was sent is carried through the second factor"
    assert state(world) == before
    world.sql("UPDATE portal.staff_session SET factor_at = now()")
    done = await world.post(staff, "/links/import/all", rows=head + right)
    assert (done.status_code, done.headers["location"]) == (303, "/links")
    after = state(world)
    assert after["links"] == before["links"] + 2
    assert after["said"] == before["said"] + 2 * 3, "partner, customer and vendor read of each"
    assert after["told"] > before["told"]
    live = world.sql("SELECT status, tenant_domain FROM portal.partner_tenant_link WHERE reason = 'Contract 1'")
    assert live == [{"status": "active", "tenant_domain": one}]
    reader = await world.sign_in("read_only@halcyon.example", "staff")
    assert (await world.post(reader, "/links/import/all", rows=head + right)).status_code == 403
