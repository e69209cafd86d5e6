"""Settle what a till took while it had no line.

Each take has a place in its allowance, which is used once: what is claimed for it is written down first, then posted
under a key that follows from the place, then its outcome is written down. Whatever breaks in between, the same claim
goes on where it was; another claim for the place does nothing. All that the device was to keep to is enforced here
again: it may be anybody's by now.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from kado.access import staff, till_store
from kado.access.caller import Caller
from kado.access.permissions import Permission
from kado.access.store import Staff
from kado.access.till_sessions import caller_at
from kado.access.till_store import Terminal
from kado.cards import counter
from kado.cards.card import Card, TransactionType
from kado.cards.find import entries_by_reference
from kado.cards.ledger import Ledger
from kado.cards.offline import store
from kado.cards.offline.allowance import TAKES_MAX, bound_to, read_token
from kado.cards.offline.store import Allowance, Claimed, Take
from kado.cards.redeem import Redeem
from kado.cards.refusals import KeyReused
from kado.cards.scanned import card_scanned
from kado.clock import EPOCH
from kado.crypto import Keyring, Undecipherable
from kado.errors import Forbidden, Invalid, NotFound, Refusal, Unavailable
from kado.programs.reach import Reaches
from kado.storage.database import Connection, Database

CLAIMS_MAX: Final = 50
"""How many takes are settled by one request."""

UNKNOWN_MAX: Final = 10
"""How many cards that there are not one allowance may name; after that nothing is looked for any more."""

_ASTRAY: Final = timedelta(minutes=2)
"""By how much the device's clock may differ from ours."""

_AMOUNT_MAX: Final = 2**40  # far above any allowance; all places together are no trouble to add up
_KEY_MAX: Final = 64
_SEALED_MAX: Final = 1024
_AT_MAX: Final = 2**42  # the year 2109


@dataclass(frozen=True, slots=True)
class Claim:
    """What a device says that it took. `amount` in minor units, `at` in milliseconds since 1970 by its clock."""

    seq: int
    key: str
    amount: int
    at: int
    sealed: str = field(repr=False)

    @property
    def digest(self) -> bytes:
        """By which a repetition is known."""
        facts = f"{self.seq}\n{self.key}\n{self.amount}\n{self.at}\n{self.sealed}"
        return hashlib.sha256(facts.encode()).digest()

    @property
    def taken_at(self) -> datetime:
        """When, by the device's clock."""
        return EPOCH + timedelta(milliseconds=self.at)


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a take: `open` means that nobody knows yet, and that it is to be asked again."""

    seq: int
    amount: int
    state: str
    code: str = ""
    """Why nothing was moved. Of the card it says no more than that."""


@dataclass(frozen=True, slots=True)
class Settling:
    """What it takes to settle."""

    database: Database
    keyring: Keyring
    ledger: Ledger
    reaches: Reaches


def claims_of(said: object) -> list[Claim]:
    """What was sent, as claims. Raises `Invalid`, before anything is done, for what a till does not send."""
    if not isinstance(said, list) or not 1 <= len(said) <= CLAIMS_MAX:
        raise Invalid(("body", "takes"), f"Send 1 to {CLAIMS_MAX} takes.")
    return [_claim(at, one) for at, one in enumerate(said)]


async def settle(on: Settling, terminal: Terminal, token: str, claims: Sequence[Claim]) -> list[Settled]:
    """Settle these takes of the device, one after the other. `terminal` may have been revoked: then nothing is moved.

    Raises `Forbidden` for an allowance that is not ours, or not this device's. Where the database is away, what is not
    settled yet comes back as `open`.
    """
    allowance_id = read_token(on.keyring, token)
    async with on.database.read() as connection:
        allowance = await store.find(connection, allowance_id)
    if allowance is None or allowance.terminal_id != terminal.id:
        raise Forbidden("allowance_invalid", "This is no allowance of this till.")
    return [await _settle(on, terminal, allowance, claim) for claim in claims]


async def _settle(on: Settling, terminal: Terminal, allowance: Allowance, claim: Claim) -> Settled:
    try:
        person = await staff.find(on.database, allowance.staff_id)
        take = await _claimed(on, terminal, allowance, claim, person)
        if take.claim != claim.digest:
            return Settled(claim.seq, claim.amount, "refused", "offline_place_used")
        if take.state == "open" or take.last_four is None:
            take = await _go_on(on, terminal, allowance, claim, person, take)
    except Unavailable:
        return Settled(claim.seq, claim.amount, "open")
    return Settled(take.seq, take.amount, take.state, take.code or "")


async def _claimed(on: Settling, terminal: Terminal, allowance: Allowance, claim: Claim, person: Staff | None) -> Take:
    """The place in the allowance, as it was used first. What may not be is refused at once and keeps its place."""

    async def work(connection: Connection) -> Take:
        # Under its lock: from the moment that it is revoked, nothing new is accepted.
        device = await till_store.lock_terminal(connection, terminal.id)
        open_ones = await store.lock_all(connection, terminal.id)
        if (found := await store.find_take(connection, allowance.id, claim.seq)) is not None:
            return found
        claimed = await store.claimed(connection, allowance.id)
        code = _refuse(device or terminal, open_ones.get(allowance.id), claim, person, claimed)
        await store.insert_take(
            connection, allowance.id, claim.seq, claim.digest, claim.amount, claim.taken_at, code or None
        )
        if not code:
            # One of a device's allowances is used and no other, so that two of them never add up.
            others = [one.id for one in open_ones.values() if one.id != allowance.id and one.closed_at is None]
            await store.close(connection, others)
        taken = await store.find_take(connection, allowance.id, claim.seq)
        assert taken is not None, "it was written a moment ago"
        return taken

    return await on.database.repeat(work)


def _refuse(
    terminal: Terminal, allowance: Allowance | None, claim: Claim, person: Staff | None, claimed: Claimed
) -> str:
    """Why the take cannot be settled; empty where nothing speaks against it. The first reason that fits."""
    if terminal.revoked_at is not None:
        return "terminal_revoked"
    if allowance is None:
        return "offline_late"
    if person is None or not person.active or person.merchant_id != allowance.merchant_id:
        return "account_closed"
    if allowance.closed_at is not None:
        return "offline_replaced"
    starts, ends = allowance.granted_at - _ASTRAY, min(allowance.expires_at, claimed.now + _ASTRAY)
    if not starts <= claim.taken_at <= ends:
        return "offline_outside"
    if claim.amount > allowance.max_take:
        return "offline_too_large"
    if claimed.total + claim.amount > allowance.max_total:
        return "offline_total"
    return "offline_unknown_cards" if claimed.unknown >= UNKNOWN_MAX else ""


async def _go_on(
    on: Settling, terminal: Terminal, allowance: Allowance, claim: Claim, person: Staff | None, take: Take
) -> Take:
    """Find the card; where the take is open, post it. Of one that is refused, the shop learns at least which it was."""
    entry_id, code = None, take.code
    card = await _card(on, allowance, claim) if code != "offline_unknown_cards" else ""
    if isinstance(card, str):
        code = code or card
    else:
        async with on.database.read() as connection:
            await store.note_card(connection, allowance.id, claim.seq, card.id, card.last_four)
        if take.state == "open":
            entry_id, code = await _post(on, terminal, allowance, claim, person, card)
    if take.state == "open":
        async with on.database.transaction() as connection:
            await store.end_take(connection, allowance.id, claim.seq, entry_id=entry_id, code=code)
    async with on.database.read() as connection:
        after = await store.find_take(connection, allowance.id, claim.seq)
    return after or take


async def _card(on: Settling, allowance: Allowance, claim: Claim) -> Card | str:
    """The card that the device encrypted; or why there is none."""
    beside = bound_to(allowance.id, claim.seq, claim.key, claim.amount, claim.at)
    try:
        sealed = base64.b64decode(claim.sealed, validate=True)
        scanned = on.keyring.open_box(sealed, beside, allowance.key_version).decode("utf-8", "replace")
        return (await card_scanned(on.database, on.keyring, allowance.program_id, scanned)).card
    except (Undecipherable, ValueError):
        return "offline_unreadable"
    except NotFound as refusal:
        return refusal.code


async def _post(
    on: Settling, terminal: Terminal, allowance: Allowance, claim: Claim, person: Staff | None, card: Card
) -> tuple[str | None, str | None]:
    """The entry that took it, or why nothing was taken. Raises `Unavailable`."""
    if person is None:
        return None, "account_closed"
    caller = caller_at(terminal, person.id, person.role)
    posting = Redeem(
        program_id=allowance.program_id,
        card_id=card.id,
        caller=caller,
        key=f"offline:{allowance.id}:{claim.seq}:{claim.key}",
        render=counter.telling("redeem"),
        amount=claim.amount,
        pos_transaction_id=counter.reference_of(claim.key),
        description="Taken at a till without a line",
    )
    try:
        # What was posted before somebody lost a right is told, and not refused.
        if not await on.ledger.knows(posting):
            await _require(on, allowance, caller)
        told = await counter.do(on.ledger, posting)
    except Unavailable:
        raise
    except KeyReused as refusal:  # its answer is kept no more; what it wrote is
        own = await entries_by_reference(
            on.database,
            allowance.program_id,
            "pos_transaction_id",
            counter.reference_of(claim.key),
            merchant_id=allowance.merchant_id,
            is_test=False,
        )
        return next(
            (
                (one.id, None)
                for one in own
                if one.type is TransactionType.REDEMPTION and one.terminal_id == terminal.id
            ),
            (None, refusal.code),
        )
    except Refusal as refusal:
        return None, refusal.code
    return (told.entry_id, None) if told.is_done else (None, told.code)


async def _require(on: Settling, allowance: Allowance, caller: Caller) -> None:
    """Raises `Forbidden` unless the person may take money there today."""
    reach = await on.reaches.reach(allowance.program_id, allowance.merchant_id)
    caller.require_in(reach, Permission.CARDS_REDEEM)


def _claim(at: int, said: object) -> Claim:
    if not isinstance(said, Mapping):
        raise Invalid(("body", "takes", at), "Each take is an object.")
    return Claim(
        seq=_whole(said, at, "seq", TAKES_MAX),
        key=_line(said, at, "key", _KEY_MAX),
        amount=_whole(said, at, "amount", _AMOUNT_MAX),
        at=_whole(said, at, "at", _AT_MAX),
        sealed=_line(said, at, "sealed", _SEALED_MAX),
    )


def _whole(said: Mapping[Any, Any], at: int, name: str, most: int) -> int:
    value = said.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise Invalid(("body", "takes", at, name), f"This is a whole number from 1 to {most}.")
    return value


def _line(said: Mapping[Any, Any], at: int, name: str, longest: int) -> str:
    value = said.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= longest or not (value.isascii() and value.isprintable()):
        raise Invalid(("body", "takes", at, name), f"This is text of 1 to {longest} printable characters.")
    return value
