"""Puts the rooms together for the API: settings and a database in, services out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kado.access.authenticate import Access
from kado.access.captcha import AltchaCaptcha, Captcha, NoCaptcha
from kado.access.captcha_services import ServiceCaptcha
from kado.access.customer_sessions import CustomerSessions
from kado.access.merchant_sessions import MerchantSessions
from kado.access.signatures import Signatures
from kado.anomalies.counts import RequestCounts
from kado.app.database import open_copies, open_for_requests
from kado.audit.looks import Looks
from kado.cards.balance_check import BalanceChecks
from kado.cards.glances import Glances
from kado.cards.ledger import Ledger
from kado.doors.api.services import Services
from kado.fraud.blocked import Blocks
from kado.passes.wallets import wallets
from kado.programs.reach import Reaches
from kado.reports.source import source_of
from kado.settings import Settings
from kado.storage.database import Database
from kado.webhooks.post import Poster


@asynccontextmanager
async def services(settings: Settings, url: str) -> AsyncIterator[Services]:
    """Everything that the API needs, for one process; closed at the end, with nothing left half done."""
    database = await open_for_requests(settings, url)
    copies = await open_copies(settings, database)
    captcha = _captcha(settings, database)
    ledger = Ledger(database, settings.keyring)
    glances = Glances(database)
    looks = Looks(database)
    counts = RequestCounts(database)
    counting = asyncio.create_task(counts.run(), name="request counts")
    blocks = Blocks(database)
    passes = wallets(settings.wallets, settings.keyring, settings.public_url)
    try:
        yield Services(
            settings=settings,
            keyring=settings.keyring,
            database=database,
            reader=copies or database,
            access=Access(database, settings.keyring),
            merchant_sessions=MerchantSessions(database),
            customers=CustomerSessions(database),
            reaches=Reaches(database),
            signatures=Signatures(database, settings.keyring),
            captcha=captcha,
            ledger=ledger,
            glances=glances,
            checks=BalanceChecks(database, settings.keyring, captcha, blocks),
            blocks=blocks,
            poster=Poster(settings.webhook_allow),
            looks=looks,
            counts=counts,
            wallets=passes,
            reports=source_of(database, copies),
        )
    finally:
        counting.cancel()
        await asyncio.wait([counting])
        await counts.close()
        await captcha.close()
        await passes.close()
        await ledger.close()
        await glances.close()
        await looks.close()
        if copies is not None:
            await copies.close()
        await database.close()


def _captcha(settings: Settings, database: Database) -> Captcha:
    wanted = settings.captcha
    match wanted.provider:
        case "none":
            return NoCaptcha()
        case "altcha":
            return AltchaCaptcha(database, settings.keyring, is_always=wanted.is_always)
        case provider:
            return ServiceCaptcha(
                database,
                provider,
                site_key=wanted.site_key,
                secret=wanted.secret,
                url=wanted.url,
                is_always=wanted.is_always,
            )
