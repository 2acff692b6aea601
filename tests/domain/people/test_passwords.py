"""Passwords are kept as argon2id, at a cost that guessing cannot pay (PRODUCT §3)."""

import subprocess
import sys

from argon2 import Type, extract_parameters

_PRINT = "from guildhall.domain.people.passwords import hashed; print(hashed('a long enough password'))"


def test_an_installation_hashes_with_the_second_choice_of_rfc_9106_or_more() -> None:
    made = subprocess.run([sys.executable, "-c", _PRINT], capture_output=True, text=True, check=True).stdout.strip()
    used = extract_parameters(made)
    assert used.type is Type.ID
    assert used.time_cost >= 3
    assert used.memory_cost >= 64 * 1024, "KiB"
    assert used.hash_len >= 32
    assert used.salt_len >= 16
