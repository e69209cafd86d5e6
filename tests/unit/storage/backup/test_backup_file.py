"""The file of a backup gives back what was written, or nothing: never less, never something else."""

import os
import random
import resource
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from kado.storage.backup.errors import BackupError
from kado.storage.backup.file import MAGIC, PIECE_BYTES, Head, open_backup, writing
from kado.storage.backup.locks import Locker, read_key_file
from kado.storage.embedded import EmbeddedError

PHRASE = "correct horse battery staple"
# Mostly such as does not shrink, so that there are several pieces.
DATA = random.Random(7).randbytes(2 * PIECE_BYTES + 1000) + bytes(50_000)

LOCKERS = {"open": Locker(), "key file": Locker(key=bytes(range(32))), "passphrase": Locker(passphrase=PHRASE)}
locked = pytest.mark.parametrize("locker", LOCKERS.values(), ids=LOCKERS)
quick = pytest.mark.parametrize("locker", [LOCKERS["open"], LOCKERS["key file"]], ids=["open", "key file"])


def write(path: Path, locker: Locker, data: bytes = DATA, made_at: str = "2026-11-26T04:00:00Z") -> Path:
    head = Head("dump", made_at, "1.0", "0007", "18.4", ["00aabbcc"], lock=locker.describe())
    with writing(path, head, locker) as writer:
        for at in range(0, len(data), 70_000):
            writer.write(data[at : at + 70_000])
    return path


def read(path: Path, locker: Locker) -> bytes:
    return b"".join(open_backup(path, locker).data())


@locked
def test_what_was_written_is_read(tmp_path: Path, locker: Locker) -> None:
    for data in (b"", b"x", DATA):
        path = write(tmp_path / f"{len(data)}.backup", locker, data)
        assert read(path, locker) == data
        assert path.stat().st_mode & 0o777 == 0o600


@quick
def test_a_file_that_was_cut_anywhere_is_refused(tmp_path: Path, locker: Locker) -> None:
    whole = write(tmp_path / "whole.backup", locker).read_bytes()
    cut = tmp_path / "cut.backup"
    # After each piece the rest is well formed but for the missing end.
    for size in (*pieces(whole), 0, 5, 20, 300, len(whole) - 1):
        cut.write_bytes(whole[:size])
        with pytest.raises(BackupError, match=r"cut off|damaged|is not a backup"):
            read(cut, locker)


@quick
def test_any_changed_byte_is_found(tmp_path: Path, locker: Locker) -> None:
    whole = write(tmp_path / "whole.backup", locker).read_bytes()
    changed = tmp_path / "changed.backup"
    places = [*range(len(MAGIC), 300, 11), *random.Random(8).choices(range(300, len(whole)), k=12), len(whole) - 1]
    for place in places:
        changed.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(BackupError):
            read(changed, locker)


@quick
def test_pieces_in_another_order_and_additions_are_found(tmp_path: Path, locker: Locker) -> None:
    whole = write(tmp_path / "whole.backup", locker).read_bytes()
    head, first, second, *rest = split(whole)
    other = tmp_path / "other.backup"
    for made in ([head, second, first, *rest], [head, first, *rest], [head, first, first, second, *rest]):
        other.write_bytes(b"".join(made))
        with pytest.raises(BackupError):
            read(other, locker)
    other.write_bytes(whole + b"x")
    with pytest.raises(BackupError, match="something was added"):
        read(other, locker)
    # A last piece of another file, which is whole in itself.
    longer = split(write(tmp_path / "longer.backup", locker, DATA + DATA, "2026-11-27T04:00:00Z").read_bytes())
    other.write_bytes(b"".join([head, first, second, *longer[3:]]))
    with pytest.raises(BackupError):
        read(other, locker)


def test_another_secret_opens_nothing(tmp_path: Path) -> None:
    by_key = write(tmp_path / "key.backup", LOCKERS["key file"])
    with pytest.raises(BackupError, match="not its key file, or the file is damaged"):
        read(by_key, Locker(key=bytes(32)))
    with pytest.raises(BackupError, match="name it with --key-file"):
        read(by_key, Locker())
    by_phrase = write(tmp_path / "phrase.backup", LOCKERS["passphrase"])
    with pytest.raises(BackupError, match="not its passphrase"):
        read(by_phrase, Locker(passphrase=PHRASE + "r"))
    with pytest.raises(BackupError, match="give it with --passphrase"):
        read(by_phrase, Locker())


def test_nothing_of_the_data_can_be_seen_in_an_encrypted_file(tmp_path: Path) -> None:
    secret = os.urandom(200)
    assert secret in write(tmp_path / "open.backup", LOCKERS["open"], secret).read_bytes()
    assert secret[:8] not in write(tmp_path / "locked.backup", LOCKERS["key file"], secret).read_bytes()


def test_a_head_that_asks_for_all_memory_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "one.backup", LOCKERS["passphrase"], b"x")
    path.write_bytes(path.read_bytes().replace(b'"cost": 131072', b'"cost": 2**40 ').replace(b"2**40 ", b"999999"))
    with pytest.raises(BackupError, match="damaged"):
        read(path, LOCKERS["passphrase"])


def test_foreign_files_weak_secrets_and_existing_names_are_refused(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    foreign.write_bytes(b"PGDMP and so on")
    with pytest.raises(BackupError, match="is not a backup that Kado made"):
        open_backup(foreign, Locker())
    with pytest.raises(EmbeddedError, match="No such file"):
        open_backup(tmp_path / "nothing", Locker())
    with pytest.raises(BackupError, match="exists already"):
        write(foreign, Locker())
    with pytest.raises(BackupError, match="at least 12 characters"):
        Locker(passphrase="short")
    foreign.chmod(0o600)
    with pytest.raises(BackupError, match="has 15 bytes"):
        read_key_file(foreign)
    foreign.write_bytes(bytes(32))
    foreign.chmod(0o644)
    with pytest.raises(BackupError, match="can be read by others"):
        read_key_file(foreign)


def test_a_backup_that_fails_leaves_no_file(tmp_path: Path) -> None:
    head = Head("dump", "2026-11-26T04:00:00Z", "1.0", "0007", "18.4", ["00aabbcc"])

    def fail() -> None:
        with writing(tmp_path / "one.backup", head, Locker()) as writer:
            writer.write(DATA)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [*tmp_path.iterdir()] == []


def test_memory_stays_flat_however_large_the_file_is(tmp_path: Path) -> None:
    locker = LOCKERS["key file"]
    write(tmp_path / "small.backup", locker)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    head = Head("dump", "2026-11-26T04:00:00Z", "1.0", "0007", "18.4", ["00aabbcc"], lock=locker.describe())
    with writing(tmp_path / "large.backup", head, locker) as writer:
        for _ in range(120):
            writer.write(bytes(2**20))  # shrinks to next to nothing, and must not come back all at once
    assert sum(len(part) for part in open_backup(tmp_path / "large.backup", locker).data()) == 120 * 2**20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40 * 1024


def split(whole: bytes) -> list[bytes]:
    """The head, then each piece with its frame."""
    ends = [*pieces(whole), len(whole)]
    return [whole[: ends[0]], *(whole[a:b] for a, b in pairwise(ends))]


def pieces(whole: bytes) -> Iterator[int]:
    """Where each piece begins."""
    at = len(MAGIC) + 4 + int.from_bytes(whole[len(MAGIC) : len(MAGIC) + 4], "big")
    while at < len(whole):
        yield at
        at += 5 + int.from_bytes(whole[at : at + 4], "big")
