"""Both wallets, as far as the operator has what they need: what is offered, and what somebody gets who wants it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from kado.cards.find import Found, card_by_pass
from kado.crypto import Keyring
from kado.passes import apple, certificates, google, google_account, registrations, untold
from kado.passes.certificates import Certificate, CertificateError
from kado.passes.failures import NotTold
from kado.passes.google_account import AccountError
from kado.passes.google_api import GoogleWallet
from kado.passes.shown import Shown, show
from kado.passes.tokens import token_of
from kado.programs.program import Program
from kado.settings.wallets import WalletSettings
from kado.storage.database import Database

APPLE: Final = "apple"
GOOGLE: Final = "google"
EARLY: Final = timedelta(days=30)
"""How long before a certificate ends somebody is told."""

_log: Final = structlog.get_logger("kado.wallets")


@dataclass(frozen=True)
class Wallets:
    """What this server can do. A file that cannot be used takes its wallet away and stops nothing else."""

    keyring: Keyring = field(repr=False)
    public_url: str
    certificates: Mapping[str, Certificate]
    """Those that may be used, by their pass types."""
    google: GoogleWallet | None
    complaints: tuple[str, ...]
    """What is configured and cannot be used, in sentences."""

    async def offers(self, program: Program) -> frozenset[str]:
        """The wallets that a card of this program can be put into: `apple`, `google`."""
        offered = {GOOGLE} if self.google is not None else set()
        if self.certificate(program) is not None:
            offered.add(APPLE)
        return frozenset(offered)

    def certificate(self, program: Program) -> Certificate | None:
        """The certificate for the program's pass type, while it is in force."""
        certificate = self.certificates.get(program.pass_type_identifier)
        return certificate if certificate is not None and certificate.is_valid_at(datetime.now(UTC)) else None

    def seconds_left(self) -> int | None:
        """For how long the certificate that ends first is in force (negative once it is over); None without one."""
        ends = [certificate.expires_at for certificate in self.certificates.values()]
        return (min(ends) - datetime.now(UTC)) // timedelta(seconds=1) if ends else None

    async def apple_pass(self, database: Database, found: Found, token: str | None = None) -> bytes | None:
        """The `.pkpass` of a card, with the token that its device has already, or a new one; None if not offered."""
        shown = await show(database, self.public_url, found)
        certificate = self.certificate(shown.program)
        if certificate is None:
            return None
        token = token or token_of(self.keyring, found.card)
        # Drawing a shop's pictures for the first time takes a fifth of a second, for which no till shall wait.
        return await asyncio.to_thread(apple.made, shown, certificate, self.public_url, token)

    async def google_link(self, database: Database, found: Found) -> str | None:
        """Where the card is saved, after its object was written; None if not offered. Raises `NotTold`."""
        if self.google is None:
            return None
        card = found.card
        await registrations.keep_object(database, card, google.object_id(self.google.issuer, card))
        claimed = await untold.claim_object(database, card.program_id, card.id)
        # Read after the object was noted: whatever changes from now on, the worker is told of.
        fresh = await card_by_pass(database, card.program_id, card.pass_sid)
        assert fresh is not None, "cards are not deleted"
        shown = await show(database, self.public_url, fresh)
        await self.google.write(shown)
        if claimed is not None:
            await untold.mark_told(database, claimed)
        return self.google.save_link(shown, self.public_url)

    async def pass_json(self, database: Database, found: Found) -> Mapping[str, object] | None:
        """What the card's pass says, without what only its device may know; None if not offered."""
        shown = await show(database, self.public_url, found)
        certificate = self.certificate(shown.program)
        return None if certificate is None else apple.pass_of(shown, certificate, self.public_url, None)

    async def google_object(self, database: Database, found: Found) -> Mapping[str, object] | None:
        """What the card's object at Google says; None if not offered."""
        if self.google is None:
            return None
        return google.gift_card_object(self.google.issuer, await show(database, self.public_url, found))

    async def tell_google(self, shown: Shown) -> None:
        """Write the card's object. Raises `NotTold`."""
        if self.google is None:
            raise NotTold("there is no service account for Google Wallet")
        await self.google.write(shown)

    async def close(self) -> None:
        """End connections."""
        if self.google is not None:
            await self.google.close()


def wallets(settings: WalletSettings, keyring: Keyring, public_url: str) -> Wallets:
    """What the settings allow. Reads files; what cannot be used is a complaint."""
    complaints: list[str] = []
    usable: dict[str, Certificate] = {}
    try:
        for certificate in certificates.read(settings.apple).values():
            if certificate.is_development and not settings.apple.allows_development:
                complaints.append(
                    f"{certificate.certificate_file} is a development certificate, and"
                    " KADO_APPLE_CERTIFICATE_KIND is real: no phone would accept its passes, so none are offered."
                )
            else:
                usable[certificate.pass_type] = certificate
    except CertificateError as error:
        complaints.append(str(error))
    there = None
    if settings.google.service_account is not None and settings.google.issuer:
        try:
            there = GoogleWallet(settings.google, google_account.read(settings.google.service_account))
        except AccountError as error:
            complaints.append(str(error))
    elif settings.google.service_account is not None or settings.google.issuer:
        complaints.append("Google Wallet needs both KADO_GOOGLE_ISSUER and KADO_GOOGLE_SERVICE_ACCOUNT.")
    return Wallets(keyring, public_url, usable, there, tuple(complaints))


def say_complaints(made: Wallets) -> None:
    """Into the log, once, at a start."""
    for complaint in made.complaints:
        _log.warning("wallets.not_offered", reason=complaint)
