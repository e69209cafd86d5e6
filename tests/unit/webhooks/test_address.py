"""Which addresses are called: public ones over https. Everything else in whatever notation is not."""

import asyncio
import socket
import threading
from ipaddress import ip_address, ip_network

import pytest

from kado.webhooks.address import Blocked, Resolve, addresses_of, is_public, system_resolver, take_apart

PUBLIC = (
    "8.8.8.8 1.1.1.1 93.184.215.14 172.15.255.255 172.32.0.0 100.63.255.255 2606:4700::1111 2a00:1450:4001::1".split()
)
INSIDE = """
    0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.255 169.254.0.1 169.254.169.254 172.16.0.1
    172.31.255.255 192.0.0.1 192.0.0.170 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.1
    203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
    :: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b:1::1 100::1 2001::1
    2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1:: 2002:a00:1:: 3fff::1 4000::1 5f00::1 fc00::1 fd00:ec2::254
    fdff::1 fe80::1 fec0::1 ff02::1
""".split()

UNUSUAL = [
    "", "x", "https:", "https://", "https:///hook", "https:/hooks.example/", "//hooks.example/", "/hook",
    "hooks.example", "ftp://hooks.example/", "file:///etc/passwd", "gopher://hooks.example/", "javascript:alert(1)",
    "data:,x", "ws://hooks.example/", "https:hooks.example", "https\\://hooks.example", "https://hooks.example\\@127.0.0.1/",
    "https://user@hooks.example/", "https://user:word@hooks.example/", "https://@hooks.example/",
    "https://hooks.example@127.0.0.1/", "https://127.0.0.1@hooks.example/", "https://hooks.example:0/",
    "https://hooks.example:65536/", "https://hooks.example:-1/", "https://hooks.example:4 43/", "https://hooks.example:x/",
    "https://hooks.example:443:443/", "https://2130706433/", "https://0x7f000001/", "https://0x7f.0.0.1/", "https://127.1/",
    "https://0177.0.0.1/", "https://017700000001/", "https://127.0.0.01/", "https://127.0.0.1./", "https://127.0.1/",
    "https://0/", "https://1.2.3.4.5/", "https://256.1.1.1/", "https://0x/", "https://foo.0x1/", "https://foo.1/",
    "https://[::1", "https://::1/", "https://[::1%25lo]/", "https://[fe80::1%eth0]/", "https://[127.0.0.1]/",
    "https://[::1]x/", "https://hooks..example/", "https://.example/", "https://-hooks.example/",
    "https://ho oks.example/", "https://hooks.example/a b", "https://hooks.example/\n",
    "https://hooks.example\r\nHost: x/", "https://hooks.example\t/",
    "https://%31%32%37.0.0.1/", "https://hooks%2eexample/", "https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/", "https://１２７.0.0.1/",
    "https://127。0。0。1/", "https://hooks.example,127.0.0.1/", "https://*/", "https://hooks.example/" + "x" * 2083,
    f"https://{'x' * 64}.example/", "https://" + "x." * 127 + "xx/", "https://hooks.example\0/",
]  # fmt: skip


def answering(*addresses: str) -> Resolve:
    async def resolve(host: str, port: int) -> list[str]:
        return list(addresses)

    return resolve


async def refuses(host: str, port: int) -> list[str]:
    raise socket.gaierror(socket.EAI_NONAME, "no such name")


@pytest.mark.parametrize("url", UNUSUAL, ids=repr)
def test_what_is_written_in_an_unusual_way_is_not_taken_apart(url: str) -> None:
    with pytest.raises(Blocked):
        take_apart(url)


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "authority"),
    [
        ("https://hooks.example", "hooks.example", 443, "/", "hooks.example"),
        ("HTTPS://Hooks.EXAMPLE:443/a/b?c=d#e", "hooks.example", 443, "/a/b?c=d", "hooks.example"),
        ("https://hooks.example:8443/%41?", "hooks.example", 8443, "/%41", "hooks.example:8443"),
        ("https://hooks.example.", "hooks.example", 443, "/", "hooks.example"),
        ("https://hooks.example:/x", "hooks.example", 443, "/x", "hooks.example"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/", "xn--bcher-kva.example"),
        ("https://my_shop.example/", "my_shop.example", 443, "/", "my_shop.example"),
        ("https://1.1.1.1/", "1.1.1.1", 443, "/", "1.1.1.1"),
        ("https://[2606:4700::0001]:8443/", "2606:4700::1", 8443, "/", "[2606:4700::1]:8443"),
        ("http://10.0.0.7:80/", "10.0.0.7", 80, "/", "10.0.0.7"),
        ("https://hooks.example?x=1", "hooks.example", 443, "/?x=1", "hooks.example"),
    ],
)
def test_what_is_written_as_usual_is(url: str, host: str, port: int, path: str, authority: str) -> None:
    target = take_apart(url)
    assert (target.host, target.port, target.path, target.authority) == (host, port, path, authority)


@pytest.mark.parametrize("address", INSIDE)
async def test_an_address_that_is_not_public_is_blocked_as_itself_and_behind_a_name(address: str) -> None:
    assert not is_public(ip_address(address))
    literal = f"[{address}]" if ":" in address else address
    for url, resolve in ((f"https://{literal}/", refuses), ("https://hooks.example/", answering(address))):
        with pytest.raises(Blocked):
            await addresses_of(take_apart(url), (), resolve)


@pytest.mark.parametrize("address", PUBLIC)
async def test_a_public_address_is_called(address: str) -> None:
    assert is_public(ip_address(address))
    found = await addresses_of(take_apart("https://hooks.example/"), (), answering(address, address))
    assert found == [ip_address(address)]


@pytest.mark.parametrize("inside", ["127.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "fe80::1%eth0"])
async def test_one_address_inside_spoils_a_name(inside: str) -> None:
    for answer in ((PUBLIC[0], inside), (inside, PUBLIC[0])):
        with pytest.raises(Blocked):
            await addresses_of(take_apart("https://hooks.example/"), (), answering(*answer))


async def test_a_look_up_that_fails_blocks() -> None:
    for resolve in (refuses, answering(), answering("nonsense"), answering("")):
        with pytest.raises(Blocked):
            await addresses_of(take_apart("https://hooks.example/"), (), resolve)


async def test_the_machines_own_names_are_looked_up_and_blocked() -> None:
    for url in ("https://localhost/", "https://LOCALHOST./"):
        with pytest.raises(Blocked):
            await addresses_of(take_apart(url), (), system_resolver)


@pytest.mark.parametrize("port", [22, 25, 80, 6379, 5432, 8080, 65535])
async def test_a_public_address_is_called_on_two_ports_only(port: int) -> None:
    with pytest.raises(Blocked):
        await addresses_of(take_apart(f"https://hooks.example:{port}/"), (), answering(PUBLIC[0]))


async def test_a_public_address_is_never_called_without_tls() -> None:
    for url in ("http://hooks.example/", "http://hooks.example:443/", "http://hooks.example:8443/"):
        with pytest.raises(Blocked):
            await addresses_of(take_apart(url), (ip_network("10.0.0.0/8"),), answering(PUBLIC[0]))


async def test_a_network_that_is_named_is_called_on_any_port_without_tls_and_no_other_is() -> None:
    allowed = (ip_network("10.1.0.0/16"), ip_network("fd00:1::/64"))
    for inside in ("10.1.2.3", "fd00:1::7"):
        assert await addresses_of(take_apart("http://hooks.internal:8080/"), allowed, answering(inside))
    for outside in ("10.2.0.1", "fd00:2::7", "::ffff:10.1.2.3", "64:ff9b::a01:203"):
        with pytest.raises(Blocked):
            await addresses_of(take_apart("http://hooks.internal:8080/"), allowed, answering(outside))


async def test_name_servers_that_never_answer_stop_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop's own threads stay free, however many look-ups wait."""
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait() and [])
    waiting = [asyncio.create_task(system_resolver("slow.example", 443)) for _ in range(100)]
    try:
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            assert await asyncio.to_thread(int, "7") == 7
        assert not any(one.done() for one in waiting)
    finally:
        answered.set()
        assert await asyncio.gather(*waiting) == [[]] * 100
