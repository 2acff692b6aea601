"""Where a webhook may go: rules on an endpoint's address, and on the network address that its name resolves to.

The name is resolved by us for each delivery and the connection goes to the address that was checked, so a name that
points elsewhere a moment later gains nothing. Addresses of the IANA special-purpose registries are refused, and so
are forms of IPv6 in which another address is wrapped up: whoever translates them may lead anywhere.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from guildhall.core.i18n import N_

LONGEST_URL = 2000
HTTPS_PORT = 443
_CLOSED_V4 = tuple(
    ip_network(each)
    for each in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
_GLOBAL_V6 = ip_network("2000::/3")
_CLOSED_V6 = tuple(ip_network(each) for each in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Reach(Struct, frozen=True):
    """What this installation lets webhooks reach: `least_port` beside 443; `loopback` is for trying things out."""

    least_port: int = 1024
    loopback: bool = False


_reach: list[Reach] = [Reach()]


def configure(reach: Reach) -> None:
    """Take the installation's rules."""
    _reach[:] = [reach]


def reach() -> Reach:
    """Return the installation's rules."""
    return _reach[0]


def wrong(url: str) -> str:
    """Return why `url` can be no endpoint's address, as a sentence for whoever typed it, or an empty text."""
    try:
        parts = urlsplit(url)
        port = parts.port or HTTPS_PORT
    except ValueError:
        return N_("This is not an address")
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url or not parts.hostname:
        return N_("Give an address such as https://hooks.example.com/guildhall, at most 2000 characters")
    if parts.username is not None or parts.password is not None or parts.fragment:
        return N_("The address must hold no name, password or fragment")
    return "" if _to_self(parts) else _wrong_place(parts.scheme, parts.hostname, port)


def _wrong_place(scheme: str, host: str, port: int) -> str:
    """Return what is wrong with where an address leads, or an empty text."""
    if scheme != "https":
        return N_("The address must begin with https://")
    if port != HTTPS_PORT and port < _reach[0].least_port:
        return N_("This port is not allowed: take 443 or a high one")
    return N_("This address is not reachable from the public Internet") if _literal_closed(host) else ""


def closed(address: str) -> bool:
    """Return whether a webhook may not be sent to this network address."""
    try:
        found = ip_address(address)
    except ValueError:  # an address with a zone belongs to one network only
        return True
    if isinstance(found, IPv4Address):
        return any(found in network for network in _CLOSED_V4)
    return _closed_v6(found)


def refused(parts: SplitResult, addresses: Iterable[str]) -> bool:
    """Return whether a delivery to `parts` is refused, whose name resolves to `addresses`: one closed is enough."""
    listed = list(addresses)
    if _to_self(parts):
        return not all(ip_address(address).is_loopback for address in listed)
    return not listed or any(closed(address) for address in listed)


def _to_self(parts: SplitResult) -> bool:
    """Return whether the address is this machine's own and the installation allows that."""
    return _reach[0].loopback and parts.scheme in {"http", "https"} and parts.hostname in _LOOPBACK


def _closed_v6(address: IPv6Address) -> bool:
    return address.scope_id is not None or address not in _GLOBAL_V6 or any(address in net for net in _CLOSED_V6)


def _literal_closed(host: str) -> bool:
    """Return whether the host is written as a network address that is closed."""
    try:
        ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return closed(host)
