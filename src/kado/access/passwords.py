"""Passwords: Argon2id, off the event loop, two at a time, because each takes 64 MiB for a moment."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final, TypeVar

import argon2

from kado.errors import Invalid, Unavailable

CHARS_MIN: Final = 12
CHARS_MAX: Final = 256
AT_ONCE: Final = 20
"""How many may be at work or waiting; the next one is told to come back, instead of waiting for seconds."""

T = TypeVar("T")

_hasher: Final = argon2.PasswordHasher()
# Threads of their own and only two: the queue before them is the semaphore, whichever event loop asks.
_threads: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="kado-password")
_places: Final = threading.BoundedSemaphore(AT_ONCE)


def check(password: str) -> str:
    """The password, if it is long enough and not absurdly long. Raises `Invalid`, which does not repeat it."""
    if not CHARS_MIN <= len(password) <= CHARS_MAX or not _is_text(password):
        raise Invalid(("body", "password"), f"A password has {CHARS_MIN} to {CHARS_MAX} characters.", "password_length")
    return password


async def hashed(password: str) -> str:
    """What is stored of a password. Raises `Unavailable` when too many are waiting."""
    return await _in_turn(lambda: _hasher.hash(password))


async def matches(password_hash: str | None, password: str) -> bool:
    """Whether the password belongs to the hash. Without a hash (nobody has that email) it is the same work, and no.

    Raises `Unavailable` when too many are waiting.
    """
    return await _in_turn(lambda: _matches(password_hash, password))


def is_outdated(password_hash: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


async def _in_turn(work: Callable[[], T]) -> T:
    if not _places.acquire(blocking=False):
        raise Unavailable("too_busy", "Too many people are signing in at this moment; try again.")
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads, work)
    finally:
        _places.release()


def _matches(password_hash: str | None, password: str) -> bool:
    nobodys = _nobodys_hash()
    try:
        _hasher.verify(password_hash or nobodys, password[:CHARS_MAX].encode(errors="surrogatepass"))
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False
    return password_hash is not None and len(password) <= CHARS_MAX


@cache
def _nobodys_hash() -> str:
    return _hasher.hash("the password of nobody")


def _is_text(password: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in password)
