"""The socket by which clients come in: whoever is in when it is shut is served, nobody is let in after that."""

import socket
import sys

import pytest

from kado.app import entrance

HOSTS = ["127.0.0.1", "::1"]


def knock(at: socket.socket) -> socket.socket:
    """A client that was let in. Raises `OSError` for one that was not."""
    return socket.create_connection(at.getsockname()[:2], timeout=0.3)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kernel lets some in to the end")
@pytest.mark.parametrize("host", HOSTS)
def test_nobody_is_let_in_while_it_is_being_closed(host: str) -> None:
    with entrance.bind(host, 0) as listening:
        listening.listen(8)
        listening.settimeout(0)
        early = knock(listening)
        entrance.shut(listening)
        entrance.shut(listening)
        with pytest.raises(TimeoutError):
            knock(listening)
        (client,) = entrance.waiting(listening)
        with early, client:
            early.sendall(b"hello")
            client.settimeout(5)
            assert client.recv(5) == b"hello"
        with pytest.raises(TimeoutError):
            knock(listening)
        assert entrance.waiting(listening) == []


@pytest.mark.parametrize("host", HOSTS)
def test_those_who_are_let_in_come_in_their_order(host: str) -> None:
    with entrance.bind(host, 0) as listening:
        listening.listen(8)
        listening.settimeout(0)
        clients = [knock(listening) for _ in range(3)]
        accepted = entrance.waiting(listening)
        assert [one.getpeername() for one in accepted] == [one.getsockname() for one in clients]
        for one in (*clients, *accepted):
            one.close()
