"""Processes that are killed, or given up while they only slept: nothing is lost, and nothing happens twice."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from guildhall.core import clock
from guildhall.domain.billing import exports
from guildhall.domain.billing.exports import Wish
from guildhall.domain.billing.invoices import Filter
from guildhall.domain.files.files import key_of
from guildhall.domain.webhooks import acts
from guildhall.domain.webhooks.acts import Draft
from support_actors import domain_world, partner_person
from support_platform import FEED, LINES, platform_client
from support_receivers import Receiver, receiver
from support_served import URL_OF, free_port
from support_world import LOGIN_OF, MASTER, Cluster, World

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
Start = Callable[..., subprocess.Popen[bytes]]
WORKER = (str(Path(__file__).with_name("quick_worker.py")),)
READERS = ("principal@northwind.example", "principal@alderfinch.example", "principal@cascadia.example")
_WAITING = (
    "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
# The export waits, and its worker is not just then writing down what became of another job.
_AT_REST = (
    "SELECT count(*) FILTER (WHERE wait_event_type = 'Lock' AND query LIKE '%%scope%%') = 1"
    " AND count(*) FILTER (WHERE application_name = 'guildhall jobs' AND state LIKE '%%transaction%%') = 0 AS rests"
    " FROM pg_stat_activity WHERE datname = current_database()"
)
_DIGEST = (
    "SELECT jobs.procrastinate_defer_jobs_v1(ARRAY[ROW('default', 'notices.deliver', 0, 'notices.deliver',"
    " 'notices.deliver', '{}', NULL)::jobs.procrastinate_job_to_defer_v1])"
)
_LETTERS = "SELECT recipient, count(*)::int AS n FROM portal.mail WHERE kind = 'notices.digest' GROUP BY 1 ORDER BY 1"


@pytest.fixture
async def world(cluster: Cluster, anyio_backend: str) -> AsyncIterator[World]:
    async with domain_world(cluster) as made:
        yield made


@pytest.fixture
def start(world: World, tmp_path: Path) -> Iterator[Start]:
    """Return a way to start processes, each in a group of its own; all end with the test."""
    running: list[subprocess.Popen[bytes]] = []
    urls = {URL_OF[each]: world.cluster.login_url(login, world.database) for each, login in LOGIN_OF.items()}
    environment = {
        **os.environ,
        **urls,
        "GUILDHALL_SECRET": MASTER.decode(),
        "GUILDHALL_ROLE_PREFIX": world.cluster.prefix,
        "GUILDHALL_HOME": str(tmp_path),
        "GUILDHALL_DEVELOPMENT": "true",
        "GUILDHALL_WEBHOOK_LOOPBACK": "true",
    }

    def begin(*command: str, **variables: str) -> subprocess.Popen[bytes]:
        log = (tmp_path / f"{len(running)}.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, *command], env=environment | variables, stdout=log, stderr=log, start_new_session=True
        )
        log.close()
        running.append(process)
        return process

    yield begin
    for process in running:
        if process.poll() is None:
            end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process with everything that it started."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def until(met: Callable[[], bool], *, seconds: float = 60) -> None:
    """Wait until something is so."""
    last = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < last, "it did not happen"
        time.sleep(0.2)


@contextmanager
def holding(world: World, statement: str, *values: object) -> Iterator[None]:
    """Hold the locks that a statement takes."""
    with psycopg.connect(world.cluster.url(world.database)) as connection:
        connection.execute(statement.encode(), values)
        yield
        connection.rollback()


def kept(folder: Path) -> list[Path]:
    """Return every file that lies in the store."""
    return [path for path in (folder / "files").rglob("*") if path.is_file()]


def readers(world: World) -> None:
    """Let it be noon where three principals live, who are the only people, and each have something to read."""
    world.sql("UPDATE portal.partner_user SET status = 'deactivated' WHERE email <> ALL (%s)", list(READERS))
    world.sql("UPDATE tenancy.customer_user SET status = 'deactivated'")
    world.sql("UPDATE portal.staff_user SET status = 'deactivated'")
    world.sql("UPDATE portal.notice SET told_at = now() - interval '9 days'")
    world.sql("UPDATE portal.alert SET told_at = now() - interval '9 days'")
    behind = datetime.now(UTC).hour - 12
    world.sql("UPDATE portal.partner_user SET timezone = %s", f"Etc/GMT{behind:+d}")
    world.sql(
        "INSERT INTO portal.notice (id, audience, audience_id, kind, dedupe, told_at, values)"
        " SELECT gen_random_uuid(), 'partner', partner_id, 'link.approved', 'killed', now() - interval '1 minute',"
        " '{\"tenant\": \"Acme\"}' FROM portal.partner_user WHERE status = 'active'"
    )
    world.sql(
        "INSERT INTO portal.digest (user_id, day, until) SELECT id, current_date - 2, now() - interval '1 day'"
        " FROM portal.partner_user ON CONFLICT (user_id) DO UPDATE SET day = excluded.day, until = excluded.until"
    )


async def exported(world: World) -> UUID:
    """Ask for an export of invoices; return its id."""
    wish = Wish(format="csv", wanted=Filter())
    return (await exports.ask(partner_person(world), wish, now=clock.now())).id


async def listening(world: World, hooks: Receiver) -> None:
    """Send a test event to a receiver, the only endpoint there is."""
    world.sql("UPDATE portal.webhook_endpoint SET status = 'disabled', disabled_for = 'partner'")
    world.sql("DELETE FROM portal.webhook_attempt")
    world.sql("DELETE FROM portal.webhook_delivery")
    made = await acts.add(partner_person(world), draft=Draft(url=hooks.url, events=("*",)), now=clock.now())
    await acts.test(partner_person(world), endpoint_id=made.endpoint_id)


def export_of(world: World, export_id: UUID) -> dict[str, Any]:
    (row,) = world.sql(
        "SELECT e.status, e.rows_done, e.file_id, f.state, f.sha256, f.size_bytes"
        " FROM portal.invoice_export AS e JOIN portal.file AS f ON f.id = e.file_id WHERE e.id = %s",
        export_id,
    )
    return row


def whole(folder: Path, row: dict[str, Any]) -> bool:
    """Return whether the store holds what a file's row says, and nothing else."""
    (path,) = kept(folder)
    octets = path.read_bytes()
    same = (hashlib.sha256(octets).digest(), len(octets)) == (row["sha256"], row["size_bytes"])
    return same and path == folder / "files" / key_of(row["file_id"]) and octets.count(b"\n") == row["rows_done"] + 1


async def test_a_worker_killed_in_a_digest_an_export_and_a_delivery_at_once(
    world: World, start: Start, tmp_path: Path
) -> None:
    readers(world)
    with receiver() as hooks:
        hooks.may_answer.clear()
        await listening(world, hooks)
        export_id = await exported(world)
        world.sql(_DIGEST)
        one = partner_person(world, READERS[1]).user_id
        with (
            holding(world, "SELECT 1 FROM portal.digest WHERE user_id = %s FOR UPDATE", one),
            holding(
                world, "SELECT 1 FROM portal.file WHERE id = %s FOR UPDATE", export_of(world, export_id)["file_id"]
            ),
        ):
            first = start(*WORKER)
            until(lambda: world.sql(_WAITING)[0]["n"] == 2 and len(hooks.came) == 1)
            end(first)
        assert export_of(world, export_id)["status"] == "processing"
        assert kept(tmp_path) == [], "what was not written to its end is no file"
        hooks.may_answer.set()
        start(*WORKER)
        until(
            lambda: (
                export_of(world, export_id)["status"] == "completed"
                and len(world.sql(_LETTERS)) == len(READERS)
                and [row["status"] for row in log(world)] == ["delivered"]
            )
        )
        assert world.sql(_LETTERS) == [{"recipient": email, "n": 1} for email in sorted(READERS)]
        assert whole(tmp_path, export_of(world, export_id))
        assert [headers["webhook-id"] for headers, _ in hooks.came] == [str(log(world)[0]["event_id"])] * 2
        assert log(world)[0]["tries"] == 1, "whoever was killed has written nothing down"


def log(world: World) -> list[dict[str, Any]]:
    return world.sql(
        "SELECT d.status, d.event_id, (SELECT count(*)::int FROM portal.webhook_attempt AS a"
        " WHERE a.delivery_id = d.id) AS tries FROM portal.webhook_delivery AS d"
    )


async def test_a_worker_that_was_given_up_and_wakes_up_neither_replaces_the_export_nor_ends_the_job(
    world: World, start: Start, tmp_path: Path
) -> None:
    export_id = await exported(world)
    with holding(world, "LOCK TABLE tenancy.invoice IN ACCESS EXCLUSIVE MODE"):
        first = start(*WORKER)
        until(lambda: all(world.sql(_AT_REST)[0]["rests"] for _ in range(3)))
        os.killpg(first.pid, signal.SIGSTOP)
    start(*WORKER)
    until(lambda: export_of(world, export_id)["status"] == "completed")
    before = export_of(world, export_id)
    job = "SELECT status::text, attempts FROM jobs.procrastinate_jobs WHERE task_name = 'billing.export'"
    until(lambda: world.sql(job)[0]["status"] == "succeeded")
    world.sql("UPDATE tenancy.invoice SET number = number || '-later'")  # what the sleeper would write is another file
    os.killpg(first.pid, signal.SIGCONT)
    until(lambda: came_back(tmp_path / "0.log"))
    assert export_of(world, export_id) == before
    assert whole(tmp_path, before)
    assert world.sql(job) == [{"status": "succeeded", "attempts": 2}]
    trail = "SELECT count(*)::int AS n FROM portal.audit_entry WHERE target_id = %s GROUP BY kind, chain_id"
    assert {row["n"] for row in world.sql(trail, str(export_id))} == {1}, "no trail has it twice"


def came_back(log: Path) -> bool:
    """Return whether a worker has said that it came too late with the export."""
    return any("taken over" in line and "billing.export" in line for line in log.read_text().splitlines())


async def test_a_batch_of_the_platform_whose_server_is_killed_is_not_there_and_comes_once_when_sent_again(
    world: World, start: Start
) -> None:
    client, port = await platform_client(world), free_port()
    (tenant,) = world.sql("SELECT external_id FROM tenancy.tenant WHERE slug = 'acme-fiber'")
    row = {"tenant": tenant["external_id"], "status": "finalized", "currency": "EUR", "amount": "9.50"}
    days = {"issued_on": "2026-10-01", "due_on": "2026-10-31"}
    rows = [row | days | {"external_id": f"killed-{n}", "number": f"K-{n}"} for n in range(2000)]
    body = "\n".join(map(json.dumps, rows)).encode()
    count = "SELECT count(*)::int AS n FROM tenancy.invoice WHERE external_id LIKE 'killed-%%'"

    first = start("-m", "guildhall", "serve", PORT=str(port), GUILDHALL_SURFACES="api")
    token = token_at(port, str(client.client_id), client.secret)
    with holding(world, "LOCK TABLE tenancy.invoice IN SHARE MODE"), cut_off(port, token, body):
        until(lambda: world.sql(_WAITING)[0]["n"] == 1)
        end(first)
    until(lambda: world.sql(_WAITING)[0]["n"] == 0)
    assert world.sql(count) == [{"n": 0}]
    port = free_port()
    start("-m", "guildhall", "serve", PORT=str(port), GUILDHALL_SURFACES="api")
    token = token_at(port, str(client.client_id), client.secret)
    for added in (len(rows), 0):
        answer = sent(port, token, body)
        assert (answer.status_code, answer.json()["added"]) == (200, added), answer.text
    assert world.sql(count) == [{"n": len(rows)}]


def sent(port: int, token: str, body: bytes) -> httpx.Response:
    """Send a batch and return the answer."""
    url = f"http://127.0.0.1:{port}{FEED}/invoices:batch"
    return httpx.post(url, content=body, headers=at(port, token), timeout=30)


def at(port: int, token: str = "") -> dict[str, str]:
    """Return the headers with which the API is spoken to, as the platform."""
    host = {"Host": f"api.localhost:{port}"}
    return host | LINES | {"Authorization": f"Bearer {token}"} if token else host


def token_at(port: int, client_id: str, secret: str) -> str:
    """Return a token of the platform, once the server answers."""

    def got() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
        except httpx.HTTPError:
            return False

    until(got, seconds=90)
    asked = {"grant_type": "client_credentials", "scope": "platform.*"}
    url = f"http://127.0.0.1:{port}/api/v1/oauth/token"
    answer = httpx.post(url, data=asked, auth=(client_id, secret), headers=at(port))
    token: str = answer.json()["access_token"]
    return token


@contextmanager
def cut_off(port: int, token: str, body: bytes) -> Iterator[None]:
    """Send a batch and wait for no answer."""
    lines = [f"POST {FEED}/invoices:batch HTTP/1.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in at(port, token).items()]
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        yield
