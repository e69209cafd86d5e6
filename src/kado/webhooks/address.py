"""Which addresses may be called. None inside the operator's network, unless the operator has named it.

A name is looked up once, here; every address that it has must be a public one, and the caller connects to exactly one
of these. Nothing is looked up a second time, so that an answer which changes in between (rebinding) changes nothing.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Networks = Sequence[IPv4Network | IPv6Network]
Resolve = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a host name, as text; an `OSError` when there are none."""

_LOOK_UPS: Final = ThreadPoolExecutor(16, thread_name_prefix="look-up")
"""Threads of their own: a name server that never answers keeps them long after nobody waits any more, and may stop
other webhooks, but not the rest of the program, which has the loop's own threads."""

URL_MAX: Final = 2083
_PUBLIC_PORTS: Final = frozenset({443, 8443})
_URL: Final = re.compile(r"[\x21-\x7e]+")
_PORT: Final = re.compile(r"[0-9]{1,5}")
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")

# The special-purpose registries of IANA, as far as they are not public. Listed here, because what Python calls
# "global" differs from version to version.
_NOT_PUBLIC: Final = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        # Inside the one public block of IPv6: Teredo and other protocols, documentation, 6to4.
        "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
    )
)  # fmt: skip
_PUBLIC_V6: Final = IPv6Network("2000::/3")
"""Everything else of IPv6 is local, or an IPv4 address in disguise (mapped, compatible, NAT64)."""


class Blocked(Exception):
    """The address may not be called. Says no more than that: which names exist inside is nobody's business."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart by one parser, so that no two parts of the program read it differently."""

    scheme: str
    host: str
    """A name in lower-case ASCII, or an address without brackets."""
    port: int
    path: str
    """With its query."""

    @property
    def authority(self) -> str:
        """The value of the `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.scheme == "https" else 80
        return host if self.port == usual else f"{host}:{self.port}"


def take_apart(url: str) -> Target:
    """The parts of an http:// or https:// URL. Raises `Blocked` for any that is written in an unusual way."""
    if len(url) > URL_MAX or not _URL.fullmatch(url) or "\\" in url:
        raise Blocked
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Blocked from None
    if parts.scheme not in ("http", "https") or "@" in parts.netloc or not url.lower().startswith(f"{parts.scheme}://"):
        raise Blocked
    host, port = _host_and_port(parts.netloc, 443 if parts.scheme == "https" else 80)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port, path)


async def addresses_of(target: Target, allowed: Networks, resolve: Resolve) -> list[Address]:
    """The addresses to connect to, best first. Raises `Blocked` unless every single one of them may be called."""
    try:
        found: list[Address] = [ip_address(target.host)]
    except ValueError:
        try:
            # Whatever a resolver adds after a percent sign names an interface of this machine.
            found = [ip_address(text) for text in await resolve(target.host, target.port)]
        except (OSError, ValueError, UnicodeError):
            raise Blocked from None
    if not found or not all(_may_be_called(address, target, allowed) for address in found):
        raise Blocked
    return list(dict.fromkeys(found))


async def system_resolver(host: str, port: int) -> list[str]:
    """The machine's own look-up."""
    look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    rows = await asyncio.get_running_loop().run_in_executor(_LOOK_UPS, look_up)
    return [str(row[4][0]) for row in rows]


def is_public(address: Address) -> bool:
    """Whether the address belongs to the internet at large."""
    if isinstance(address, IPv6Address) and (address not in _PUBLIC_V6 or address.scope_id is not None):
        return False
    return not any(address in network for network in _NOT_PUBLIC)


def _may_be_called(address: Address, target: Target, allowed: Networks) -> bool:
    if any(address in network for network in allowed):
        return True
    return target.scheme == "https" and target.port in _PUBLIC_PORTS and is_public(address)


def _host_and_port(netloc: str, usual: int) -> tuple[str, int]:
    """Host and port, taken apart by hand: the library's own ways forgive too much."""
    if netloc.startswith("["):
        literal, bracket, rest = netloc[1:].partition("]")
        if not bracket or "%" in literal:
            raise Blocked
        host = _address_text(literal, IPv6Address)
    else:
        name, colon, rest = netloc.partition(":")
        rest = colon + rest
        host = _name(name)
    if rest in ("", ":"):
        return host, usual
    if not rest.startswith(":") or not _PORT.fullmatch(rest[1:]) or not 0 < int(rest[1:]) <= 65535:
        raise Blocked
    return host, int(rest[1:])


def _name(text: str) -> str:
    """A host name, in ASCII as everything in a URL. A number is an IPv4 address in the usual form, or refused."""
    labels = text.lower().split(".")
    if _NUMBER.fullmatch(labels[-1]) or (labels[-1] == "" and len(labels) > 1 and _NUMBER.fullmatch(labels[-2])):
        return _address_text(text, IPv4Address)
    name = text.lower().removesuffix(".")
    if not name or len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise Blocked
    return name


def _address_text(text: str, kind: type[IPv4Address | IPv6Address]) -> str:
    try:
        return str(kind(text))
    except ValueError:
        raise Blocked from None
