"""A copy of all seals that is kept elsewhere: a file of JSON lines that anybody can check with a public key alone.

The first line says what the file is. Each further one is a seal, or the handover of one key to the next. Lines are only
ever added. The bytes are described in docs/reference/proof.md.
"""

import base64
import binascii
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from kado import clock
from kado.cards.proof.facts import moment
from kado.cards.proof.findings import Finding
from kado.cards.proof.handovers import Handover, all_handovers, trusted
from kado.cards.proof.seals import Seal, SealCheck
from kado.crypto import Keyring
from kado.storage.database import LONG_READ, Database

FORMAT: Final = "kado-seals"
VERSION: Final = 1

_HEADER: Final = {"format": FORMAT, "version": VERSION}
_FETCH: Final = 20
_LONGEST_LINE: Final = 4_000_000


class NotAnExport(Exception):
    """The file cannot be read, or is something else; the text says what and is for people."""


class Contradiction(Exception):
    """The database does not continue the file; the text says where and is for people."""


Line = tuple[str, Seal] | Handover
"""A seal with its program, or a handover."""


# ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────────


def read(file: Path) -> Iterator[Line]:
    """Every line after the first. Raises `NotAnExport`."""
    try:
        with file.open("rb") as lines:
            header = _parsed(lines.readline(_LONGEST_LINE), 1, file)
            if header != _HEADER:
                raise NotAnExport(f"{file} is not an export of seals that this version can read.")
            for at, line in enumerate(iter(lambda: lines.readline(_LONGEST_LINE), b""), 2):
                yield _line(_parsed(line, at, file), at, file)
    except OSError as error:
        raise NotAnExport(f"{file} cannot be read: {error.strerror}.") from None


def _parsed(line: bytes, at: int, file: Path) -> dict[str, Any]:
    try:
        if not line.endswith(b"\n"):
            raise ValueError("cut off")
        found = json.loads(line, parse_float=whole_only)
        if not isinstance(found, dict):
            raise TypeError("not an object")
    except (ValueError, TypeError, RecursionError):
        raise NotAnExport(f"Line {at} of {file} cannot be read: the file was cut off or changed.") from None
    return found


def _line(said: dict[str, Any], at: int, file: Path) -> Line:
    try:
        if "handover" in said:
            one = said["handover"]
            return Handover(*(bytes.fromhex(one[name]) for name in ("from", "to", "signature")))
        return said["program"], seal_of(said)
    except (KeyError, ValueError, TypeError, OverflowError, AttributeError):
        raise NotAnExport(f"Line {at} of {file} is neither a seal nor a handover.") from None


def whole_only(text: str) -> NoReturn:
    """Seals and entries have no number with a decimal point. Raises `ValueError`."""
    raise ValueError(f"{text} is not a whole number")


def seal_of(said: dict[str, Any]) -> Seal:
    """A seal as it stands in an export or a proof. Raises `KeyError`, `ValueError`, `TypeError`, `OverflowError`."""
    if type(said["number"]) is not int or type(said["sealedAt"]) is not int:
        raise TypeError("numbers are whole")
    try:
        heads = base64.b64decode(said["heads"], validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
    rest = (bytes.fromhex(said[name]) for name in ("previous", "hash", "key", "signature"))
    return Seal(said["number"], clock.from_micros(said["sealedAt"]), heads, *rest)


def said_of(program_id: str, seal: Seal) -> dict[str, object]:
    """The other way round."""
    return {
        "program": program_id,
        "number": seal.number,
        "sealedAt": clock.micros(seal.sealed_at),
        "previous": seal.previous_hash.hex(),
        "heads": base64.b64encode(seal.heads).decode(),
        "hash": seal.hash.hex(),
        "key": seal.public_key.hex(),
        "signature": seal.signature.hex(),
    }


# ── checking ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Checked:
    """What a file says, and what is wrong with it."""

    seals: int = 0
    programs: int = 0
    until_micros: int = 0
    """When its newest seal was made."""
    keys: list[bytes] = field(default_factory=list)
    """Those that were believed."""
    findings: list[Finding] = field(default_factory=list)


def check(file: Path, given: Mapping[bytes, Ed25519PublicKey]) -> Checked:
    """Check every seal of the file by these keys and those that they handed over to. Raises `NotAnExport`."""
    keys = trusted(given, [line for line in read(file) if isinstance(line, Handover)])
    checked, checks = Checked(keys=list(keys)), dict[str, SealCheck]()
    for line in read(file):
        if isinstance(line, Handover):
            continue
        program_id, seal = line
        checks.setdefault(program_id, SealCheck(program_id, keys)).is_sound(seal)
        checked.seals += 1
        checked.until_micros = max(checked.until_micros, clock.micros(seal.sealed_at))
    for one in checks.values():
        one.finish()
        checked.findings += one.findings
    checked.programs = len(checks)
    return checked


# ── writing ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Exported:
    """How many seals the file has now, and how many of them are new."""

    total: int
    new: int


async def export(database: Database, keyring: Keyring, file: Path, progress: Callable[[int], None]) -> Exported:
    """Add to the file what it does not have yet, or make it; it changes as a whole or not at all.

    Raises `NotAnExport` for a file that is something else, `Contradiction` where the database has other seals than the
    file or fewer, `OSError` where it cannot be written.
    """
    last, known, total = _ends(file)
    async with database.read() as connection:
        named = await all_handovers(connection, keyring)
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with _copied(file, fresh) as out:
            for one in named:
                if one[:2] not in known:
                    _write(out, {"handover": one.said()})
            new = await _append(database, out, last, progress)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(file)
        _sync(file.parent)
    finally:
        with suppress(FileNotFoundError):
            fresh.unlink()
    return Exported(total + new, new)


def _copied(file: Path, fresh: Path) -> BinaryIO:
    """A copy of the file to add to, or the beginning of a new one."""
    is_new = not file.exists()
    if not is_new:
        shutil.copyfile(file, fresh)
    out = fresh.open("ab")
    if is_new:
        _write(out, _HEADER)
    return out


def _ends(file: Path) -> tuple[dict[str, Seal], set[tuple[bytes, bytes]], int]:
    """The last seal of each program in the file, the handovers in it, and how many seals there are."""
    last: dict[str, Seal] = {}
    known: set[tuple[bytes, bytes]] = set()
    total = 0
    if not file.exists():
        return last, known, total
    for line in read(file):
        if isinstance(line, Handover):
            known.add((line.old, line.new))
        else:
            last[line[0]] = line[1]._replace(heads=b"")
            total += 1
    return last, known, total


async def _append(database: Database, out: BinaryIO, last: dict[str, Seal], progress: Callable[[int], None]) -> int:
    connection = await database.connect(LONG_READ)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            new = 0
            programs = [row["id"] for row in await connection.fetch("SELECT id FROM program ORDER BY id")]
            for program_id in sorted({*programs, *last}):
                cursor = await connection.cursor(
                    f"SELECT number, {moment('sealed_at')}, heads, previous_hash, hash, public_key, signature"
                    " FROM ledger_seal WHERE program_id = $1 AND number >= $2 ORDER BY number",
                    program_id,
                    last[program_id].number if program_id in last else 0,
                )
                before = last.get(program_id)
                while rows := await cursor.fetch(_FETCH):
                    for row in rows:
                        seal = Seal(*row)
                        if before is not None:
                            _compare(program_id, before, seal)
                            before = None
                            continue
                        _write(out, said_of(program_id, seal))
                        new += 1
                    progress(new)
                if before is not None:
                    raise _contradicts(program_id, before.number)
            return new
    finally:
        await connection.close()


def _compare(program_id: str, before: Seal, seal: Seal) -> None:
    if (before.number, before.hash) != (seal.number, seal.hash):
        raise _contradicts(program_id, before.number)


def _contradicts(program_id: str, number: int) -> Contradiction:
    return Contradiction(
        f"Seal {number} of program {program_id} is in the file, and the database has another one or none. Nothing was"
        " written. `kado verify --seals FILE` says what is different; keep the file."
    )


def _write(out: BinaryIO, said: Mapping[str, object]) -> None:
    out.write(json.dumps(said, separators=(",", ":")).encode() + b"\n")


def _sync(folder: Path) -> None:
    """So that the new name survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
