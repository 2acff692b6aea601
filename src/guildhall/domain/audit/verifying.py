"""Walking every chain in the database: `guildhall audit verify`. Memory stays flat; one snapshot, nothing is written.

The walk is the one of the stand-alone verifier. Beside it, each entry's columns must say what its sealed body
says, each chain must reach the head that is kept apart, and each signed head must be the entry of its number.
"""

from collections.abc import Iterator
from typing import Any

import psycopg
from msgspec import Struct, json
from psycopg import sql
from psycopg.rows import DictRow, dict_row

from guildhall.core.crypto import base64url
from guildhall.domain.audit.heads import head_of, public_key, stamp
from guildhall.domain.audit.reading import Chain
from guildhall.domain.audit.verifier import Broken, Walk, signature_state

_CHUNK = 2000
_ENTRIES = """
    SELECT kind, chain_id, sequence, event_id::text, at, body, previous_hash, hash, actor_name, actor_salt, surface,
           actor_kind, actor_id::text, partner_id::text, tenant_id::text, action, target_kind, target_id
    FROM portal.audit_entry ORDER BY kind, chain_id, sequence
"""
_SIGNATURES = """
    SELECT sequence, hash, signature, signed_at FROM portal.audit_signature
    WHERE kind = %s AND chain_id = %s ORDER BY sequence, signed_at
"""
_SIGNED_ONLY = """
    SELECT DISTINCT s.kind, s.chain_id FROM portal.audit_signature AS s
    WHERE NOT EXISTS (SELECT 1 FROM portal.audit_entry AS e WHERE e.kind = s.kind AND e.chain_id = s.chain_id)
"""


class Break(Struct, frozen=True):
    """The first thing that is wrong in one chain."""

    chain: str
    sequence: int
    what: str

    def __str__(self) -> str:
        return f"{self.chain}, entry {self.sequence}: {self.what}"


class Verdict(Struct, kw_only=True):
    """What a walk over all chains found; `broken` is empty where everything is whole."""

    chains: int = 0
    entries: int = 0
    signatures: int = 0
    erased: int = 0
    broken: list[Break]


def verify(url: str, *, role: str, key: str = "") -> Verdict:
    """Walk every chain of the database at `url` under `role` (the worker's or the owner's) and return the verdict.

    `key` is the public key that signatures are checked with; by default the one of the installation's secret.
    """
    verdict = Verdict(broken=[])
    with psycopg.connect(url, row_factory=dict_row) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
        heads = {
            Chain(row["kind"], row["chain_id"]): row
            for row in connection.execute("SELECT * FROM portal.audit_heads()").fetchall()
        }
        for chain, entries in _by_chain(connection):
            _walk(connection, chain, entries, heads.pop(chain, None), key or public_key(), verdict)
        _gone(connection, heads, verdict)
    return verdict


def _by_chain(connection: psycopg.Connection[DictRow]) -> Iterator[tuple[Chain, Iterator[DictRow]]]:
    """Yield each chain with its entries, from one cursor on the server."""
    with connection.cursor(name="trail") as cursor:
        cursor.itersize = _CHUNK
        cursor.execute(_ENTRIES)
        rows = iter(cursor)
        first = next(rows, None)
        while first is not None:
            chain = Chain(first["kind"], first["chain_id"])
            rest: list[DictRow] = []
            yield chain, _same(chain, first, rows, rest)
            first = rest[0] if rest else None


def _same(chain: Chain, first: DictRow, rows: Iterator[DictRow], rest: list[DictRow]) -> Iterator[DictRow]:
    """Yield the rows of one chain; leave the first row of the next one in `rest`."""
    yield first
    for row in rows:
        if (row["kind"], row["chain_id"]) != (chain.kind, chain.id):
            rest.append(row)
            return
        yield row


def _walk(
    connection: psycopg.Connection[DictRow],
    chain: Chain,
    entries: Iterator[DictRow],
    head: DictRow | None,
    key: str,
    verdict: Verdict,
) -> None:
    """Walk one chain to its head and add what was found to the verdict."""
    walk = Walk(str(chain))
    signed = connection.execute(_SIGNATURES, (chain.kind, chain.id)).fetchall()
    verdict.chains += 1
    try:
        _entries(walk, entries, {row["sequence"]: row["hash"] for row in signed}, verdict)
        _reaches(walk, head, signed)
        for row in signed:
            _signature(chain, row, key)
        verdict.signatures += len(signed)
    except Broken as broken:
        verdict.broken.append(Break(str(chain), broken.sequence, broken.what))
    finally:
        verdict.erased += walk.erased
        for _ in entries:  # the next chain begins behind the rest of this one
            verdict.entries += 1


def _entries(walk: Walk, entries: Iterator[DictRow], signed: dict[int, bytes], verdict: Verdict) -> None:
    """Take every entry of a chain; raise Broken at the first that does not fit."""
    for row in entries:
        verdict.entries += 1
        body = json.decode(row["body"])
        walk.take(
            sequence=row["sequence"],
            at=stamp(row["at"]),
            body=row["body"],
            previous=row["previous_hash"].hex(),
            hash_=row["hash"].hex(),
        )
        walk.named(name=row["actor_name"], salt=row["actor_salt"], expected=body["actor"]["name_hash"])
        _columns(row, body)
        if signed.get(row["sequence"], row["hash"]) != row["hash"]:
            raise Broken(row["sequence"], "is not the one that was signed")


def _columns(row: DictRow, body: dict[str, Any]) -> None:
    """Raise Broken where a column beside the body says something else than the body."""
    actor, target = body["actor"], body["target"]
    said = {
        "event_id": body["event"],
        "surface": body["surface"],
        "actor_kind": actor["kind"],
        "actor_id": actor["id"],
        "partner_id": actor["partner_id"],
        "tenant_id": body["tenant_id"],
        "action": body["action"],
        "target_kind": target["kind"],
        "target_id": target["id"],
    }
    for column, value in said.items():
        if row[column] != value:
            raise Broken(row["sequence"], f"its column {column} is not what was sealed")


def _reaches(walk: Walk, head: DictRow | None, signed: list[DictRow]) -> None:
    """Raise Broken where the chain ends before its head, or before a head that was signed."""
    if signed and signed[-1]["sequence"] > walk.sequence:
        walk.close(sequence=signed[-1]["sequence"], hash_=signed[-1]["hash"].hex())
    if head is None:
        raise Broken(walk.sequence, "has no head any more")
    walk.close(sequence=head["sequence"], hash_=head["hash"].hex())


def _signature(chain: Chain, row: DictRow, key: str) -> None:
    """Raise Broken where the signature of a head is not valid."""
    head = head_of(chain, sequence=row["sequence"], hash_=row["hash"], signed_at=row["signed_at"])
    if signature_state(head, base64url(row["signature"]), key) != "valid":
        raise Broken(row["sequence"], "the signature of this head is not valid")


def _gone(connection: psycopg.Connection[DictRow], heads: dict[Chain, DictRow], verdict: Verdict) -> None:
    """Add the chains of which a head or a signature is left, and no entry."""
    signed = {Chain(row["kind"], row["chain_id"]) for row in connection.execute(_SIGNED_ONLY).fetchall()}
    grown = {chain for chain, row in heads.items() if row["sequence"] > 0}
    verdict.broken += [
        Break(str(chain), 1, "is missing, and all after it") for chain in sorted(signed | grown, key=str)
    ]
