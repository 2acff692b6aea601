"""What leaves the house proves itself, without the house."""

import json
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Forbidden
from guildhall.domain.audit import heads, verifier
from guildhall.domain.audit.export import export
from guildhall.domain.audit.reading import Chain, Filter, get, listed
from guildhall.domain.audit.refusals import refused
from guildhall.domain.audit.trail import VENDOR
from support_actors import NOW, customer_person, partner_person, staff_person
from support_trail import act
from support_world import World

pytestmark = pytest.mark.anyio
SCRIPT = Path(verifier.__file__)


async def exported(actor: Actor, chain: Chain | None = None) -> str:
    """Return a whole export as text."""
    parts = [part async for part in await export(actor, now=NOW, chain=chain)]
    return b"".join(parts).decode()


def checked(text: str, folder: Path, *options: str, alone: bool = False) -> subprocess.CompletedProcess[str]:
    """Run the stand-alone verifier on an export, in another folder; `alone` without any installed package."""
    script = shutil.copy(SCRIPT, folder / "verifier.py")
    (folder / "export.jsonl").write_text(text)
    command = [sys.executable, *(["-I", "-S"] if alone else []), script, str(folder / "export.jsonl"), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


async def test_an_export_verifies_alone(acts: World, tmp_path: Path) -> None:
    text = await exported(partner_person(acts))
    told = checked(text, tmp_path, "--key", heads.public_key())
    assert told.returncode == 0, told.stdout + told.stderr
    assert "6 entries follow from each other; the signature of its head is valid" in told.stdout
    assert json.loads(text.splitlines()[-2])["entry"]["action"] == "trail.exported", "the export is in itself"


async def test_without_the_package_it_says_that_the_signature_was_not_checked(acts: World, tmp_path: Path) -> None:
    told = checked(await exported(partner_person(acts)), tmp_path, alone=True)
    assert told.returncode == 0, told.stderr
    assert "NOT checked" in told.stdout


def _changed(lines: list[str]) -> list[str]:
    return [line.replace("pending", "closed") if number == 2 else line for number, line in enumerate(lines)]


@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        (_changed, "entry 3: its content is not what was sealed"),
        (lambda lines: lines[:2] + lines[3:], "entry 3: is missing"),
        (lambda lines: lines[:4] + lines[-1:], "entry 5: is missing, and all up to 6 at the end"),
        (lambda lines: lines[:-1], "entry 7: the file ends without its head"),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], "entry 2: is missing"),
        (lambda lines: [*lines[:-1], lines[-1].replace("2026-11-22", "2026-11-23")], "the signature of the head"),
        (lambda lines: [f"nonsense, {len(lines)} lines"], "not an exported trail"),
        (lambda lines: [lines[0].replace('"actor_name":"', '"actor_name":"Not '), *lines[1:]], "entry 1: its name"),
    ],
)
async def test_tampering_with_an_export_is_named(acts: World, tmp_path: Path, tampering, said: str) -> None:
    lines = (await exported(partner_person(acts))).splitlines()
    told = checked("\n".join(tampering(lines)), tmp_path)
    assert told.returncode == 1
    assert said in told.stdout


async def test_another_key_is_not_believed(acts: World, tmp_path: Path) -> None:
    text = await exported(partner_person(acts))
    told = checked(text, tmp_path, "--key", "A" * 43)
    assert told.returncode == 1
    assert "signature" in told.stdout


async def test_an_export_of_thousands_comes_in_parts_and_verifies(world: World, tmp_path: Path) -> None:
    await act(partner_person(world), world, times=1)
    world.sql(
        "SELECT portal.audit_append(n.id, '{vendor}', ARRAY[%s]::uuid[],"
        " ARRAY[replace(e.body, e.event_id::text, n.id::text)], e.actor_name, e.actor_salt)"
        " FROM portal.audit_entry AS e, (SELECT gen_random_uuid() AS id FROM generate_series(1, 2500)) AS n"
        " WHERE e.kind = 'partner'",
        VENDOR,
    )
    parts = [part async for part in await export(staff_person(world), now=NOW)]
    assert len(parts) == 4
    assert "2501 entries" in checked(b"".join(parts).decode(), tmp_path).stdout


async def test_exporting_needs_its_permission_and_one_reads_the_own_chain_only(acts: World) -> None:
    tenant = acts.tenant("acme-fiber")
    with pytest.raises(Forbidden):
        await export(partner_person(acts, "technical@northwind.example"), now=NOW)
    with pytest.raises(Forbidden):
        await export(partner_person(acts), now=NOW, chain=Chain("tenant", tenant))
    told = await exported(customer_person(acts))
    assert "192.0.2.7" not in told
    assert len(told.splitlines()) == 7
    staff = await exported(staff_person(acts), Chain("tenant", tenant))
    assert len(staff.splitlines()) == 8


async def test_reading_filters_and_pages(acts: World) -> None:
    person, customer = partner_person(acts), customer_person(acts)
    async with db.transaction(person) as connection:
        first = await listed(connection, person, Filter(limit=3))
        second = await listed(connection, person, Filter(limit=3, before=first.next_before))
        assert [entry.sequence for entry in first.items + second.items] == [5, 4, 3, 2, 1]
        assert (first.next_before, second.next_before) == (3, None)
        for wanted, count in (
            (Filter(action="ticket"), 5),
            (Filter(action="ticket.changed"), 5),
            (Filter(action="tick"), 0),
            (Filter(text="PHONE"), 5),
            (Filter(text="100%"), 0),
            (Filter(actor_id=customer.user_id), 0),
            (Filter(tenant_id=customer.tenant_id), 5),
            (Filter(since=first.items[0].at), 1),
            (Filter(until=first.items[0].at), 4),
        ):
            assert len((await listed(connection, person, wanted)).items) == count, wanted
        entry = await get(connection, person, sequence=2)
        assert (entry.changes["number"], entry.reason, entry.ip) == (1, "asked on the phone", "192.0.2.7")
    async with db.transaction(customer) as connection:
        assert [entry.ip for entry in (await listed(connection, customer, Filter(limit=1))).items] == [""]


async def test_refusals_are_noted_within_bounds_and_never_with_a_stranger(world: World) -> None:
    person, stranger = partner_person(world), world.unlinked("northwind")
    known, asked = world.tenant("acme-fiber"), world.tenant("kestrel")
    for tenant in (known, known, asked, stranger, None):
        await refused(person, code="FORBIDDEN", path="/t/\x00ä?", now=NOW, tenant_id=tenant)
    rows = world.sql("SELECT kind, chain_id, tenant_id FROM portal.audit_entry ORDER BY kind, sequence")
    assert [(row["kind"], row["tenant_id"]) for row in rows] == [
        ("partner", known),
        ("partner", None),
        ("partner", None),
        ("partner", None),
        ("tenant", known),
    ]
    for number in range(60):
        await refused(person, code=f"CODE_{number}", path="/", now=NOW)
    assert world.sql("SELECT count(*) AS n FROM portal.audit_entry WHERE kind = 'partner'") == [{"n": 30}]


async def test_a_refusal_that_cannot_be_noted_disturbs_nobody(world: World) -> None:
    await db.close_pools()
    await refused(partner_person(world), code="GONE", path="/", now=NOW + timedelta(hours=1))
    world.open_pools()
