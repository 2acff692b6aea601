"""What an operator does at the command line with people and the trail, over the log-in that migrates: no superuser."""

import json
import os
import pwd
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from guildhall.domain.audit.heads import public_key
from guildhall.domain.migrations.run import MIGRATING
from support_trail import walked
from support_world import MASTER, Cluster, World

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.usefixtures("migrating_log_in")]
SLUG, NEW = "quarry-lake", "first@quarry-lake.example"
OPERATOR = f"operator_{os.getpid()}"


@pytest.fixture(scope="module")
def migrating_log_in(cluster: Cluster) -> Iterator[None]:
    """Make the log-in of docs/operate/install.md: CREATEROLE, and what a migration grants to it, which is not more."""
    name = sql.Identifier(cluster.prefix + OPERATOR)
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as admin:
        newest = admin.info.server_version >= 160000
        options = sql.SQL(" WITH INHERIT FALSE, SET TRUE" if newest else "")
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE").format(name))
        for role in MIGRATING:
            granted = sql.Identifier(cluster.prefix + role)
            admin.execute(sql.SQL("GRANT {} TO {}").format(granted, name) + options)
    yield
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("DROP ROLE {}").format(name))


def told(world: World, *command: str, typed: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run one command of an operator on this world."""
    url = world.cluster.login_url(OPERATOR, world.database)
    return ran(url, world.cluster.prefix, *command, typed=typed, **variables)


def ran(url: str, prefix: str, *command: str, typed: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run one command over the log-in of `url`, in an address as operators write it."""
    environment = os.environ | {
        "GUILDHALL_MIGRATE_URL": f"{url}{'&' if '?' in url else '?'}sslmode=prefer",
        "DATABASE_URL": url,
        "GUILDHALL_SECRET": MASTER.decode(),
        "GUILDHALL_ROLE_PREFIX": prefix,
        **variables,
    }
    line = [sys.executable, "-m", "guildhall", *command]
    return subprocess.run(line, env=environment, input=typed, capture_output=True, text=True, check=False)


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, for half a minute at most."""
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def count(world: World, condition: str) -> int:
    found: int = world.sql(f"SELECT count(*) AS n FROM portal.audit_entry WHERE {condition}")[0]["n"]
    return found


async def test_the_first_approver_gets_a_link_that_is_shown_once_and_noted(world: World) -> None:
    done = told(world, "customer", "invite", SLUG, NEW, "Fay First")
    assert done.returncode == 0, done.stderr
    token = re.findall(r"/welcome/(\S+)", done.stdout)[0]
    assert NEW in (await world.client("customers").get(f"/welcome/{token}")).text
    kept = world.sql(
        "SELECT m.role, i.created_by FROM tenancy.customer_one_time AS i JOIN tenancy.customer_user AS u"
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
    assert NEW in (await world.client("customers").get(f"/welcome/{token}")).text


async def test_of_two_invitations_at_once_the_second_changes_nothing(world: World) -> None:
    assert told(world, "customer", "invite", "acme-fiber", NEW, "Fay First").returncode == 0
    person = world.sql("SELECT id FROM tenancy.customer_user WHERE email = %s", NEW)[0]["id"]
    noted = count(world, "action = 'person.invited'")
    with ThreadPoolExecutor(1) as pool, psycopg.connect(world.url) as first:
        first.execute(
            "INSERT INTO tenancy.customer_membership (user_id, tenant_id, role, status)"
            " VALUES (%s, %s, 'viewer', 'active')",
            [person, world.tenant(SLUG)],
        )
        second = pool.submit(told, world, "customer", "invite", SLUG, NEW, "Fay First", "--role", "approver")
        waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        until(lambda: bool(world.sql(waiting)))
        first.commit()
        done = second.result()
    assert (done.returncode, "a member already" in done.stderr) == (1, True)
    kept = "SELECT role FROM tenancy.customer_membership WHERE user_id = %s AND tenant_id = %s"
    assert world.sql(kept, person, world.tenant(SLUG)) == [{"role": "viewer"}]
    links = "SELECT 1 FROM tenancy.customer_one_time WHERE user_id = %s AND tenant_id = %s"
    assert world.sql(links, person, world.tenant(SLUG)) == []
    assert count(world, "action = 'person.invited'") == noted


async def test_a_file_of_people_is_imported_by_the_log_in_that_migrates(world: World, tmp_path: Path) -> None:
    tenant = world.sql("SELECT external_id FROM tenancy.tenant WHERE slug = %s", SLUG)[0]["external_id"]
    file = tmp_path / "people.csv"
    file.write_text(f"tenant,email,name,role\n{tenant},{NEW},Fay First,approver\n")
    done = told(world, "import", "users", str(file))
    assert done.returncode == 0, done.stderr
    token = re.findall(r"/welcome/(\S+)", done.stdout)[0]
    assert NEW in (await world.client("customers").get(f"/welcome/{token}")).text
    assert count(world, "action = 'data.imported' AND kind = 'vendor'") == 1


@pytest.fixture
def own_database(cluster: Cluster) -> Iterator[tuple[str, str]]:
    """Make what docs/operate/install.md asks an administrator for; yield the log-in's address and a prefix of roles."""
    name, prefix = f"{OPERATOR}_own", "ghown_"
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as admin:
        login = sql.Identifier(cluster.prefix + OPERATOR)
        admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), login))
        yield cluster.login_url(OPERATOR, name), prefix
        cluster.drop(name)
        for (role,) in admin.execute(
            "SELECT rolname FROM pg_roles WHERE starts_with(rolname, %s)", [prefix]
        ).fetchall():
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def test_the_documented_steps_work_for_a_log_in_that_is_no_superuser(
    own_database: tuple[str, str], cluster: Cluster, tmp_path: Path
) -> None:
    url, prefix = own_database
    file = tmp_path / "tenants.csv"
    file.write_text("external_id,name,slug,domain\nA,Acme Fiber,acme,acme.example\n")
    steps = (
        ("migrate",),
        ("staff", "create", "lead@vendor.example", "Lee Lead", "--role", "lead"),
        ("import", "tenants", str(file)),
        ("customer", "invite", "acme", "ana@acme.example", "Ana Ruiz"),
        ("audit", "verify"),
    )
    logins = {"DATABASE_URL": ""} | {
        f"DATABASE_URL_{label}": url.replace(cluster.prefix + OPERATOR, f"{prefix}login_{label.lower()}")
        for label in ("PARTNERS", "CUSTOMERS", "STAFF", "API", "WORKER")
    }
    for step in steps:
        done = ran(url, prefix, *step, **logins)
        assert done.returncode == 0, (step, done.stderr)
    with psycopg.connect(url) as connection:
        connection.execute(f"SET ROLE {prefix}owner")
        acts = connection.execute("SELECT action FROM portal.audit_entry WHERE kind = 'vendor' ORDER BY at").fetchall()
    assert acts == [("staff.created",), ("data.imported",), ("person.invited",)]


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
    pretended = {"LOGNAME": "somebody-else", "USER": "somebody-else"}
    done = told(world, *command, "--yes", **pretended)
    assert done.returncode == 0, done.stderr
    erased = world.sql("SELECT actor_name FROM portal.audit_entry WHERE action = 'trail.name_erased'")
    assert erased == [{"actor_name": pwd.getpwuid(os.getuid()).pw_name}]
    assert count(world, named) == 0
    assert count(world, "kind = 'vendor' AND action = 'trail.name_erased' AND body LIKE '%%Article 17%%'") == 1
    assert row["name"] not in json.dumps(
        world.sql("SELECT body, actor_name FROM portal.audit_entry WHERE actor_id = %s", person)
    )
    verdict = walked(world)
    assert verdict.broken == []
    assert verdict.erased > 0


async def test_an_operator_reads_a_letter_that_was_kept_and_no_link_of_one_that_was_sent(world: World) -> None:
    listed = told(world, "mail", "list", "--most", "20")
    assert listed.returncode == 0, listed.stderr
    kept, sent, erased = (
        next(line.split()[0] for line in listed.stdout.splitlines() if f"{status}  {to}" in line)
        for status, to in (("kept  ", "m.salas@"), ("sent  ", "principal@"), ("sent  ", "it@alpenglow"))
    )
    read = told(world, "mail", "show", kept)
    assert "/welcome/a-link-of-the-demo" in read.stdout, read.stderr
    assert "Hola" in read.stdout
    assert count(world, "action = 'mail.opened' AND surface = 'cli'") == 1
    assert "/links" not in told(world, "mail", "show", sent).stdout
    assert "has been erased" in told(world, "mail", "show", erased).stderr
    assert "no such letter" in told(world, "mail", "show", str(uuid4())).stderr
    assert "another GUILDHALL_SECRET" in told(world, "mail", "show", kept, GUILDHALL_SECRET="y" * 40).stderr
    assert count(world, "action = 'mail.opened'") == 2
