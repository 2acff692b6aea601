"""Heads of chains, signed with the installation's key: so that a chain that was cut shows (BOUNDARY §5)."""

from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import func, insert, text

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.crypto import base64url, signing_key
from guildhall.core.ids import new_id
from guildhall.core.jobs import periodic
from guildhall.domain.audit.reading import Chain
from guildhall.domain.audit.tables import head_signature
from guildhall.domain.audit.verifier import head_text

_BATCH = 1000
_MOVED = text(
    """
    SELECT h.kind, h.chain_id, h.sequence, h.hash
    FROM portal.audit_heads() AS h
    LEFT JOIN LATERAL (
        SELECT s.sequence, s.signed_at FROM portal.audit_signature AS s
        WHERE s.kind = h.kind AND s.chain_id = h.chain_id ORDER BY s.signed_at DESC LIMIT 1
    ) AS last ON true
    WHERE last.sequence IS NULL OR (last.sequence < h.sequence AND last.signed_at < date_trunc('day', now(), 'UTC'))
    LIMIT :batch
    """
)


def stamp(moment: datetime) -> str:
    """Return a moment as the trail writes it: UTC, microseconds, `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def head_of(chain: Chain, *, sequence: int, hash_: bytes, signed_at: datetime) -> dict[str, Any]:
    """Return a head as it is signed."""
    return {"chain": str(chain), "hash": hash_.hex(), "sequence": sequence, "signed_at": stamp(signed_at)}


def signature_of(head: dict[str, Any]) -> bytes:
    """Return the Ed25519 signature of a head."""
    return signing_key().sign(head_text(head))


def public_key() -> str:
    """Return the key with which signatures are checked, base64url: publish it outside of this installation."""
    return base64url(signing_key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


@periodic("23 * * * *", "audit.sign")
async def sign(actor: Actor) -> int:
    """Sign the head of every chain that grew since its last signature, once a day; return how many."""
    signed = 0
    while count := await _sign_some(actor):
        signed += count
    return signed


async def _sign_some(actor: Actor) -> int:
    """Sign one batch of heads in a transaction of its own; return how many there were."""
    async with db.transaction(actor) as connection:
        now: datetime = (await connection.execute(func.now().select())).scalar_one()
        heads = (await connection.execute(_MOVED, {"batch": _BATCH})).mappings().all()
        rows = [
            {
                "id": new_id(),
                **head,
                "signature": signature_of(
                    head_of(
                        Chain(head["kind"], head["chain_id"]),
                        sequence=head["sequence"],
                        hash_=head["hash"],
                        signed_at=now,
                    )
                ),
                "signed_at": now,
            }
            for head in heads
        ]
        if rows:
            await connection.execute(insert(head_signature), rows)
        return len(rows)
