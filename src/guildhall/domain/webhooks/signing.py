"""Standard Webhooks 1.0.0: secrets, and the headers that prove who sent a body."""

import base64
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import msgspec
from standardwebhooks import Webhook

from guildhall.core import crypto

_PURPOSE = "webhook"
_OCTETS = 32


def new_secret() -> str:
    """Return a fresh secret as receivers take it."""
    return "whsec_" + base64.b64encode(crypto.random_octets(_OCTETS)).decode()


def sealed(secret: str) -> bytes:
    """Return a secret as it is kept."""
    return crypto.seal(_PURPOSE, secret)


def opened(kept: bytes) -> str:
    """Return the secret that was kept; raises InvalidTag where the installation's secret differs."""
    return crypto.unseal(_PURPOSE, kept)


def body_of(kind: str, at: datetime, data: object) -> bytes:
    """Return what is posted for an event: the same octets at every try."""
    return msgspec.json.encode({"type": kind, "timestamp": at, "data": data})


def headers(secrets: Iterable[str], *, event_id: UUID, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers of one try; a signature by each secret, so that a rotation breaks nothing."""
    signed = [Webhook(secret).sign(str(event_id), at, body.decode()) for secret in secrets]
    return {
        "Content-Type": "application/json",
        "User-Agent": "Guildhall-Webhooks/1",
        "webhook-id": str(event_id),
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signed),
    }
