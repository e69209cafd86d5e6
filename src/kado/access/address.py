"""Where a request comes from, for the limits on guessing: never what the caller says of itself."""

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_TRACE: Final = b"traceparent"
_FORWARDED: Final = b"x-forwarded-for"
_WITH_PORT: Final = re.compile(r"\[(?P<six>[0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?|(?P<four>[0-9.]+):[0-9]{1,5}")
_CHARS_MAX: Final = 64
_COUNTRY: Final = re.compile(r"[A-Z]{2}")


def client_address(
    peer: str | None, headers: Iterable[tuple[bytes, bytes]], trusted_networks: Sequence[Network]
) -> str:
    """The client's address, IPv6 as its /64 (one household or server has a whole one).

    `peer` is the other end of the connection; `headers` are the raw ones, since the same header may come twice.
    `X-Forwarded-For` is believed only from a peer in the trusted networks, and only as far as trusted proxies wrote it:
    from the right, up to the first address that is not one of theirs. Where that is no address, it is the peer.
    """
    nearest = _parsed(peer or "")
    if nearest is None:
        return peer or "unknown"
    if not _is_trusted(nearest, trusted_networks):
        return _grouped(nearest)
    client = nearest
    for hop in reversed(_hops(headers)):
        address = _parsed(hop)
        if address is None:
            return _grouped(nearest)
        client = address
        if not _is_trusted(address, trusted_networks):
            break
    return _grouped(client)


def client_country(
    peer: str | None, headers: Iterable[tuple[bytes, bytes]], trusted_networks: Sequence[Network], header: str | None
) -> str | None:
    """The two letters of the client's country in this header, which is believed from a trusted proxy alone.

    None where nobody says, or says something else; `XX` stands for an unknown one.
    """
    nearest = _parsed(peer or "")
    if header is None or nearest is None or not _is_trusted(nearest, trusted_networks):
        return None
    wanted = header.lower().encode()
    said = {value.strip().upper() for name, value in headers if name.lower() == wanted}
    code = said.pop().decode("latin-1") if len(said) == 1 else ""
    return code if _COUNTRY.fullmatch(code) and code != "XX" else None


def client_trace(
    peer: str | None, headers: Iterable[tuple[bytes, bytes]], trusted_networks: Sequence[Network]
) -> str | None:
    """The `traceparent` of a trusted proxy; whoever else sends one is part of no trace of ours."""
    nearest = _parsed(peer or "")
    if nearest is None or not _is_trusted(nearest, trusted_networks):
        return None
    said = [value for name, value in headers if name.lower() == _TRACE]
    return said[0].decode("latin-1") if len(said) == 1 and len(said[0]) <= _CHARS_MAX else None


def _hops(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    value = b",".join(value for name, value in headers if name.lower() == _FORWARDED)
    return [hop.strip(" \t") for hop in value.decode("latin-1").split(",")] if value else []


def _parsed(text: str) -> Address | None:
    if len(text) > _CHARS_MAX:
        return None
    match = _WITH_PORT.fullmatch(text)
    if match is not None:
        text = match["six"] or match["four"]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _is_trusted(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _grouped(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address) >> 64 << 64, 64)))
