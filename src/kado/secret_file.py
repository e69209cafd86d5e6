"""The secret key's file in the data directory: one secret a line, the first one writes, all of them read.

It is changed as a whole or not at all, is readable by its owner alone, and whoever adds a secret to it adds it at the
end: servers must know a secret before any of them writes under it.
"""

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from kado.crypto import Secret

NAME: Final = "secret.key"
_WELL_KNOWN: Final = ("changeme", "change-me", "secret", "password", "insecure", "example", "kado", "test")


class SecretError(ValueError):
    """A secret cannot be used, or its file cannot be read or changed; the text says what would do."""


def parsed(text: str) -> list[str]:
    """The secrets of a list with commas or line ends between them, each once. Raises `SecretError`."""
    values = list(dict.fromkeys(part.strip() for line in text.splitlines() for part in line.split(",")))
    for value in values:
        _check(value)
    if not values:
        raise SecretError("there is no secret key")
    return values


def fresh() -> str:
    """A new secret: 256 bits from the operating system, in hexadecimal."""
    return secrets.token_hex(32)


def name_of(value: str) -> str:
    """What a secret is called where people see it, which reveals nothing of it: eight hexadecimal characters."""
    return Secret(value.encode()).version.hex()


def read(path: Path, *, make: bool) -> list[str]:
    """The secrets in the file; where there is none and `make` allows it, a first one is made.

    Two first starts at once agree on one, because linking is atomic. Raises `SecretError`.
    """
    if not path.exists():
        if not make:
            raise SecretError(f"there is no secret key: set KADO_SECRET_KEY, or start the server once to make {path}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = _written(path, [fresh()])
            try:
                os.link(beside, path)
            except FileExistsError:
                pass
            finally:
                beside.unlink()
        except OSError as error:
            raise SecretError(f"the secret key's file {path} cannot be made: {error.strerror}") from None
    try:
        if path.stat().st_mode & 0o077:
            raise SecretError(f"{path} can be read by others; `chmod 600 {path}` puts that right")
        text = path.read_text()
    except OSError as error:
        raise SecretError(f"the secret key's file {path} cannot be read: {error.strerror}") from None
    return parsed(text)


def write(path: Path, values: Sequence[str]) -> None:
    """Put these secrets in the place of what the file has: all of it, on the disk, or nothing. Raises `SecretError`."""
    try:
        beside = _written(path, values)
        try:
            beside.replace(path)
        except OSError:
            beside.unlink()
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise SecretError(f"the secret key's file {path} cannot be changed: {error.strerror}") from None


def _written(path: Path, values: Sequence[str]) -> Path:
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("".join(f"{value}\n" for value in values))
        file.flush()
        os.fsync(file.fileno())
    return beside


def _check(value: str) -> None:
    if len(value) < 32:
        raise SecretError("KADO_SECRET_KEY must have at least 32 characters; `openssl rand -hex 32` makes a good one")
    plain = value.lower()
    if len(set(plain)) < 8 or any(plain.replace(word, "").strip("-_ 0123456789") == "" for word in _WELL_KNOWN):
        raise SecretError(
            "KADO_SECRET_KEY is a well-known or repetitive value; `openssl rand -hex 32` makes a good one"
        )
