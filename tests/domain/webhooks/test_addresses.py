"""Where webhooks may go: to the public Internet, by a name whose every address was checked, and never further."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from guildhall import runtime
from guildhall.adapters.webhooks.posting import Posting
from guildhall.domain.webhooks import addresses
from guildhall.domain.webhooks.carrier import Unsent
from guildhall.settings import SettingsError, load
from support_certificates import Authority
from support_receivers import Receiver, receiver

pytestmark = pytest.mark.anyio
CLOSED = (
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",  # noqa: S104
    "224.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.2.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1",
    "ff02::1", "::ffff:8.8.8.8", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001::1",
    "2001:db8::1", "::8.8.8.8", "nonsense",
)  # fmt: skip


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.mark.parametrize("address", CLOSED)
def test_an_address_inside_some_network_is_closed(address: str) -> None:
    assert addresses.closed(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001:800::200e"])
def test_an_address_of_the_internet_is_open(address: str) -> None:
    assert not addresses.closed(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/", "https://user:secret@hooks.example.com/", "https://hooks.example.com/#part",
        "https://127.0.0.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://localhost/", "https://a.localhost/",
        "https://hooks.example.com:22/", "https://hooks.example.com:99999/", "ftp://hooks.example.com/", "hooks", "",
        "https://hooks.example.com/a b", "https://hooks.example.com/" + "a" * 2000, "https://h\u00f6oks.example/",
        "http://127.0.0.1:9000/", "https:///path",
    ],
)  # fmt: skip
def test_what_cannot_be_an_endpoint_is_refused_when_it_is_typed(url: str) -> None:
    assert addresses.wrong(url)


@pytest.mark.parametrize(
    "url", ["https://hooks.example.com/a?b=c", "https://hooks.example.com:8443/", "https://8.8.8.8/"]
)
def test_an_ordinary_address_is_taken(url: str) -> None:
    assert addresses.wrong(url) == ""


def leading_to(*found: str) -> Posting:
    async def resolve(_host: str, _port: int) -> list[str]:
        return list(found)

    return Posting(resolve)


@pytest.mark.parametrize("found", [("127.0.0.1",), ("8.8.8.8", "10.0.0.1"), ("64:ff9b::a00:1",), ()])
async def test_a_name_that_leads_inside_is_refused_before_any_connection(
    found: tuple[str, ...], hooks: Receiver, anyio_backend: str
) -> None:
    with pytest.raises(Unsent, match=r"public Internet|no address"):
        await leading_to(*found).post(f"https://inside.example:{hooks.port}/", headers={}, body=b"{}")
    assert hooks.came == []


async def test_even_where_loopback_is_allowed_a_name_does_not_lead_there(hooks: Receiver, anyio_backend: str) -> None:
    for url in (f"http://inside.example:{hooks.port}/", f"http://127.0.0.1.nip.example:{hooks.port}/"):
        with pytest.raises(Unsent, match="not allowed"):
            await leading_to("127.0.0.1").post(url, headers={}, body=b"{}")
    with pytest.raises(Unsent, match="public Internet"):
        await leading_to("10.0.0.1").post(f"http://localhost:{hooks.port}/", headers={}, body=b"{}")
    assert hooks.came == []


async def test_a_redirect_is_an_answer_and_nobody_follows_it(hooks: Receiver, anyio_backend: str) -> None:
    hooks.answers, hooks.location = [307], hooks.url + "/further"
    reply = await Posting().post(hooks.url, headers={}, body=b"{}")
    assert reply.status == 307
    assert len(hooks.came) == 1


async def test_the_connection_goes_to_the_address_that_was_checked(hooks: Receiver, anyio_backend: str) -> None:
    asked = []

    async def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    reply = await Posting(resolve).post(f"http://localhost:{hooks.port}/", headers={}, body=b"{}")
    assert reply.status == 204
    assert asked == ["localhost"], "resolved once"
    assert hooks.came[0][0]["host"] == f"localhost:{hooks.port}"


async def test_the_next_address_is_tried_only_where_nobody_can_have_taken_it(
    hooks: Receiver, anyio_backend: str
) -> None:
    url = f"http://localhost:{hooks.port}/"
    assert (await leading_to("127.0.0.2", "127.0.0.1").post(url, headers={}, body=b"{}")).status == 204
    hooks.hangs_up = True
    with pytest.raises(Unsent, match="broke off"):
        await leading_to("127.0.0.1", "127.0.0.1").post(url, headers={}, body=b"{}")
    assert len(hooks.came) == 2, "the one that was taken, and one that broke off"


async def test_of_a_long_answer_two_kilobytes_are_read(hooks: Receiver, anyio_backend: str) -> None:
    hooks.answers, hooks.body = [200], b"x" * 5_000_000
    assert len((await Posting().post(hooks.url, headers={}, body=b"{}")).body) == 2048


@pytest.mark.parametrize(
    ("name", "days", "said"),
    [("elsewhere.example", 30, "not valid for this name"), ("localhost", -1, "has expired"), ("localhost", 30, "")],
)
async def test_a_certificate_is_for_the_name_and_for_now(
    tmp_path: Path, name: str, days: int, said: str, anyio_backend: str
) -> None:
    authority = Authority(tmp_path)
    trusting = Posting(authorities=authority.file)
    with receiver(authority.serving(name, days=days)) as hooks:
        if said:
            with pytest.raises(Unsent, match=said):
                await trusting.post(hooks.url, headers={}, body=b"{}")
        else:
            assert (await trusting.post(hooks.url, headers={}, body=b"{}")).status == 204


@pytest.mark.parametrize("held", [None, b"", b"no certificate"])
def test_authorities_that_cannot_be_read_are_refused_at_the_start(tmp_path: Path, held: bytes | None) -> None:
    file = tmp_path / "authorities.pem"
    if held is not None:
        file.write_bytes(held)
    with pytest.raises(SettingsError, match="GUILDHALL_WEBHOOK_CA_FILE"):
        runtime.open_webhooks(load({"GUILDHALL_WEBHOOK_CA_FILE": str(file)}))
