"""What an operator does at the command line with people and the trail."""

import json
import os
import re
import subprocess
import sys
from uuid import UUID, uuid4

import pytest

from guildhall.domain.audit.heads import public_key
from support_trail import walked
from support_world import MASTER, World

pytestmark = pytest.mark.anyio
SLUG, NEW = "quarry-lake", "first@quarry-lake.example"


def told(world: World, *command: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run one command of an operator on this world."""
    environment = os.environ | {
        "GUILDHALL_MIGRATE_URL": world.url,
        "DATABASE_URL": world.url,
        "GUILDHALL_SECRET": MASTER.decode(),
        "GUILDHALL_ROLE_PREFIX": world.cluster.prefix,
    }
    line = [sys.executable, "-m", "guildhall", *command]
    return subprocess.run(line, env=environment, input=typed, capture_output=True, text=True, check=False)


def count(world: World, condition: str) -> int:
    found: int = world.sql(f"SELECT count(*) AS n FROM portal.audit_entry WHERE {condition}")[0]["n"]
    return found


async def test_the_first_approver_gets_a_link_that_is_shown_once_and_noted(world: World) -> None:
    done = told(world, "customer", "invite", SLUG, NEW, "Fay First")
    assert done.returncode == 0, done.stderr
    token = re.findall(r"/welcome/(\S+)", done.stdout)[0]
    assert NEW in (await world.client("customers").get(f"/welcome/{token}")).text
    kept = world.sql(
        "SELECT m.role, i.created_by FROM tenancy.customer_invite AS i JOIN tenancy.customer_user AS u"
        " ON u.id = i.user_id JOIN tenancy.customer_membership AS m USING (user_id, tenant_id) WHERE u.email = %s",
        NEW,
    )
    assert kept == [{"role": "approver", "created_by": "cli"}]
    assert token not in json.dumps(world.sql("SELECT body FROM portal.audit_entry"))
    assert count(world, "action = 'person.invited' AND surface = 'cli' AND kind IN ('tenant', 'vendor')") == 2
    again = told(world, "customer", "invite", SLUG, NEW.upper(), "Fay First")
    assert again.returncode == 1
    assert "a member already" in again.stderr
    assert count(world, "action = 'person.invited'") == 2


@pytest.mark.parametrize(
    ("slug", "email", "said"),
    [("nowhere", NEW, "There is no such customer"), (SLUG, "first@", "This is not an e-mail address")],
)
async def test_a_wrong_invitation_says_what_is_wrong(world: World, slug: str, email: str, said: str) -> None:
    done = told(world, "customer", "invite", slug, email, "Fay First")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert said in done.stderr
    assert world.sql("SELECT 1 FROM tenancy.customer_user WHERE name = 'Fay First'") == []
    assert count(world, "action = 'person.invited'") == 0


async def test_the_key_that_others_check_with_is_printed(demo: World) -> None:
    assert told(demo, "audit", "key").stdout.strip() == public_key()


async def test_a_name_is_erased_after_a_question_and_the_chains_still_verify(world: World) -> None:
    await world.sign_in("principal@northwind.example")
    row = world.sql("SELECT id, name FROM portal.partner_user WHERE email = 'principal@northwind.example'")[0]
    person: UUID = row["id"]
    named = f"actor_id = '{person}' AND actor_name <> ''"
    assert count(world, named) > 0
    command = ("audit", "erase", str(person), "--reason", "Article 17")
    for refused in (told(world, *command, typed="n\n"), told(world, *command[:-1], " ", "--yes")):
        assert refused.returncode == 1
        assert count(world, named) > 0
    assert "no entry" in told(world, "audit", "erase", str(uuid4()), "--reason", "x", "--yes").stderr.lower()
    assert count(world, "action = 'trail.name_erased'") == 0
    done = told(world, *command, "--yes")
    assert done.returncode == 0, done.stderr
    assert count(world, named) == 0
    assert count(world, "kind = 'vendor' AND action = 'trail.name_erased' AND body LIKE '%%Article 17%%'") == 1
    assert row["name"] not in json.dumps(
        world.sql("SELECT body, actor_name FROM portal.audit_entry WHERE actor_id = %s", person)
    )
    verdict = walked(world)
    assert verdict.broken == []
    assert verdict.erased > 0
