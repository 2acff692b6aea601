"""The chain: whole when untouched, and every kind of tampering is named."""

import asyncio
import json
from datetime import timedelta
from uuid import UUID

import msgspec
import psycopg
import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError

from guildhall.core import db
from guildhall.core.actor import system
from guildhall.core.errors import NotFound
from guildhall.domain.audit import heads
from guildhall.domain.audit.erasing import erase_name
from guildhall.domain.audit.looks import looked
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.audit.verifier import canonical
from support_actors import NOW, customer_person, partner_person, staff_person
from support_trail import AWAY, act, walked
from support_world import World

pytestmark = pytest.mark.anyio

_PARTNER = "kind = 'partner'"
SWAPPED = (
    "UPDATE portal.audit_entry SET sequence = 50 - sequence * 10 WHERE sequence IN (2, 3);"
    " UPDATE portal.audit_entry SET sequence = sequence / 10 WHERE sequence > 10"
)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
_JSON = st.recursive(
    st.none() | st.booleans() | _NUMBERS | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault of the writer
@given(_JSON)
def test_the_verifier_writes_rfc_8785_as_the_trail_does(value: object) -> None:
    assert canonical(json.loads(json.dumps(value))) == rfc8785.dumps(value).decode()


async def test_an_untouched_trail_verifies(acts: World) -> None:
    verdict = walked(acts)
    assert verdict.broken == []
    assert (verdict.chains, verdict.entries) == (2, 10)
    bodies = [row["body"] for row in acts.sql("SELECT body FROM portal.audit_entry")]
    assert all(rfc8785.dumps(json.loads(body)).decode() == body for body in bodies)


@pytest.mark.parametrize(
    ("tampering", "sequence", "said"),
    [
        (
            "UPDATE portal.audit_entry SET body = replace(body, 'phone', 'paper') WHERE sequence = 3",
            3,
            "not what was sealed",
        ),
        ("UPDATE portal.audit_entry SET action = 'link.ended' WHERE sequence = 3", 3, "column action"),
        ("UPDATE portal.audit_entry SET actor_name = 'Nobody' WHERE sequence = 2", 2, "name is not the one"),
        ("UPDATE portal.audit_entry SET at = at + interval '1 day' WHERE sequence = 4", 4, "not what was sealed"),
        ("DELETE FROM portal.audit_entry WHERE sequence = 3", 3, "is missing"),
        ("DELETE FROM portal.audit_entry WHERE sequence IN (2, 3)", 2, "is missing, and all up to 3"),
        ("DELETE FROM portal.audit_entry WHERE sequence = 5", 5, "is missing at the end"),
        ("DELETE FROM portal.audit_entry", 1, "is missing"),
        ("DELETE FROM portal.audit_head", 5, "no head"),
        (SWAPPED, 2, "does not follow"),
    ],
)
async def test_tampering_is_named(acts: World, tampering: str, sequence: int, said: str) -> None:
    only = tampering.replace("WHERE ", f"WHERE {_PARTNER} AND ")
    acts.sql(AWAY + (only if "WHERE" in tampering else f"{tampering} WHERE {_PARTNER}"))
    broken = walked(acts).broken
    northwind = partner_person(acts).partner_id
    assert [(found.chain, found.sequence) for found in broken] == [(f"partner:{northwind}", sequence)]
    assert said in broken[0].what


async def test_a_chain_that_was_rewritten_to_its_end_contradicts_its_signature(acts: World) -> None:
    await heads.sign(system("audit"))
    key = heads.public_key()
    acts.sql(
        AWAY + "DELETE FROM portal.audit_entry WHERE kind = 'partner' AND sequence > 3;"
        " UPDATE portal.audit_head AS h SET sequence = 3, hash = e.hash FROM portal.audit_entry AS e"
        " WHERE h.kind = 'partner' AND e.kind = 'partner' AND e.chain_id = h.chain_id AND e.sequence = 3"
    )
    await act(partner_person(acts), acts, times=3)
    broken = walked(acts).broken
    assert [(found.sequence, found.what) for found in broken] == [(5, "is not the one that was signed")]
    assert key == heads.public_key()


async def test_a_cut_below_a_signed_head_shows_even_where_the_head_was_cut_too(acts: World) -> None:
    await heads.sign(system("audit"))
    acts.sql(
        AWAY + "DELETE FROM portal.audit_entry WHERE kind = 'tenant' AND sequence > 3;"
        " UPDATE portal.audit_head AS h SET sequence = 3, hash = e.hash FROM portal.audit_entry AS e"
        " WHERE h.kind = 'tenant' AND e.kind = 'tenant' AND e.chain_id = h.chain_id AND e.sequence = 3"
    )
    assert [(found.sequence, found.what) for found in walked(acts).broken] == [
        (4, "is missing, and all up to 5 at the end")
    ]


async def test_a_chain_that_is_gone_altogether_shows_by_its_signature(acts: World) -> None:
    await heads.sign(system("audit"))
    acts.sql(AWAY + "DELETE FROM portal.audit_entry; DELETE FROM portal.audit_head")
    assert len(walked(acts).broken) == 2


async def test_a_forged_signature_is_named(acts: World) -> None:
    await heads.sign(system("audit"))
    acts.sql(AWAY + "UPDATE portal.audit_signature SET signature = decode(repeat('00', 64), 'hex')")
    assert {found.what for found in walked(acts).broken} == {"the signature of this head is not valid"}


async def test_heads_are_signed_once_a_day_and_only_when_they_grew(acts: World) -> None:
    assert await heads.sign(system("audit")) == 2
    await act(partner_person(acts), acts)
    assert await heads.sign(system("audit")) == 0, "once a day"
    acts.sql(AWAY + "UPDATE portal.audit_signature SET signed_at = signed_at - interval '1 day'")
    assert await heads.sign(system("audit")) == 2
    acts.sql(AWAY + "UPDATE portal.audit_signature SET signed_at = signed_at - interval '1 day'")
    assert await heads.sign(system("audit")) == 0, "nothing new"


async def test_two_times_a_hundred_appends_at_once_keep_order_and_never_wait_for_each_other(world: World) -> None:
    principal, msp = partner_person(world), partner_person(world, "msp_full@northwind.example")
    async with asyncio.timeout(60):
        await asyncio.gather(act(principal, world, times=100), act(msp, world, times=100))
    verdict = walked(world)
    assert verdict.broken == []
    assert verdict.entries == 400
    assert world.sql("SELECT DISTINCT sequence FROM portal.audit_head") == [{"sequence": 200}]


@pytest.mark.parametrize("role", ["partner", "customer", "staff", "platform", "worker", "owner", "definer"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE portal.audit_entry SET actor_name = 'Somebody else'",
        "DELETE FROM portal.audit_entry",
        "TRUNCATE portal.audit_entry",
        "UPDATE portal.audit_signature SET signed_at = now()",
        "DELETE FROM portal.audit_signature",
        "TRUNCATE portal.audit_signature",
    ],
)
async def test_nobody_changes_the_trail(acts: World, role: str, statement: str) -> None:
    await heads.sign(system("audit"))
    with psycopg.connect(acts.url) as connection:
        connection.execute(f'SET LOCAL ROLE "{acts.cluster.prefix}{role}"'.encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())


async def test_nobody_signs_for_somebody_else(world: World) -> None:
    honest, other = partner_person(world), partner_person(world, "finance@northwind.example")
    stranger = partner_person(world, "principal@alderfinch.example")
    customer, foreign = customer_person(world), world.unlinked("northwind")
    cases = [
        (msgspec.structs.replace(honest, user_id=other.user_id), honest, honest.partner_id, None),
        (honest, honest, stranger.partner_id, None),
        (honest, honest, honest.partner_id, foreign),
        (msgspec.structs.replace(honest, partner_id=stranger.partner_id), honest, honest.partner_id, None),
        (customer, customer, None, foreign),
        (customer, customer, world.sql("SELECT id FROM portal.partner WHERE slug = 'cascadia'")[0]["id"], None),
        (honest, honest, None, None),
    ]
    for said, really, partner_id, tenant_id in cases:
        with pytest.raises(DBAPIError, match="nobody signs for somebody else"):
            async with db.transaction(really) as connection:
                await record(
                    connection,
                    said,
                    action=Action.LINK_ENDED,
                    target=Target("link", "x"),
                    partner_id=partner_id,
                    tenant_id=tenant_id,
                )
    assert world.sql("SELECT count(*) AS n FROM portal.audit_entry") == [{"n": 0}]


async def test_addresses_stay_with_the_own_side(acts: World) -> None:
    rows = acts.sql("SELECT kind, body LIKE '%%192.0.2.7%%' AS told FROM portal.audit_entry GROUP BY 1, 2 ORDER BY 1")
    assert rows == [{"kind": "partner", "told": True}, {"kind": "tenant", "told": False}]


async def test_an_erased_name_is_gone_and_the_chain_still_verifies(acts: World) -> None:
    person = partner_person(acts)
    await act(partner_person(acts, "msp_full@northwind.example"), acts)
    owner = acts.cluster.prefix + "owner"
    assert isinstance(person.user_id, UUID)
    assert erase_name(acts.url, owner=owner, person_id=person.user_id, reason="Art. 17", by="Operator") == 10
    verdict = walked(acts)
    assert (verdict.broken, verdict.erased) == ([], 10)
    assert acts.sql("SELECT count(*) AS n FROM portal.audit_entry WHERE actor_name = %s", person.name) == [{"n": 0}]
    noted = acts.sql("SELECT actor_name, body FROM portal.audit_entry WHERE kind = 'vendor'")
    assert [row["actor_name"] for row in noted] == ["Operator"]
    with pytest.raises(NotFound):
        erase_name(acts.url, owner=owner, person_id=person.user_id, reason="again", by="Operator")
    assert acts.sql("SELECT count(*) AS n FROM portal.audit_entry WHERE kind = 'vendor'") == [{"n": 1}]


async def test_looking_is_noted_once_per_person_tenant_area_and_hour(world: World) -> None:
    person, tenant = partner_person(world), world.tenant("acme-fiber")
    for area in ("", "billing", "billing", "support"):
        await looked(person, tenant_id=tenant, area=area, now=NOW)
    await asyncio.gather(
        *(looked(person, tenant_id=tenant, area="support", now=NOW + timedelta(hours=1)) for _ in range(4))
    )
    seen = world.sql("SELECT action, count(*) AS n FROM portal.audit_entry WHERE kind = 'tenant' GROUP BY 1 ORDER BY 1")
    assert seen == [{"action": "tenant.entered", "n": 2}, {"action": "tenant.viewed", "n": 3}]
    assert walked(world).broken == []


async def test_staff_acts_reach_the_vendors_chain(world: World) -> None:
    staff = staff_person(world)
    async with db.transaction(staff) as connection:
        await record(connection, staff, action=Action.JOB_RETRIED, target=Target("job", "1"))
    assert walked(world).entries == 1
