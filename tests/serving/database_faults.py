"""What a proxy before PostgreSQL can do to what is asked: nothing, hold it, answer it with an error, or be silent."""

import asyncio
import random
import threading
from dataclasses import dataclass, field

SYNC, FLUSH, QUERY = b"S", b"H", b"Q"
IN_TRANSACTION, FAILED, IDLE = b"T", b"E", b"I"


@dataclass(frozen=True)
class Asked:
    """What Kado sends in one go: a statement to prepare, one to run, or the end of a transaction.

    Of statements that ride in one flight each is asked for by itself, and only the last of them ends in a Sync.
    """

    text: str
    runs: bool
    payload: bytes
    ends_in_sync: bool

    def does(self, words: str) -> bool:
        """Whether it runs a statement with these words."""
        return self.runs and words in self.text


@dataclass(eq=False)
class Link:
    """One of Kado's connections."""

    statements: dict[bytes, str] = field(default_factory=dict)
    status: bytes = IDLE
    muted: bool = False
    """Whether answers are kept back."""
    answer_ends: bytes = b"Z"
    """The kind of message with which the answer to what was asked last is complete."""
    kept: bytearray = field(default_factory=bytearray)
    swallow: int = 0
    """How many of the next answers are not Kado's to hear."""
    busy: bool = True
    """Whether it waits for an answer."""

    @property
    def is_ledger(self) -> bool:
        """Whether it belongs to a posting machine: only those have prepared what writes a list."""
        return any("WITH line AS" in text for text in self.statements.values())

    @property
    def in_transaction(self) -> bool:
        return self.status != IDLE


class Calm:
    """No fault. `asked` may wait; a returned SQLSTATE is what the request fails with, and with it its transaction."""

    async def asked(self, link: Link, asked: Asked) -> str | None:
        return None

    def answered(self, link: Link) -> None:
        """PostgreSQL has answered a request in full, and Kado has not heard it yet."""


class Stop(Calm):
    """Stops a posting machine the n-th time it runs a statement with these words: before it, or after it is done."""

    def __init__(self, words: str, *, after: bool, nth: int = 1) -> None:
        self._left = nth
        self._words = words
        self._after = after
        self._link: Link | None = None
        self._released = asyncio.Event()
        self.lock_payload = b""
        self.reached = threading.Event()

    async def asked(self, link: Link, asked: Asked) -> str | None:
        if not link.is_ledger or self._link not in (None, link):
            return None
        if asked.does("FOR UPDATE OF c"):
            self.lock_payload = asked.payload
        if self._link is None and asked.does(self._words):
            self._left -= 1
            if self._left:
                return None
            self._link = link
            if self._after:
                link.muted = True
            else:
                self.reached.set()
                await self._released.wait()
        return None

    def answered(self, link: Link) -> None:
        if link is self._link:
            self.reached.set()

    def let_go(self) -> None:
        """To be called in the proxy's thread."""
        self._released.set()


class Slow(Calm):
    """Every request takes so much longer."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def asked(self, link: Link, asked: Asked) -> str | None:
        await asyncio.sleep(self._seconds)
        return None


class Silence(Calm):
    """Nothing is answered any more, as when a cable is pulled."""

    async def asked(self, link: Link, asked: Asked) -> str | None:
        await asyncio.get_running_loop().create_future()
        return None


class Failing(Calm):
    """A share of the transactions fail, at a statement or at the commit, with one of these SQLSTATEs in turn."""

    def __init__(self, share: float, codes: tuple[str, ...], seed: int = 1) -> None:
        self._share = share
        self._codes = codes
        self._dice = random.Random(seed)
        self._fates: dict[int, int] = {}
        self.transactions = 0
        self.failed = 0

    async def asked(self, link: Link, asked: Asked) -> str | None:
        """The dice are thrown at the beginning of a transaction: which of its requests fails, if any."""
        if not asked.runs:
            return None
        if asked.text.startswith("BEGIN"):
            self.transactions += 1
            chosen = self._dice.random() < self._share
            self._fates[id(link)] = self._dice.randint(1, 4) if chosen else -1
            return None
        left = self._fates.get(id(link), -1)
        if left < 0 or not link.in_transaction or asked.text.startswith(("ROLLBACK", "SET ")):
            return None
        self._fates[id(link)] = left - 1
        if left > 1 and not asked.text.startswith("COMMIT"):
            return None
        self._fates[id(link)] = -1
        self.failed += 1
        return self._codes[self.failed % len(self._codes)]


class Refusing(Calm):
    """Every statement that would write fails with this SQLSTATE."""

    def __init__(self, code: str, words: tuple[str, ...] = ("INSERT", "UPDATE card", "DELETE")) -> None:
        self._code = code
        self._words = words

    async def asked(self, link: Link, asked: Asked) -> str | None:
        return self._code if asked.runs and any(word in asked.text for word in self._words) else None
