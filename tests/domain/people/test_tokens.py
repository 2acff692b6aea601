"""What an access token proves is kept for its next call; whether it counts is asked each time (RFC 9068)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from guildhall.core import crypto
from guildhall.core.actor import Actor, DbRole, Kind, Surface
from guildhall.core.ids import new_id
from guildhall.domain.people import tokens
from support_world import MASTER

ISSUER = "http://api.localhost:8000"
NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


@dataclass
class Held:
    """A token that was read once already, and whose it is."""

    actor: Actor
    token: str


@pytest.fixture
def held() -> Iterator[Held]:
    crypto.set_master(MASTER)
    actor = Actor(
        kind=Kind.PARTNER_USER,
        surface=Surface.API,
        role=DbRole.PARTNER,
        name="Robin",
        user_id=new_id(),
        session_id=new_id(),
        partner_id=new_id(),
    )
    token = tokens.access_token(actor, issuer=ISSUER, tenant_ids=(), now=NOW)
    claim = tokens.read(token, issuer=ISSUER, now=NOW)
    assert claim is not None
    assert claim.session_id == actor.session_id
    yield Held(actor, token)
    crypto.set_master(MASTER)


def test_it_runs_out_to_the_second(held: Held) -> None:
    end = NOW + tokens.ACCESS_LIFE
    assert tokens.read(held.token, issuer=ISSUER, now=end - timedelta(seconds=1)) is not None
    assert tokens.read(held.token, issuer=ISSUER, now=end) is None


def test_it_counts_at_its_own_installation_only(held: Held) -> None:
    assert tokens.read(held.token, issuer="http://api.elsewhere.example", now=NOW) is None


def test_it_counts_under_its_own_secret_only(held: Held) -> None:
    crypto.set_master(b"another secret of an installation, long enough")
    assert tokens.read(held.token, issuer=ISSUER, now=NOW) is None


@pytest.mark.parametrize("part", [0, 1, 2])
def test_one_letter_of_it_changed_proves_nothing(held: Held, part: int) -> None:
    parts = held.token.split(".")
    letter = parts[part][10]
    parts[part] = parts[part][:10] + ("A" if letter != "A" else "B") + parts[part][11:]
    for _ in range(2):
        assert tokens.read(".".join(parts), issuer=ISSUER, now=NOW) is None


def test_what_the_key_signed_for_another_use_proves_nothing_however_often(held: Held) -> None:
    key = OctKey.import_key(crypto.key("access-token"))
    signed = jwt.decode(held.token, key, algorithms=["HS256"])
    again = jwt.encode(signed.header, signed.claims, key)
    assert tokens.read(again, issuer=ISSUER, now=NOW) is not None
    for header, claims in (
        (signed.header | {"typ": "JWT"}, signed.claims),
        (signed.header, signed.claims | {"aud": f"{ISSUER}/api/v2"}),
    ):
        other = jwt.encode(header, claims, key)
        assert [tokens.read(other, issuer=ISSUER, now=NOW) for _ in range(2)] == [None, None]


def test_another_token_of_the_same_session_is_read_for_itself(held: Held) -> None:
    later = NOW + timedelta(minutes=5)
    other = tokens.access_token(
        held.actor, issuer=ISSUER, tenant_ids=(), now=later, scope="partner.tenants.list partner.tickets.read"
    )
    claim = tokens.read(other, issuer=ISSUER, now=NOW + tokens.ACCESS_LIFE)
    assert claim is not None
    assert claim.scopes == {"partner.tenants.list", "partner.tickets.read"}
