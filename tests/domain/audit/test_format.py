"""The page that describes the format is true, figure by figure; and the demo's own trail keeps to it."""

import hashlib
import json
import re
from pathlib import Path

import psycopg
import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from guildhall.core.crypto import base64url
from guildhall.domain.audit import verifier
from guildhall.domain.audit.verifying import verify
from support_world import Cluster

PAGE = (Path(__file__).parents[3] / "docs" / "audit-format.md").read_text()


@pytest.fixture
def example() -> list[str]:
    """The worked example: its export, what is hashed, the hash, what is signed."""
    return re.findall(r"```(?:jsonl)?\n(.*?)\n```", PAGE.split("## A worked example")[1], re.DOTALL)


def test_the_worked_example_verifies(example: list[str]) -> None:
    said = verifier.verify(example[0].splitlines())
    assert "2 entries follow from each other, names erased: 1; the signature of its head is valid" in said


def test_each_figure_of_the_example_can_be_recomputed(example: list[str]) -> None:
    first, _, last = (json.loads(line) for line in example[0].splitlines())
    hashed = rfc8785.dumps({name: first[name] for name in ("at", "chain", "entry", "previous", "sequence")})
    assert hashed.decode() == example[1]
    assert hashlib.sha256(hashed).hexdigest() == example[2] == first["hash"]
    assert rfc8785.dumps(last["head"]).decode() == example[3]
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    assert base64url(key.sign(example[3].encode())) == last["signature"]
    assert base64url(key.public_key().public_bytes_raw()) == last["public_key"]


def test_the_page_names_every_member(cluster: Cluster, demo_database: str) -> None:
    with psycopg.connect(cluster.url(demo_database)) as connection:
        bodies = [json.loads(body) for (body,) in connection.execute("SELECT body FROM portal.audit_entry").fetchall()]
    section = PAGE.split("`entry` has exactly these members")[1].split("## ")[0]
    named = {
        word
        for row in section.splitlines()
        if row.startswith("| `")
        for word in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    assert set().union(*bodies) == named
    assert {frozenset(body) | {"ip", "user_agent"} for body in bodies} == {frozenset(named)}


def test_the_demos_trail_verifies(cluster: Cluster, demo_database: str) -> None:
    verdict = verify(cluster.login_url("login_worker", demo_database), role=cluster.prefix + "worker")
    assert verdict.broken == []
    assert verdict.entries > 100
