"""What a stranger does with the API: follow the guide command by command, and have a client made of the document."""

import json
import os
import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from guildhall.worlds.demo import DEMO_PASSWORD
from support_clients import PRINCIPAL, client_of
from support_platform import platform_client
from support_receivers import receiver
from support_served import served
from support_site import Site
from support_world import Cluster, Signed, World

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
GUIDE = Path(__file__).parents[3] / "docs" / "api" / "guide.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
EXACT = {"code", "kind", "outcome", "pointer", "status", "type"}  # what software decides by
MARK = "--8<--"
# Not every resolver knows the names under localhost.
HERE = """
import socket
known = socket.getaddrinfo
socket.getaddrinfo = lambda _, *rest, **more: known("127.0.0.1", *rest, **more)
"""
KINDS = {
    "id": r"[0-9a-f]{8}-[0-9a-f-]{27}",
    "moment": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z",
    "amount": r"\d+\.\d{2}",
}


@pytest.fixture(scope="module")
def site(cluster: Cluster) -> Iterator[Site]:
    with served(cluster, "serve", "worker", GUILDHALL_WEBHOOK_LOOPBACK="true") as made:
        yield made


@pytest.fixture
async def there(cluster: Cluster, site: Site, anyio_backend: str) -> Any:
    """The world that is served, for what people do on pages before software can begin."""
    made = World(cluster, site.database, Signed())
    await made.open()
    yield made
    await made.close()


def base(site: Site) -> str:
    return site.url("api", "/api/v1")


async def token(site: Site, email: str) -> str:
    """Return an access token from the served sign-in."""
    body = {"email": email, "password": DEMO_PASSWORD, "otp": site.code(email)}
    async with httpx.AsyncClient(headers={"Host": f"api.localhost:{site.port}"}) as client:
        answer = await client.post(f"http://127.0.0.1:{site.port}/api/v1/auth/login", json=body)
    found: str = answer.json()["access_token"]
    return found


def script() -> str:
    """Return the guide's commands as one script that says where the output of each block begins."""
    commands = [re.sub(r"^(BASE|EMAIL)=.*\n", "", text, flags=re.MULTILINE) for kind, text in BLOCKS if kind == "sh"]
    return "set -eu\n" + "".join(f"echo '{MARK}'\n{each}\n" for each in commands)


def shown() -> list[str]:
    """Return what the guide shows after each block of commands; nothing where it shows nothing."""
    following = pairwise([*BLOCKS, ("", "")])
    return [after if next_kind == "json" else "" for (kind, _), (next_kind, after) in following if kind == "sh"]


def read(text: str) -> list[Any]:
    """Return the JSON values that stand one after another in a text."""
    found, decoder, text = [], json.JSONDecoder(), text.strip()
    while text:
        value, end = decoder.raw_decode(text)
        found.append(value)
        text = text[end:].strip()
    return found


def same(said: Any, came: Any, name: str = "") -> None:
    """Assert that an answer has the shape of what the guide shows: its fields and kinds, and the words of EXACT."""
    if said is None or came is None:
        return
    assert type(said) is type(came), (name, said, came)
    if isinstance(said, dict):
        assert set(said) == set(came), (name, said, came)
        for key, value in said.items():
            same(value, came[key], key)
    elif isinstance(said, list):
        assert bool(said) == bool(came), (name, said, came)
        for one, other in zip(said, came, strict=False):
            same(one, other)
    elif name in EXACT:
        assert said == came, name
    elif isinstance(said, str):
        of = [kind for kind, pattern in KINDS.items() if re.fullmatch(pattern, said)]
        assert all(re.fullmatch(KINDS[kind], came) for kind in of), (name, said, came)


async def test_every_command_of_the_guide_answers_as_it_shows(there: World, site: Site, tmp_path: Path) -> None:
    software, machine = await client_of(there), await platform_client(there)
    with receiver() as hooks:
        given = {
            "BASE": base(site),
            "EMAIL": PRINCIPAL,
            "PASSWORD": DEMO_PASSWORD,
            "OTP": site.code(PRINCIPAL),
            "CLIENT_ID": str(software.client_id),
            "CLIENT_SECRET": software.secret,
            "PLATFORM_ID": str(machine.client_id),
            "PLATFORM_SECRET": machine.secret,
            "HOOK": hooks.url,
        }
        done = await anyio.run_process(["bash", "-c", script()], cwd=tmp_path, env={**os.environ, **given}, check=False)
        came = done.stdout.decode().split(MARK)[1:]
        assert done.returncode == 0, (done.stderr.decode(), came)
        for said, answer in zip(shown(), came, strict=True):
            one, other = read(said), read(answer)
            assert len(one) == len(other), (said, answer)
            for left, right in zip(one, other, strict=True):
                same(left, right)
        secret = json.loads((tmp_path / "webhook.json").read_text())["secret"]
        with anyio.fail_after(20):
            while not hooks.came:  # noqa: ASYNC110 - another thread's list
                await anyio.sleep(0.05)
    rows = (tmp_path / "invoices.csv").read_text().count("\n") - 1
    assert rows == json.loads((tmp_path / "export.json").read_text())["row_count"] > 0
    parts: dict[str, Any] = {}
    exec(next(text for kind, text in BLOCKS if kind == "python"), parts)  # noqa: S102 - the guide's own lines
    headers, body = hooks.came[0]
    assert parts["verified"](secret, headers, body)
    assert not parts["verified"](secret, headers, body + b" ")
    assert not parts["verified"](secret, headers | {"webhook-timestamp": "1700000000"}, body)


async def test_a_client_that_an_outside_generator_makes_lists_customers_and_opens_a_ticket(
    there: World, site: Site, tmp_path: Path
) -> None:
    document = (await there.client("api").get("/api/v1/openapi.json")).json()
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    (tmp_path / "config.yaml").write_text(next(text for kind, text in BLOCKS if kind == "yaml"))
    tools = Path(sys.executable).parent
    generate = f"{tools}/openapi-python-client generate --path openapi.json --config config.yaml --fail-on-warning"
    found = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    made = await anyio.run_process(f"{generate} --output-path client --meta none", cwd=tmp_path, env=found, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    operations = [each for path in document["paths"].values() for each in path.values()]
    modules = {each.stem for each in (tmp_path / "client" / "api").glob("*/*.py") if each.stem != "__init__"}
    assert len(modules) == len(operations)
    code = [text for kind, text in BLOCKS if kind == "python"][-1]
    call = f"print(open_at_first_customer({base(site)!r}, {await token(site, 'technical@northwind.example')!r}))"
    opened = await anyio.run_process([sys.executable, "-c", f"{HERE}\n{code}\n{call}"], cwd=tmp_path, check=False)
    assert opened.returncode == 0, opened.stderr.decode()
    ticket = there.sql(
        "SELECT subject, priority FROM tenancy.ticket WHERE number = %s ORDER BY created_at DESC LIMIT 1",
        int(opened.stdout),
    )
    assert ticket == [{"subject": "Packet loss", "priority": "high"}]
