"""Where a logo may come from: a public address over HTTPS. It is never fetched here,
and loaded by no page of Kado's: it is for the merchant's own front end."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address, IPv6Network
from typing import Final
from urllib.parse import urlsplit

Fault = tuple[str, str]
"""A code and a sentence."""

# Visible ASCII but the backslash, which browsers take for a slash.
_PLAIN: Final = re.compile(r"[\x21-\x5b\x5d-\x7e]+")
_AUTHORITY: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::[0-9]{1,5})?")
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_INTERNAL: Final = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "localdomain", "arpa", "onion")
_UNICAST: Final = IPv6Network("2000::/3")
_INVALID: Fault = ("logo_url_invalid", "This is not the address of a picture.")
_PRIVATE: Fault = ("logo_host_private", "The logo's address leads into a private network; visitors cannot see it.")


def fault(url: str) -> Fault | None:
    """What is wrong with the address; None when nothing is. Names are not looked up."""
    if not _PLAIN.fullmatch(url):
        return _INVALID
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return _INVALID
    if parts.scheme != "https":
        return ("logo_not_https", "A logo is loaded over https, from an address that begins with https://.")
    if host is None or not _AUTHORITY.fullmatch(parts.netloc):
        return _INVALID
    return _address_fault(host, IPv6Address) if parts.netloc.startswith("[") else _host_fault(host.removesuffix("."))


def _host_fault(host: str) -> Fault | None:
    labels = host.split(".")
    # Browsers take a host whose last label is a number for an address, in forms such as 127.1 or 0x7f000001 as well.
    if _NUMBER.fullmatch(labels[-1]):
        return _address_fault(host, IPv4Address)
    if not all(_LABEL.fullmatch(label) for label in labels):
        return _INVALID
    return _PRIVATE if labels[-1] in _INTERNAL or len(labels) == 1 else None


def _address_fault(host: str, kind: type[IPv4Address] | type[IPv6Address]) -> Fault | None:
    """Only addresses in their usual form that belong to the public network pass."""
    try:
        address = kind(host)
    except AddressValueError:
        return _INVALID
    is_public = address.is_global and not address.is_multicast
    if isinstance(address, IPv6Address):
        # Outside of it, and in the two tunnels, an address is one of the older sort in disguise.
        is_public = is_public and address in _UNICAST and not (address.sixtofour or address.teredo)
    return None if is_public else _PRIVATE
