"""Addresses and networks as people write them, and which of them nobody should block. No I/O."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from kado.access.address import Network

_SIX_PREFIX: Final = 64
_WIDEST: Final = {4: 16, 6: 32}
"""The shortest prefix that can be blocked: a network that one provider has, and not a good part of the world."""

_TEXT_MAX: Final = 64

# Where tills, proxies and the server itself are.
_INSIDE: Final[tuple[Network, ...]] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8 10.0.0.0/8 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16 224.0.0.0/3"
        " ::/127 fc00::/7 fe80::/10 ff00::/8"
    ).split()
)


def parse_network(text: str) -> Network | None:
    """The network, or that of a single address (of IPv6 its /64); None for anything else.

    What was written behind the prefix is cut off. An IPv4 address in the form of an IPv6 one is the IPv4 address.
    """
    if len(text) > _TEXT_MAX or "%" in text or not text.isascii():
        return None
    head, slash, prefix = text.partition("/")
    try:
        address = ip_address(head)
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            return IPv4Network(address.ipv4_mapped) if not slash else None
        if slash and not prefix.isdigit():
            return None
        network = ip_network(text, strict=False)
    except ValueError:
        return None
    if isinstance(network, IPv6Network) and network.prefixlen > _SIX_PREFIX:
        return network.supernet(new_prefix=_SIX_PREFIX)
    return network


def why_not(network: Network, own: Sequence[Network]) -> str | None:
    """Why this network is not blocked; None where it may be. `own` are the proxies' and the caller's own."""
    if network.prefixlen < _WIDEST[network.version]:
        return f"A network that is blocked has a prefix of at least /{_WIDEST[network.version]}."
    if any(network.version == one.version and network.overlaps(one) for one in _INSIDE):
        return "That is an address inside somebody's own network, where tills and proxies are."
    if any(network.version == one.version and network.overlaps(one) for one in own):
        return "Your own address, or that of a trusted proxy, lies in it."
    return None
