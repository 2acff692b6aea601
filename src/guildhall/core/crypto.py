"""Secrets: tokens shown once and kept as hashes, values sealed under a key derived from the installation's secret."""

import base64
import hashlib
import hmac
import secrets

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = 12
_KEYS: dict[str, bytes] = {}
_master = b""


def set_master(secret: bytes) -> None:
    """Take the installation's secret (at least 32 bytes) from which every key is derived (RFC 5869)."""
    global _master  # noqa: PLW0603 - one installation per process, set once at start
    _master = secret
    _KEYS.clear()


def key(purpose: str) -> bytes:
    """Return the 32-byte key for one purpose."""
    if purpose not in _KEYS:
        if not _master:
            raise RuntimeError("The installation's secret is not set")
        _KEYS[purpose] = HKDF(SHA256(), 32, salt=None, info=b"guildhall/" + purpose.encode()).derive(_master)
    return _KEYS[purpose]


def new_token(octets: int = 32) -> str:
    """Return a fresh random token of `octets` bytes, URL-safe."""
    return secrets.token_urlsafe(octets)


def token_hash(token: str) -> bytes:
    """Return what is kept of a random token: its SHA-256. (Random tokens need no slow hash.)."""
    return hashlib.sha256(token.encode()).digest()


def mac(purpose: str, value: str) -> str:
    """Return the HMAC-SHA-256 of `value` under the key of `purpose`, hexadecimal."""
    return hmac.new(key(purpose), value.encode(), hashlib.sha256).hexdigest()


def same(left: str, right: str) -> bool:
    """Return whether two secrets are equal, in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())


def seal(purpose: str, value: str) -> bytes:
    """Return `value` encrypted with AES-256-GCM, bound to `purpose`."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(key(purpose)).encrypt(nonce, value.encode(), purpose.encode())


def unseal(purpose: str, sealed: bytes) -> str:
    """Return what was sealed; raises InvalidTag when it was changed or the key differs."""
    return AESGCM(key(purpose)).decrypt(sealed[:_NONCE], sealed[_NONCE:], purpose.encode()).decode()


def signing_key() -> Ed25519PrivateKey:
    """Return the installation's Ed25519 key (RFC 8032), with which heads of the trail are signed."""
    return Ed25519PrivateKey.from_private_bytes(key("trail-signature"))


def base64url(value: bytes) -> str:
    """Return `value` in unpadded base64url (RFC 4648 §5)."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def random_octets(count: int) -> bytes:
    """Return `count` random octets."""
    return secrets.token_bytes(count)
