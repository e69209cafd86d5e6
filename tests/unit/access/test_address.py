"""The client's address is what trusted proxies saw, never what the client wrote."""

from ipaddress import ip_network

import pytest

from kado.access.address import client_address, client_country

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("127.0.0.1/32"), ip_network("2001:db8:ffff::/48"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        # no proxy
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["1.2.3.4"], "203.0.113.9"),
        ("203.0.113.9", ["10.0.0.1, 127.0.0.1"], "203.0.113.9"),
        # one proxy, two proxies, what the client prepended
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["1.2.3.4, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["1.2.3.4", "203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["10.0.0.3, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["nonsense, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9\t,\t10.0.0.2 "], "203.0.113.9"),
        # only proxies
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.7, 10.0.0.2"], "10.0.0.7"),
        # garbage where the proxy should have written
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", [","], "10.0.0.1"),
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9, _hidden"], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9,"], "10.0.0.1"),
        ("10.0.0.1", ["0x7f.1"], "10.0.0.1"),
        ("10.0.0.1", ["2130706433"], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.09"], "10.0.0.1"),
        ("10.0.0.1", ["999.1.1.1"], "10.0.0.1"),
        ("10.0.0.1", ["1.2.3.4" * 2000], "10.0.0.1"),
        ("10.0.0.1", ["\u00b2.2.2.2"], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9, bad, 10.0.0.2"], "10.0.0.1"),
        # ports
        ("10.0.0.1", ["203.0.113.9:443"], "203.0.113.9"),
        ("10.0.0.1", ["[2001:db8:1:2:3:4:5:6]:443"], "2001:db8:1:2::/64"),
        ("10.0.0.1", ["[2001:db8:1:2:3:4:5:6]"], "2001:db8:1:2::/64"),
        ("10.0.0.1", ["203.0.113.9:http"], "10.0.0.1"),
        # IPv6 by its /64, IPv4 in IPv6's clothes
        ("2001:db8:1:2:3:4:5:6", [], "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", [], "2001:db8:1:2::/64"),
        ("2001:DB8:1:3::1", [], "2001:db8:1:3::/64"),
        ("::1", [], "::/64"),
        ("fe80::1%eth0", [], "fe80::/64"),
        ("::ffff:203.0.113.9", [], "203.0.113.9"),
        ("::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("::ffff:127.0.0.1", ["::ffff:203.0.113.9"], "203.0.113.9"),
        ("2001:db8:ffff::1", ["203.0.113.9"], "203.0.113.9"),
        ("2001:db8:ffff::1", ["2001:db8:2::1"], "2001:db8:2::/64"),
        # no address at all: a socket in the file system, a test client
        (None, ["203.0.113.9"], "unknown"),
        ("", ["203.0.113.9"], "unknown"),
        ("testclient", ["203.0.113.9"], "testclient"),
    ],
)
def test_client_address(peer: str | None, forwarded: list[str], client: str) -> None:
    headers = [(b"Host", b"kado.example"), *((b"X-Forwarded-For", value.encode("latin-1")) for value in forwarded)]
    assert client_address(peer, headers, TRUSTED) == client


def test_without_trusted_networks_the_header_means_nothing() -> None:
    assert client_address("127.0.0.1", [(b"x-forwarded-for", b"203.0.113.9")], ()) == "127.0.0.1"


def test_other_headers_are_never_believed() -> None:
    headers = [(b"x-real-ip", b"1.2.3.4"), (b"forwarded", b"for=1.2.3.4"), (b"x-client-ip", b"1.2.3.4")]
    assert client_address("10.0.0.1", headers, TRUSTED) == "10.0.0.1"


COUNTRY = "CF-IPCountry"


@pytest.mark.parametrize(
    ("peer", "said", "country"),
    [
        ("10.0.0.1", [b"DE"], "DE"),
        ("10.0.0.1", [b" at "], "AT"),
        ("10.0.0.1", [b"DE", b"DE"], "DE"),
        ("10.0.0.1", [b"DE", b"FR"], None),
        ("10.0.0.1", [b"XX"], None),
        ("10.0.0.1", [b"T1"], None),
        ("10.0.0.1", [b"DEU"], None),
        ("10.0.0.1", [b"\xff\xfe"], None),
        ("10.0.0.1", [], None),
        ("203.0.113.7", [b"DE"], None),  # whoever calls says so, and no proxy
        (None, [b"DE"], None),
    ],
)
def test_a_country_is_what_a_trusted_proxy_says(peer: str | None, said: list[bytes], country: str | None) -> None:
    headers = [(b"cf-ipcountry", value) for value in said]
    assert client_country(peer, headers, TRUSTED, COUNTRY) == country
    assert client_country(peer, headers, TRUSTED, None) is None
