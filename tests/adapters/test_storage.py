"""Files in a folder, in a bucket and in memory: whole or absent, whatever happens to their writer."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from guildhall.adapters.storage import objects
from guildhall.adapters.storage.objects import Objects
from guildhall.settings import SettingsError, load
from support_buckets import Held, bucket

pytestmark = pytest.mark.anyio
KEY = "0a/0190a"
MADE: dict[str, Callable[[Path], Objects]] = {
    "folder": lambda path: objects.in_folder(path / "files"),
    "memory": lambda _: objects.in_memory(),
}


@pytest.fixture
def held() -> Iterator[Held]:
    with bucket() as made:
        yield made


@pytest.fixture(params=[*MADE, "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    """A store of each kind."""
    if request.param == "bucket":
        return objects.in_bucket(request.getfixturevalue("held").bucket)
    return MADE[request.param](tmp_path)


async def _read(store: Objects) -> bytes:
    return b"".join([piece async for piece in store.read(KEY)])


async def _fail(store: Objects) -> None:
    async with store.writing(KEY) as sink:
        await sink.write(os.urandom(12_000_000))
        raise ZeroDivisionError


async def test_what_was_written_in_pieces_comes_back_whole(store: Objects) -> None:
    pieces = [os.urandom(3_000_000) for _ in range(4)]
    async with store.writing(KEY) as sink:
        for piece in pieces:
            await sink.write(piece)
    assert await _read(store) == b"".join(pieces)


async def test_a_writer_that_fails_leaves_nothing(store: Objects, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        await _fail(store)
    with pytest.raises(LookupError):
        await _read(store)
    assert not [names for _, _, names in os.walk(tmp_path) if names]


async def test_a_bucket_gets_large_files_in_parts_and_every_request_signed(held: Held) -> None:
    store, large = objects.in_bucket(held.bucket), os.urandom(11_000_000)
    with pytest.raises(ZeroDivisionError):
        await _fail(store)
    assert (held.objects, len(held.parts)) == ({}, 1), "an unfinished upload is no file; the bucket drops it"
    async with store.writing(KEY) as sink:
        await sink.write(large)
    assert held.objects == {f"/files/{KEY}": large}
    assert (len(held.parts), held.unsigned) == (1, 0)
    await store.remove(KEY)
    await store.remove(KEY)
    assert held.objects == {}


async def test_a_second_writer_that_fails_leaves_what_the_first_made_whole(store: Objects) -> None:
    async with store.writing(KEY) as sink:
        await sink.write(b"whole")
        await sink.close()
        with pytest.raises(ZeroDivisionError):
            await _fail(store)
    assert await _read(store) == b"whole"


async def test_of_two_writers_at_once_neither_touches_the_other_s_part(store: Objects, tmp_path: Path) -> None:
    mine, theirs = os.urandom(12_000_000), os.urandom(12_000_000)
    async with store.writing(KEY) as first:
        await first.write(theirs[:6_000_000])
        async with store.writing(KEY) as second:
            await second.write(mine)
            with pytest.raises(ZeroDivisionError):
                await _fail(store)
        assert await _read(store) == mine
        await first.write(theirs[6_000_000:])
    assert await _read(store) == theirs
    assert sum(len(names) for _, _, names in os.walk(tmp_path)) <= 1, "no part is left"


async def test_removing_takes_what_a_dead_writer_left(tmp_path: Path) -> None:
    store, part = objects.in_folder(tmp_path), tmp_path / f"{KEY}.0190b#1"
    part.parent.mkdir()
    part.write_bytes(b"half")
    await store.remove(KEY)
    assert not part.exists()


def test_a_bucket_that_is_half_set_is_refused() -> None:
    whole = {f"GUILDHALL_S3_{name}": "x" * 8 for name in ("BUCKET", "REGION", "KEY", "SECRET")}
    found = load(whole).bucket
    assert found is not None
    assert found.name == "x" * 8
    for missing in whole:
        with pytest.raises(SettingsError, match="GUILDHALL_S3_"):
            load({name: value for name, value in whole.items() if name != missing})
