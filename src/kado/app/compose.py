"""Puts the rooms together: settings and a database in, services and a worker out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kado.access import customer_sessions, merchant_sessions
from kado.access.authenticate import Access
from kado.access.captcha import AltchaCaptcha, Captcha, NoCaptcha
from kado.access.customer_sessions import CustomerSessions
from kado.access.merchant_sessions import MerchantSessions
from kado.access.signatures import Signatures
from kado.cards.balance_check import BalanceChecks
from kado.cards.bulk.work import issue_next_batch
from kado.cards.expired_holds import let_expired_holds_go
from kado.cards.ledger import Ledger
from kado.cards.seal import Sealer
from kado.cards.sweep import sweep
from kado.delivery.mail import Mailer
from kado.delivery.send import Sender
from kado.delivery.sms import Texter
from kado.doors.api.services import Services
from kado.doors.worker.run import Periodic, Worker
from kado.programs.reach import Reaches
from kado.settings import Settings
from kado.storage.database import Database
from kado.storage.outbox import DELIVER_EVENTS, HAND_OUT_EVENTS
from kado.webhooks.courier import Courier
from kado.webhooks.post import Poster

_SWEEP_SECONDS = 60
_HOLDS_SECONDS = 30
_FORGET_SECONDS = 3600
_BULK_SECONDS = 0.5


@asynccontextmanager
async def services(settings: Settings, url: str) -> AsyncIterator[Services]:
    """Everything that the API needs, for one process; closed at the end, with nothing left half done."""
    database = await open_database(settings, url)
    captcha: Captcha = AltchaCaptcha(database, settings.keyring) if settings.captcha == "altcha" else NoCaptcha()
    ledger = Ledger(database, settings.keyring)
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
            checks=BalanceChecks(database, settings.keyring, captcha),
            poster=Poster(settings.webhook_allow),
        )
    finally:
        await ledger.close()
        await database.close()


async def open_database(settings: Settings, url: str) -> Database:
    """The database under the rights that a running server has; a second URL names a user that has only those."""
    return await Database.open(url, as_app=settings.database_app_url is None, places=settings.waiting_max)


def worker(settings: Settings, database: Database) -> Worker:
    """What sends messages and events, issues cards by the thousand, seals, and writes down what time has made true."""
    sender = Sender(
        database,
        settings.keyring,
        Mailer(settings.mail_url, settings.mail_from),
        Texter(settings.sms_url),
        settings.public_url,
    )
    sealer = Sealer(database, settings.keyring)
    ledger = Ledger(database, settings.keyring)
    courier = Courier(database, settings.keyring, Poster(settings.webhook_allow))
    return Worker(
        database,
        sender,
        (
            Periodic("seal", min(2.0, settings.seal_seconds / 2), sealer.run, at_stop=True),
            Periodic("expired-holds", _HOLDS_SECONDS, lambda: let_expired_holds_go(database, ledger)),
            Periodic("bulk", _BULK_SECONDS, lambda: issue_next_batch(database, settings.keyring), while_true=True),
            Periodic("sweep", _SWEEP_SECONDS, lambda: sweep(database, answer_days=settings.answer_days)),
            Periodic("sweep-merchant-sessions", _SWEEP_SECONDS, lambda: merchant_sessions.sweep(database)),
            Periodic("sweep-customers", _SWEEP_SECONDS, lambda: customer_sessions.sweep(database)),
            Periodic("forget-events", _FORGET_SECONDS, courier.forget),
        ),
        jobs={HAND_OUT_EVENTS: courier.hand_out, DELIVER_EVENTS: courier.deliver},
        beside=(courier.run,),
    )
