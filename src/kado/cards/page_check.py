"""Balance checks of people who type number and code into our own page: with a proof of work, or fewer without one.

The page makes the proof by itself where a browser runs its script; a guesser pays for each try in computing time.
Where nothing can run a script there is no proof, and a program may answer all the same: then an address has a sixth of
the failures that it has otherwise.
"""

from datetime import timedelta
from typing import Any, Final

from kado.access import attempts
from kado.access.attempts import Limit, Reservation
from kado.access.captcha import AltchaCaptcha
from kado.cards import refusals
from kado.cards.balance_check import BalanceChecks
from kado.cards.guesses import Proved
from kado.crypto import Keyring
from kado.errors import TooMany
from kado.programs.program import Program
from kado.storage.database import Connection, Database

UNPROVED_LIMITS: Final = (Limit(5, timedelta(hours=1)), Limit(15, timedelta(days=1)))
"""Failed checks without a proof from one address (IPv6: one /64), beside those of all checks."""


class PageChecks:
    """Settles what comes from balance pages. The proof is Kado's own, whatever captcha its API asks for."""

    def __init__(self, database: Database, keyring: Keyring, checks: BalanceChecks) -> None:
        self._database = database
        self._keyring = keyring
        self._checks = checks
        self._proofs = AltchaCaptcha(database, keyring)

    def challenge(self) -> dict[str, Any]:
        """Something for the page's script to solve, good for ten minutes and one check."""
        return self._proofs.challenge()

    async def check(self, program: Program, number: str, code: str, *, address: str, proof: str | None) -> Proved:
        """The card with this number, if the code is its own.

        Raises what `BalanceChecks.check` does: `NotFound` whatever is wrong, `TooMany` at a limit, `captcha_required`
        where a proof is needed and none came that counts.
        """
        if proof and await self._proofs.solved(proof):
            return await self._checks.check_by_page(program.id, number, code, address=address, has_proof=True)
        if not program.balance_without_script:
            raise refusals.captcha_required()
        reservation = await self._reserve(address)
        found = await self._checks.check_by_page(program.id, number, code, address=address, has_proof=False)
        await attempts.release(self._database, [reservation])
        return found

    async def _reserve(self, address: str) -> Reservation:
        """Count the check as failed until it has succeeded. Raises `TooMany`."""
        subject = attempts.subject(self._keyring, "page-check", address)

        async def work(connection: Connection) -> attempts.Reservation | attempts.Exhausted:
            return await attempts.reserve(connection, "page-check", subject, UNPROVED_LIMITS)

        outcome = await self._database.repeat(work)
        if isinstance(outcome, attempts.Exhausted):
            raise TooMany("too_many_checks", "Too many failed checks from this address.", outcome.retry_after_seconds)
        return outcome
