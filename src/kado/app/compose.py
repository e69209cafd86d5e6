"""Puts the rooms together for the API: settings and a database in, services out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kado.access.authenticate import Access
from kado.access.captcha import AltchaCaptcha, Captcha, NoCaptcha
from kado.access.customer_sessions import CustomerSessions
from kado.access.merchant_sessions import MerchantSessions
from kado.access.signatures import Signatures
from kado.app.database import open_database
from kado.audit.looks import Looks
from kado.cards.balance_check import BalanceChecks
from kado.cards.ledger import Ledger
from kado.doors.api.services import Services
from kado.fraud.blocked import Blocks
from kado.programs.reach import Reaches
from kado.settings import Settings
from kado.webhooks.post import Poster


@asynccontextmanager
async def services(settings: Settings, url: str) -> AsyncIterator[Services]:
    """Everything that the API needs, for one process; closed at the end, with nothing left half done."""
    database = await open_database(settings, url)
    captcha: Captcha = AltchaCaptcha(database, settings.keyring) if settings.captcha == "altcha" else NoCaptcha()
    ledger = Ledger(database, settings.keyring)
    looks = Looks(database)
    blocks = Blocks(database)
    try:
        yield Services(
            settings=settings,
            keyring=settings.keyring,
            database=database,
            access=Access(database, settings.keyring),
            merchant_sessions=MerchantSessions(database),
            customers=CustomerSessions(database),
            reaches=Reaches(database),
            signatures=Signatures(database, settings.keyring),
            captcha=captcha,
            ledger=ledger,
            checks=BalanceChecks(database, settings.keyring, captcha, blocks),
            blocks=blocks,
            poster=Poster(settings.webhook_allow),
            looks=looks,
        )
    finally:
        await ledger.close()
        await looks.close()
        await database.close()
