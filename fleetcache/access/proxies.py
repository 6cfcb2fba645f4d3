"""From which address somebody really comes, when proxies stand between."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

_LOOPBACK: tuple[IPv4Network | IPv6Network, ...] = (
    ipaddress.IPv4Network("127.0.0.0/8"),
    ipaddress.IPv6Network("::1/128"),
)


def client(
    peer: str, forwarded_for: Sequence[str], trusted: Sequence[IPv4Network | IPv6Network]
) -> IPv4Address | IPv6Address | None:
    """The address of whoever asks: the last one in the chain of ``X-Forwarded-For`` and ``peer`` that is not
    a trusted proxy. None where that cannot be said.

    The web server may have put an address of the chain in the place of the peer before we see it: it does so
    for the peers that *it* trusts (FORWARDED_ALLOW_IPS, by default this machine). If all of those are trusted
    by us as well, the chain has the same end either way; if not, nobody can say who the peer was.
    """
    at_hand = [_address(part) for line in forwarded_for for part in line.split(",")]
    if at_hand and not all(_covers(trusted, network) for network in _servers_own()):
        return None
    chain = [*at_hand, _address(peer)]
    while len(chain) > 1 and (last := chain[-1]) is not None and _trusts(trusted, last):
        chain.pop()
    return chain[-1]


def origin(peer: str, forwarded_for: Sequence[str], trusted: Sequence[IPv4Network | IPv6Network]) -> str:
    """From where somebody comes, as the audit names it."""
    found = client(peer, forwarded_for, trusted)
    return str(found) if found else f"{peer or 'nowhere'} (unverified)"


def trusts(trusted: Sequence[IPv4Network | IPv6Network], address: str) -> bool:
    """Whether a peer is one of the trusted proxies."""
    parsed = _address(address)
    return parsed is not None and _trusts(trusted, parsed)


def is_loopback(address: str) -> bool:
    """Whether an IPv4, IPv6 or mapped address is this machine's loopback."""
    parsed = _address(address)
    return parsed is not None and parsed.is_loopback


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An address as it is written in a header: perhaps in brackets, perhaps with a port."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed


def _servers_own() -> list[IPv4Network | IPv6Network]:
    """The proxies that the web server trusts by itself."""
    named = os.environ.get("FORWARDED_ALLOW_IPS")
    if named is None:
        return list(_LOOPBACK)
    found: list[IPv4Network | IPv6Network] = []
    for part in filter(None, map(str.strip, named.split(","))):
        everybody = "0.0.0.0/0" if part == "*" else part
        try:
            found.append(ipaddress.ip_network(everybody, strict=False))
        except ValueError:
            continue  # the name of a socket: nobody comes from there to a port
    return found


def _covers(trusted: Sequence[IPv4Network | IPv6Network], network: IPv4Network | IPv6Network) -> bool:
    # The loopback is one machine, whichever of its addresses is named.
    return any((network.is_loopback and each.is_loopback) or _within(network, each) for each in trusted)


def _within(inner: IPv4Network | IPv6Network, outer: IPv4Network | IPv6Network) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def _trusts(trusted: Sequence[IPv4Network | IPv6Network], address: IPv4Address | IPv6Address) -> bool:
    return any((address.is_loopback and network.is_loopback) or address in network for network in trusted)
