"""Check an exported audit trail, alone: `python verifier.py export.jsonl [--key BASE64URL]`.

Needs nothing but Python; where the `cryptography` package is there too, the signature of the head is checked.
The format is docs/audit-format.md. The installation's own `audit verify` walks its chains with the same code.
"""

import argparse
import base64
import hashlib
import json
import math
import sys
from collections.abc import Iterable
from typing import Any

GENESIS = "0" * 64
_ES6_LARGEST, _ES6_SMALLEST = 21, -7  # where ECMAScript begins to write exponents


class Broken(Exception):  # noqa: N818 - what is found, not a fault of the program
    """A chain is not whole: `sequence` is the first entry that does not fit, `what` says why."""

    def __init__(self, sequence: int, what: str) -> None:
        """Take the place and the reason."""
        super().__init__(f"entry {sequence}: {what}")
        self.sequence = sequence
        self.what = what


def canonical(value: Any) -> str:
    """Return `value` as RFC 8785 JSON."""
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be"))
        return "{" + ",".join(f"{canonical(name)}:{canonical(each)}" for name, each in members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, float):
        return _number(value)
    return json.dumps(value, ensure_ascii=False)


def _number(value: float) -> str:
    """Return a number as ECMAScript writes it (ECMA-262, Number::toString)."""
    if value == 0 or not math.isfinite(value):
        return "0"
    mantissa, exponent = f"{value!r}e0".split("e")[:2]
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    return ("-" if value < 0 else "") + _placed(digits, point)


def _placed(digits: str, point: int) -> str:
    """Return `digits` with the decimal point after `point` of them, or with an exponent where that is the rule."""
    if len(digits) <= point <= _ES6_LARGEST:
        return digits.ljust(point, "0")
    if 0 < point <= _ES6_LARGEST:
        return f"{digits[:point]}.{digits[point:]}"
    if _ES6_SMALLEST < point - 1 < 0:
        return "0." + "0" * -point + digits
    return digits[0] + (f".{digits[1:]}" if len(digits) > 1 else "") + f"e{point - 1:+d}"


def sealed(*, at: str, chain: str, body: str, previous: str, sequence: int) -> str:
    """Return the hash of an entry, hexadecimal; `body` is its RFC 8785 JSON."""
    text = f'{{"at":"{at}","chain":"{chain}","entry":{body},"previous":"{previous}","sequence":{sequence}}}'
    return hashlib.sha256(text.encode()).hexdigest()


def name_hash(salt: str, name: str) -> str:
    """Return what an entry keeps of a person's name, hexadecimal."""
    return hashlib.sha256((salt + name).encode()).hexdigest()


def head_text(head: dict[str, Any]) -> bytes:
    """Return what is signed of a head {chain, hash, sequence, signed_at}."""
    return canonical({name: head[name] for name in ("chain", "hash", "sequence", "signed_at")}).encode()


class Walk:
    """One pass over a chain, entry by entry in the order of their numbers; it keeps only where it stands."""

    def __init__(self, chain: str) -> None:
        """Begin before the first entry of `chain` (`kind:id`)."""
        self.chain = chain
        self.sequence = 0
        self.hash = GENESIS
        self.erased = 0

    def take(self, *, sequence: int, at: str, body: str, previous: str, hash_: str) -> None:
        """Take the next entry; raise Broken where it does not follow from those before it."""
        if sequence > self.sequence + 1:
            raise Broken(self.sequence + 1, _missing(self.sequence + 1, sequence - 1))
        if sequence <= self.sequence:
            raise Broken(sequence, "stands out of order")
        if previous != self.hash:
            raise Broken(sequence, "does not follow from the entry before it")
        if sealed(at=at, chain=self.chain, body=body, previous=previous, sequence=sequence) != hash_:
            raise Broken(sequence, "its content is not what was sealed")
        self.sequence, self.hash = sequence, hash_

    def named(self, *, name: str, salt: str, expected: str) -> None:
        """Check the name beside the entry just taken; one that was erased leaves name and salt empty."""
        if not salt and not name:
            self.erased += 1
        elif name_hash(salt, name) != expected:
            raise Broken(self.sequence, "its name is not the one that was sealed")

    def close(self, *, sequence: int, hash_: str) -> None:
        """End at the head that was kept apart; raise Broken where entries are missing before it."""
        if self.sequence < sequence:
            raise Broken(self.sequence + 1, _missing(self.sequence + 1, sequence) + " at the end")
        if (self.sequence, self.hash) != (sequence, hash_):
            raise Broken(self.sequence, "is not the last one that the head knows")


def _missing(first: int, last: int) -> str:
    """Return the sentence for entries that are not there."""
    return "is missing" if first == last else f"is missing, and all up to {last}"


def signature_state(head: dict[str, Any], signature: str, key: str) -> str:
    """Return `valid`, `wrong`, or `unchecked` where the cryptography package is absent; both texts are base64url."""
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - it may be absent
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415
    except ImportError:
        return "unchecked"
    try:
        Ed25519PublicKey.from_public_bytes(_octets(key)).verify(_octets(signature), head_text(head))
    except (InvalidSignature, ValueError):
        return "wrong"
    return "valid"


def _octets(text: str) -> bytes:
    """Return what unpadded base64url `text` stands for."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verify(lines: Iterable[str], *, key: str = "") -> str:
    """Return a sentence on a whole export; raise Broken on the first thing that is wrong.

    `key` is the installation's public key as you know it; without it the key inside the file is used.
    """
    walk: Walk | None = None
    for line in lines:
        row = json.loads(line)
        if "head" in row:
            return _closed(walk or Walk(row["head"]["chain"]), row, key)
        walk = walk or Walk(row["chain"])
        if row["chain"] != walk.chain:
            raise Broken(row["sequence"], "belongs to another chain")
        walk.take(
            sequence=row["sequence"],
            at=row["at"],
            body=canonical(row["entry"]),
            previous=row["previous"],
            hash_=row["hash"],
        )
        walk.named(name=row["actor_name"], salt=row["actor_salt"], expected=row["entry"]["actor"]["name_hash"])
    raise Broken((walk.sequence if walk else 0) + 1, "the file ends without its head: it may have been cut")


def _closed(walk: Walk, row: dict[str, Any], key: str) -> str:
    """Check the last line of an export against what was walked; return the sentence on the whole."""
    head = row["head"]
    if head["chain"] != walk.chain:
        raise Broken(walk.sequence, "the head is of another chain")
    walk.close(sequence=head["sequence"], hash_=head["hash"])
    state = signature_state(head, row["signature"], key or row["public_key"])
    if state == "wrong":
        raise Broken(walk.sequence, "the signature of the head is not valid")
    said = {
        "valid": "the signature of its head is valid under the key " + (key or row["public_key"]),
        "unchecked": "the signature of its head was NOT checked: that needs the Python package cryptography",
    }[state]
    erased = f", names erased: {walk.erased}" if walk.erased else ""
    return f"{walk.chain}: {walk.sequence} entries follow from each other{erased}; {said}."


def main() -> int:
    """Check the file named on the command line; return 0 where it is whole, 1 where not."""
    parser = argparse.ArgumentParser(description="Check an exported audit trail.")
    parser.add_argument("file", help="the exported JSON lines")
    parser.add_argument("--key", default="", help="the installation's public key, base64url, got another way")
    wanted = parser.parse_args()
    with open(wanted.file, encoding="utf-8") as lines:  # noqa: PTH123 - one import less for a script that stands alone
        try:
            said, code = verify(lines, key=wanted.key), 0
        except Broken as broken:
            said, code = f"BROKEN at {broken}.", 1
        except (KeyError, TypeError, ValueError) as wrong:
            said, code = f"BROKEN: this is not an exported trail ({wrong!r}).", 1
    sys.stdout.write(said + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
