"""Puts together what works without being asked; it knows nothing of the API, which takes longest to read."""

import asyncio
from functools import partial

from kado.access import attempts, customer_sessions, merchant_sessions, sessions, till_sessions
from kado.anomalies import watch as anomalies
from kado.cards import guesses
from kado.cards.books.work import check_next
from kado.cards.bulk.draft import forget_lists
from kado.cards.bulk.work import issue_next_batch
from kado.cards.expired_holds import let_expired_holds_go
from kado.cards.ledger import Ledger
from kado.cards.offline.allowance import sweep as sweep_allowances
from kado.cards.owed import Books
from kado.cards.seal import Sealer
from kado.cards.sweep import sweep
from kado.cards.turnover.summarise import summarise_all
from kado.cards.watch import watch
from kado.delivery.mail import Mailer
from kado.delivery.reminders import remind
from kado.delivery.send import Sender
from kado.delivery.sms import Texter
from kado.doors.worker.run import Periodic, Worker
from kado.fraud.sweep import sweep as sweep_fraud
from kado.paper.work import forget_old_runs, print_next_piece
from kado.passes.apns import Pusher
from kado.passes.teller import Teller
from kado.passes.wallets import Wallets, say_complaints, wallets
from kado.people.erase import go_on_with_erasures
from kado.people.retention import Kept, forget_what_is_over
from kado.readings.show import reader
from kado.reports.aml import watch as aml
from kado.reports.export import forget_exports
from kado.reports.post import Postman, rescue_mails, write_due
from kado.reports.source import source_of
from kado.reports.states import count_many
from kado.settings import Settings
from kado.storage import servers
from kado.storage.database import Database
from kado.storage.outbox import DELIVER_EVENTS, HAND_OUT_EVENTS, SEND_REPORT, TELL_WALLETS
from kado.webhooks.courier import Courier
from kado.webhooks.post import Poster

_SWEEP_SECONDS = 60
_HOLDS_SECONDS = 30
_FORGET_SECONDS = 3600
_BULK_SECONDS = 0.5
_BOOKS_SECONDS = 1
_ERASURE_SECONDS = 10
_FRAUD_SECONDS = 1.0
_READ_SECONDS = 15
_TURNOVER_SECONDS = 10
_DUE_SECONDS = 10


async def work(settings: Settings, database: Database, stop: asyncio.Event) -> None:
    """Until `stop` is set, do what a worker does; or, on a server that only answers requests, be seen at least."""
    if settings.has_worker:
        await worker(settings, database).run(stop)
    else:
        await servers.be_seen(database, servers.name_of(settings.keyring.versions), stop)


def worker(settings: Settings, database: Database) -> Worker:
    """What sends messages and events, issues cards by the thousand, seals, and writes down what time has made true."""
    mailer = Mailer(settings.mail_url, settings.mail_from)
    postman = Postman(source_of(database), settings.keyring, mailer)
    sender = Sender(database, settings.keyring, mailer, Texter(settings.sms_url), settings.public_url)
    sealer = Sealer(database, settings.keyring)
    ledger = Ledger(database, settings.keyring)
    courier = Courier(database, settings.keyring, Poster(settings.webhook_allow))
    passes = wallets(settings.wallets, settings.keyring, settings.public_url)
    say_complaints(passes)
    pusher = Pusher(settings.wallets.apple.push_url, passes.certificates)
    teller = Teller(database, settings.keyring, passes, pusher)
    return Worker(
        database,
        sender,
        (
            Periodic("seal", min(2.0, settings.seal_seconds / 2), sealer.run, at_stop=True),
            Periodic("expired-holds", _HOLDS_SECONDS, lambda: let_expired_holds_go(database, ledger)),
            Periodic("bulk", _BULK_SECONDS, lambda: issue_next_batch(database, settings.keyring), while_true=True),
            Periodic(
                "print",
                _BULK_SECONDS,
                partial(print_next_piece, database, settings.keyring, settings.public_url),
                while_true=True,
            ),
            Periodic("books", _BOOKS_SECONDS, lambda: check_next(database, settings.keyring), while_true=True),
            Periodic("turnover", _TURNOVER_SECONDS, lambda: summarise_all(database), while_true=True),
            Periodic("card-counts", _DUE_SECONDS, partial(count_many, database, {})),
            Periodic("aml", _SWEEP_SECONDS, lambda: aml.watch(database, settings.keyring), while_true=True),
            Periodic("due-reports", _DUE_SECONDS, lambda: write_due(database, settings.keyring), while_true=True),
            Periodic("rescue-reports", _SWEEP_SECONDS, lambda: rescue_mails(database)),
            Periodic("sweep", _SWEEP_SECONDS, lambda: sweep(database, answer_days=settings.answer_days)),
            Periodic("reminders", _SWEEP_SECONDS, lambda: remind(database)),
            Periodic("erasures", _ERASURE_SECONDS, lambda: go_on_with_erasures(database, settings.keyring)),
            Periodic("fraud", _FRAUD_SECONDS, lambda: watch(database), while_true=True),
            Periodic("forget-events", _FORGET_SECONDS, lambda: courier.forget(settings.event_days)),
            Periodic("anomalies", anomalies.LOOK_SECONDS, lambda: anomalies.look(database)),
            *_forgetting(settings, database),
            *_readings(settings, database, passes),
        ),
        jobs={
            HAND_OUT_EVENTS: courier.hand_out,
            DELIVER_EVENTS: courier.deliver,
            TELL_WALLETS: teller.tell,
            SEND_REPORT: postman.send,
        },
        beside=(courier.run, teller.run),
        name=servers.name_of(settings.keyring.versions),
    )


def _forgetting(settings: Settings, database: Database) -> tuple[Periodic, ...]:
    """What is over leaves."""
    kept = Kept(
        message_days=settings.message_days,
        proof_days=settings.proof_days,
        audit_address_days=settings.audit_address_days,
    )
    return (
        Periodic("forget-prints", _FORGET_SECONDS, lambda: forget_old_runs(database)),
        Periodic("forget-lists", _SWEEP_SECONDS, lambda: forget_lists(database)),
        Periodic("forget-exports", _FORGET_SECONDS, lambda: forget_exports(database)),
        Periodic("sweep-attempts", _FORGET_SECONDS, lambda: attempts.sweep(database)),
        Periodic("retention", _FORGET_SECONDS, lambda: forget_what_is_over(database, settings.keyring, kept)),
        Periodic("sweep-merchant-sessions", _SWEEP_SECONDS, lambda: merchant_sessions.sweep(database)),
        Periodic("sweep-staff-sessions", _SWEEP_SECONDS, lambda: sessions.sweep(database)),
        Periodic("sweep-tills", _SWEEP_SECONDS, lambda: till_sessions.sweep(database)),
        Periodic("sweep-allowances", _FORGET_SECONDS, lambda: sweep_allowances(database)),
        Periodic("sweep-customers", _SWEEP_SECONDS, lambda: customer_sessions.sweep(database)),
        Periodic("sweep-guesses", _FORGET_SECONDS, lambda: guesses.sweep(database)),
        Periodic("sweep-fraud", _FORGET_SECONDS, lambda: sweep_fraud(database)),
        Periodic("forget-counts", anomalies.FORGET_SECONDS, lambda: anomalies.forget(database)),
    )


def _readings(settings: Settings, database: Database, passes: Wallets) -> tuple[Periodic, ...]:
    """What is only read because somebody asks for it."""
    if settings.metrics is None:
        return ()
    books = Books(database, by_program=settings.metrics.by_program)
    has_archive = settings.archive is not None
    read = reader(database, settings.data_dir, has_archive=has_archive, certificate_seconds=passes.seconds_left)
    return (Periodic("readings", _READ_SECONDS, read), Periodic("owed", _SWEEP_SECONDS, books.run))
