"""Tells wallets that a card changed: a lane for each program, so that one program's thousands hold up nobody else's.

As with webhooks, jobs only wake lanes up. What is due stands in the database, and a look at it from time to time finds
what no job told of.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final

import structlog

from kado.cards.find import card_of
from kado.crypto import Keyring, Undecipherable
from kado.errors import Unavailable
from kado.observability import tracing
from kado.observability.meters import WALLETS_TOLD
from kado.passes import registrations, untold
from kado.passes.apns import Pusher
from kado.passes.failures import NeverTold, NotTold, WalletGone
from kado.passes.shown import show
from kado.passes.untold import Claimed
from kado.passes.wallets import Wallets
from kado.storage.database import Database

WAITS: Final = tuple(
    timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 21_600, 36_000)
)
"""How long after each failed try the next one comes: eleven tries in about 24 hours."""

AT_ONCE: Final = 20
"""Wallets of one program that are told at the same time."""

_JITTER: Final = 0.2
_LOOK_SECONDS: Final = 10.0
_SETTLE_SECONDS: Final = 15
_PAUSE: Final = 0.2
_log: Final = structlog.get_logger("kado.wallets")


class Teller:
    """One per worker; several workers may share the work."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        wallets: Wallets,
        pusher: Pusher,
        waits: Sequence[timedelta] = WAITS,
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._wallets = wallets
        self._pusher = pusher
        self._waits = waits
        self._due: set[str] = set()
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._stopping = False

    async def tell(self, payload: Mapping[str, str]) -> None:
        """The job of a program whose wallets are to be told: it is done beside whatever else goes on."""
        self._wake(payload["program"])

    async def run(self, stop: asyncio.Event) -> None:
        """Look for what no job told of until `stop` is set; then finish what has begun."""
        try:
            while not stop.is_set():
                await self._look()
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _LOOK_SECONDS)
            self._stopping = True
            self._due.clear()
            if self._lanes:
                await asyncio.wait(self._lanes.values())
        finally:
            for lane in self._lanes.values():
                lane.cancel()
            await self._pusher.close()
            await self._wallets.close()

    async def _look(self) -> None:
        try:
            for program_id in await untold.programs_due(self._database):
                self._wake(program_id)
        except Unavailable:
            return  # the next look comes soon
        except Exception as error:  # noqa: BLE001 - one look's failure must not end the next ones
            _log.error("wallets.look_failed", error=type(error).__name__)

    def _wake(self, program_id: str) -> None:
        if self._stopping:
            return  # what is due stands in the database
        self._due.add(program_id)
        if program_id not in self._lanes:
            lane = asyncio.create_task(self._lane(program_id), name=f"wallets of {program_id}")
            self._lanes[program_id] = lane
            lane.add_done_callback(lambda _: self._lane_ended(program_id))

    def _lane_ended(self, program_id: str) -> None:
        del self._lanes[program_id]
        if program_id in self._due:
            self._wake(program_id)  # it became due after the lane had looked for the last time

    async def _lane(self, program_id: str) -> None:
        """Tell what is due until nothing is."""
        while program_id in self._due:
            self._due.discard(program_id)
            try:
                claimed = await untold.claim(self._database, program_id, AT_ONCE)
                await asyncio.gather(*(self._tell(one) for one in claimed))
            except Exception as error:  # noqa: BLE001 - whatever it is, the next look or the lease brings them back
                _log.warning("wallets.lane_ended", program=program_id, error=type(error).__name__)
                self._due.discard(program_id)
                return
            if len(claimed) == AT_ONCE and not self._stopping:
                self._due.add(program_id)

    # ── one wallet ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _tell(self, claimed: Claimed) -> None:
        """Tell one wallet and write down what came of it."""
        try:
            with tracing.call("wallet"):
                await (self._push(claimed) if claimed.wallet == "apple" else self._write(claimed))
        except WalletGone:
            await self._settle(lambda: self._forget(claimed))
        except NotTold as failure:
            await self._not_told(claimed, failure)
        except Unavailable:
            await self._not_told(claimed, NotTold("the database was away"))
        except Exception as error:  # noqa: BLE001 - whatever it is, the wallet must hear of it some time
            _log.error("wallets.broken", wallet=claimed.id, error=type(error).__name__)
            await self._not_told(claimed, NotTold(f"an error in the program ({type(error).__name__})"))
        else:
            await self._settle(lambda: untold.mark_told(self._database, claimed))
            WALLETS_TOLD.add((claimed.wallet, "told"))

    async def _push(self, claimed: Claimed) -> None:
        assert claimed.push_token is not None, "a device has one"
        bound = registrations.bound_to(claimed.program_id, claimed.id)
        try:
            push_token = self._keyring.decrypt("stored-secret", claimed.push_token, bound).decode()
        except Undecipherable:
            raise NeverTold("no configured secret key opens its push token") from None
        await self._pusher.push(claimed.held_as, push_token)

    async def _write(self, claimed: Claimed) -> None:
        found = await card_of(self._database, claimed.program_id, claimed.card_id)
        if found is None:
            raise NeverTold("there is no such card")
        await self._wallets.tell_google(await show(self._database, self._wallets.public_url, found))

    async def _forget(self, claimed: Claimed) -> None:
        await registrations.forget(self._database, claimed.program_id, claimed.card_id, claimed.id, claimed.turn)
        WALLETS_TOLD.add((claimed.wallet, "gone"))

    async def _not_told(self, claimed: Claimed, failure: NotTold) -> None:
        await self._settle(lambda: self._try_later(claimed, failure))

    async def _try_later(self, claimed: Claimed, failure: NotTold) -> None:
        if isinstance(failure, NeverTold) or claimed.attempts > len(self._waits):
            await untold.give_up(self._database, claimed, failure.reason)
            WALLETS_TOLD.add((claimed.wallet, "failed"))
            _log.error("wallets.failed", wallet=claimed.id, attempt=claimed.attempts, reason=failure.reason)
            return
        jitter = random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - jitter, not a secret
        wait = max(self._waits[claimed.attempts - 1] * jitter, failure.wait or timedelta(0))
        await untold.put_off(self._database, claimed, failure.reason, wait)
        WALLETS_TOLD.add((claimed.wallet, "put_off"))
        _log.warning("wallets.put_off", wallet=claimed.id, attempt=claimed.attempts, reason=failure.reason)

    async def _settle(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write, also when the database is away for a moment. When it stays away, the lease brings the wallet back."""
        deadline = asyncio.get_running_loop().time() + _SETTLE_SECONDS
        while True:
            try:
                await write()
            except Unavailable:
                if asyncio.get_running_loop().time() > deadline:
                    _log.warning("wallets.not_settled")
                    return
                await asyncio.sleep(_PAUSE)
            else:
                return
