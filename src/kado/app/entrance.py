"""The socket by which clients come in: bound once, shared by all HTTP processes, and shut without breaking a word."""

import ctypes
import os
import socket
import struct
import sys
from contextlib import suppress
from typing import Final

_SEND_BYTES: Final = 128 * 1024
_ATTACH_FILTER: Final = 26  # SO_ATTACH_FILTER, which Python has no name for
_DROP_ALL: Final = struct.pack("HBBI", 0x06, 0, 0, 0)  # one instruction of a packet filter: take no byte of it

_FIRST_HELD: Final = 3  # where systemd puts it


class Held(socket.socket):
    """A socket that outlives us: whoever knocks while nobody serves waits for the next server, and is not refused."""


def held() -> Held | None:
    """The socket that systemd (or whoever started us in its manner) listens at for us, if it does.

    Raises `OSError` when it is none.
    """
    if os.environ.pop("LISTEN_PID", "") != str(os.getpid()) or os.environ.pop("LISTEN_FDS", "") != "1":
        return None
    listening = Held(fileno=_FIRST_HELD)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BYTES)
    listening.set_inheritable(True)
    return listening


def bind(host: str, port: int) -> socket.socket:
    """The socket, not listening yet. Raises `OSError` when the port is taken or not allowed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio switches Nagle's delay off only where it is: otherwise the second half of an
    # answer may wait 40 ms for the client to acknowledge the first.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Otherwise the kernel keeps up to some megabytes of an answer for each client that does not take it.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BYTES)
        bound.bind((host, port))
        bound.set_inheritable(True)
    except OSError:
        bound.close()
        raise
    return bound


def shut(listening: socket.socket) -> None:
    """Let nobody in any more, in whichever process: from here on the kernel hears no knock at this socket.

    Whoever is let in while it is being closed would be cut off, perhaps after the request was sent. Who knocks now
    knocks again a second later, and is refused then, or let in by the next server. Elsewhere than on Linux nothing
    happens, and only those few are cut off. A socket that is held for us stays open to the next server.
    """
    if isinstance(listening, Held):
        return
    if sys.platform == "linux":
        program = ctypes.create_string_buffer(_DROP_ALL)
        with suppress(OSError):  # a kernel that forbids it
            listening.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program)))


def waiting(listening: socket.socket) -> list[socket.socket]:
    """The clients that the kernel let in and nobody accepted; at a socket that is held they wait on."""
    clients: list[socket.socket] = []
    if isinstance(listening, Held):
        return clients
    with suppress(OSError):  # there are no more
        while True:
            client, _ = listening.accept()
            client.settimeout(0)
            clients.append(client)
    return clients
