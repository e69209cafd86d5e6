"""The file of a backup: a readable head, then the data in numbered pieces, each with a tag of its own.

    KADO BACKUP 1\\n
    4 bytes length, then the head: a JSON object (`Head`)
    pieces: 4 bytes length, 1 byte whether it is the last, then the piece as the head's lock closes it

A piece is bound to the head, to its number and to whether it is the last one. So a file that was cut, damaged, put in
another order or extended is found out. The pieces together are one zlib stream. Reading and writing take a few
megabytes, however large the file is.
"""

import hashlib
import json
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import IO, Any, Final, Literal

from kado.storage.backup.errors import BackupError
from kado.storage.backup.locks import TAG_BYTES, Damaged, Locker, Seal
from kado.storage.embedded.errors import explained

MAGIC: Final = b"KADO BACKUP 1\n"
PIECE_BYTES: Final = 2**20
_HEAD_BYTES_MAX: Final = 2**16
_SUBJECT: Final = "The backup"
_FRAME: Final = struct.Struct(">I?")

Kind = Literal["cluster", "dump"]


@dataclass(frozen=True)
class Head:
    """What can be read of a backup without opening it.

    `postgres` is the version that can read the data, or a later one for a dump. `keys` name the secrets that the data
    was written under, as `Keyring.versions` does. `system` is PostgreSQL's number of the cluster, which its archive is
    filed under.
    """

    kind: Kind
    made_at: str
    kado: str
    schema: str
    postgres: str
    keys: list[str]
    system: str = ""
    lock: dict[str, Any] | None = None

    @property
    def major(self) -> int:
        """18 for PostgreSQL 18.4."""
        return int(self.postgres.split(".")[0])


class Writer:
    """Writes the data of one backup. Nothing counts before `finish`."""

    def __init__(self, stream: IO[bytes], head: Head, locker: Locker) -> None:
        says = json.dumps(asdict(head)).encode()
        self._stream = stream
        self._seal = locker.seal(head.lock, _about(says))
        self._zip = zlib.compressobj(1)
        self._waiting = bytearray()
        self._number = 0
        stream.write(MAGIC + len(says).to_bytes(4, "big") + says)

    def write(self, data: bytes) -> None:
        """The next part of the data."""
        self._waiting += self._zip.compress(data)
        while len(self._waiting) > PIECE_BYTES:
            self._put(bytes(self._waiting[:PIECE_BYTES]), is_last=False)
            del self._waiting[:PIECE_BYTES]

    def finish(self) -> None:
        """The data is complete."""
        self._waiting += self._zip.flush()
        while len(self._waiting) > PIECE_BYTES:
            self._put(bytes(self._waiting[:PIECE_BYTES]), is_last=False)
            del self._waiting[:PIECE_BYTES]
        self._put(bytes(self._waiting), is_last=True)

    def _put(self, piece: bytes, *, is_last: bool) -> None:
        closed = self._seal.close(_place(self._number, is_last), piece)
        self._stream.write(_FRAME.pack(len(closed), is_last) + closed)
        self._number += 1


class Backup:
    """A backup that can be read, from its head on. Every reading checks what it reads.

    `read` is how many of its bytes the last reading has taken so far.
    """

    def __init__(self, path: Path, head: Head, begins: int, seal: Seal) -> None:
        self.path = path
        self.head = head
        self.read = 0
        self._begins = begins
        self._seal = seal

    @property
    def size(self) -> int:
        """How many bytes the file has."""
        return self.path.stat().st_size

    def data(self) -> Iterator[bytes]:
        """The data, part by part; it is complete when the iteration ends. Raises `BackupError` when it is not whole."""
        with explained(self.path, _SUBJECT), self.path.open("rb") as stream:
            stream.seek(self._begins)
            unzip = zlib.decompressobj()
            try:
                for piece in self._pieces(stream):
                    yield from _unzipped(unzip, piece)
            except zlib.error:
                raise self._refusal("is damaged") from None
            if not unzip.eof or unzip.unused_data:
                raise self._refusal("is damaged")

    def _pieces(self, stream: IO[bytes]) -> Iterator[bytes]:
        number, is_last = 0, False
        while not is_last:
            frame = stream.read(_FRAME.size)
            if len(frame) < _FRAME.size:
                raise self._refusal("was cut off: its end is missing")
            length, is_last = _FRAME.unpack(frame)
            if not TAG_BYTES <= length <= PIECE_BYTES + TAG_BYTES:
                raise self._refusal("is damaged")
            closed = stream.read(length)
            if len(closed) < length:
                raise self._refusal("was cut off: its end is missing")
            try:
                yield self._seal.open(_place(number, is_last), closed)
            except Damaged:
                raise self._not_opened(number) from None
            number += 1
            self.read = stream.tell()
        if stream.read(1):
            raise self._refusal("is damaged: something was added to it")

    def _not_opened(self, number: int) -> BackupError:
        if number == 0 and self.head.lock is not None:
            return BackupError(
                f"{self.path} does not open: that is not its {self.head.lock.get('with')}, or the file is damaged. "
                "Nothing was restored."
            )
        return self._refusal("is damaged")

    def _refusal(self, what: str) -> BackupError:
        return BackupError(f"{self.path} {what}. Use another copy of it, or another backup.")


@contextmanager
def writing(path: Path, head: Head, locker: Locker) -> Iterator[Writer]:
    """A new file, readable for its owner only. It gets its name when it is complete and on the disk."""
    with explained(path, _SUBJECT):
        if path.exists():
            raise BackupError(f"{path} exists already. Choose another name.")
        unfinished = path.with_name(f".{path.name}.unfinished")
        unfinished.unlink(missing_ok=True)
        try:
            with open(unfinished, "xb", opener=_open_private) as stream:
                writer = Writer(stream, head, locker)
                yield writer
                writer.finish()
                stream.flush()
                os.fsync(stream.fileno())
            unfinished.rename(path)
        finally:
            unfinished.unlink(missing_ok=True)


def open_backup(path: Path, locker: Locker) -> Backup:
    """The backup in `path`. Only its head is looked at. Raises `BackupError`."""
    with explained(path, _SUBJECT), path.open("rb") as stream:
        if stream.read(len(MAGIC)) != MAGIC:
            raise BackupError(f"{path} is not a backup that Kado made, or one of another version of it.")
        length = int.from_bytes(stream.read(4), "big")
        says = stream.read(length) if length <= _HEAD_BYTES_MAX else b""
        head = _read_head(says) if len(says) == length else None
        if head is None:
            raise BackupError(f"{path} is damaged. Use another copy of it, or another backup.")
        return Backup(path, head, stream.tell(), locker.seal(head.lock, _about(says)))


def _read_head(says: bytes) -> Head | None:
    try:
        members = json.loads(says)
        head = Head(**{field.name: members[field.name] for field in fields(Head)})
        int(head.postgres.split(".")[0])
        return head if head.kind in ("cluster", "dump") and isinstance(head.keys, list) else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _unzipped(unzip: "zlib._Decompress", piece: bytes) -> Iterator[bytes]:
    # Bit by bit, since a piece may become a thousand times as large.
    rest, part = piece, b""
    while (rest or len(part) == PIECE_BYTES) and not unzip.eof:
        if part := unzip.decompress(rest, PIECE_BYTES):
            yield part
        rest = unzip.unconsumed_tail


def _about(says: bytes) -> bytes:
    return hashlib.sha256(MAGIC + says).digest()


def _place(number: int, is_last: bool) -> bytes:
    """Twelve bytes, different for each piece: the nonce where there is encryption."""
    return number.to_bytes(11, "big") + bytes([is_last])


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)
