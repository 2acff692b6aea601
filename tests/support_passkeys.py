"""An authenticator in software: what a browser and a key do together, for tests without a browser (WebAuthn §6, §7)."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import cbor2
import httpx
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from guildhall.core import crypto
from support_welcome import PASSWORD, hidden
from support_world import World

_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40


@dataclass
class Authenticator:
    """One key with one passkey. `verified` is whether its owner showed a finger or PIN; `count` its signatures."""

    origin: str
    verified: bool = True
    count: int = 0
    id: bytes = field(default_factory=lambda: crypto.random_octets(16))
    _key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def make(self, options: dict[str, Any]) -> str:
        """Return the answer to the question for a new passkey."""
        numbers = self._key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
        attested = bytes(16) + len(self.id).to_bytes(2) + self.id + cbor2.dumps(public)
        data = self._data(options["rp"]["id"], _ATTESTED) + attested
        response = {
            "attestationObject": crypto.base64url(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data}))
        }
        return self._answer("webauthn.create", options, response)

    def show(self, options: dict[str, Any]) -> str:
        """Return the answer to the question for a passkey."""
        self.count += 1 if self.count else 0
        data = self._data(options["rpId"], 0)
        client = self._client("webauthn.get", options)
        signed = self._key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        response = {"authenticatorData": crypto.base64url(data), "signature": crypto.base64url(signed)}
        return self._answer("webauthn.get", options, response)

    def _data(self, relying: str, more: int) -> bytes:
        flags = _PRESENT | more | (_VERIFIED if self.verified else 0)
        return hashlib.sha256(relying.encode()).digest() + bytes([flags]) + self.count.to_bytes(4)

    def _client(self, kind: str, options: dict[str, Any]) -> bytes:
        said = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps(said).encode()

    def _answer(self, kind: str, options: dict[str, Any], response: dict[str, str]) -> str:
        credential = crypto.base64url(self.id)
        client = crypto.base64url(self._client(kind, options))
        return json.dumps(
            {
                "id": credential,
                "rawId": credential,
                "type": "public-key",
                "response": {"clientDataJSON": client, **response},
                "clientExtensionResults": {},
            }
        )


async def asked(client: httpx.AsyncClient, path: str = "/sign-in/passkey") -> dict[str, Any]:
    """Return what the surface asks the browser."""
    options: dict[str, Any] = (await client.get(path)).json()
    return options


async def with_passkey(
    world: World, email: str, label: str = "partners", **made: Any
) -> tuple[httpx.AsyncClient, Authenticator]:
    """Return a signed-in browser whose person has just added a passkey, and the authenticator that holds it."""
    client = await world.sign_in(email, label)
    authenticator = Authenticator(f"http://{label}.localhost:8000", **made)
    answer = authenticator.make(await asked(client, "/account/passkeys/options"))
    done = await world.post(client, "/account/passkeys", passkey=answer, name="work laptop")
    assert done.status_code == 303, done.text
    return client, authenticator


async def welcomed_with_passkey(
    world: World, client: httpx.AsyncClient, path: str, label: str = "partners", **typed: str
) -> tuple[httpx.Response, Authenticator]:
    """Go through password (where one is asked) and passkey of a one-time link; return the answer, and the key."""
    second = await client.get(path)
    if 'name="password"' in second.text:
        second = await world.post(client, path, step="password", password=PASSWORD)
    authenticator = Authenticator(f"http://{label}.localhost:8000")
    answer = authenticator.make(await asked(client, f"{path}/passkey"))
    form = {"step": "passkey", "draft": hidden(second.text, "draft"), "passkey": answer, "name": "work laptop"}
    return await world.post(client, path, **form | typed), authenticator
