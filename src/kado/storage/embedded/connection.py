"""How others reach the running database: the connection file, the address, and whether it answers."""

import json
import os
import socket
import struct
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

from kado.storage.embedded.cluster import DATABASE, OWNER
from kado.storage.embedded.place import connection_file, write_private

# Only the name of the socket file is made of it; nothing listens on TCP.
PORT = 5432
_PROTOCOL = 3 << 16


@dataclass(frozen=True)
class Connection:
    """What the connection file says. The password is not part of it."""

    socket: str
    port: int
    version: str
    pid: int


def write_connection(data_dir: Path, connection: Connection) -> None:
    """Say that the database is up, and where."""
    write_private(connection_file(data_dir), json.dumps(asdict(connection)) + "\n")


def read_connection(data_dir: Path) -> Connection | None:
    """The connection file, if the database is said to be up."""
    try:
        says = json.loads(connection_file(data_dir).read_text())
        return Connection(str(says["socket"]), int(says["port"]), str(says["version"]), int(says["pid"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def remove_connection(data_dir: Path) -> None:
    """Say that the database is not up."""
    connection_file(data_dir).unlink(missing_ok=True)


def url_for(socket_directory: Path | str, password: str) -> str:
    """The address for asyncpg. The port is named, since a PGPORT in the environment would decide it otherwise."""
    host = quote(os.fspath(socket_directory), safe="")
    return f"postgresql://{OWNER}:{quote(password, safe='')}@/{DATABASE}?host={host}&port={PORT}"


def answers(connection: Connection) -> bool:
    """Whether a database accepts connections there now: it does when it goes on to ask for the password."""
    greeting = f"user\0{OWNER}\0database\0{DATABASE}\0\0".encode()
    try:
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(2)
            stream.connect(f"{connection.socket}/.s.PGSQL.{connection.port}")
            stream.sendall(struct.pack("!II", len(greeting) + 8, _PROTOCOL) + greeting)
            # Read whole: closing on unread bytes would leave a complaint in the database's log.
            return stream.recv(4096).startswith(b"R")
    except OSError:
        return False
