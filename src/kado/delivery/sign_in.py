"""A customer's one-time password, from the wish for it to the server that takes it.

It is good for five minutes, so it is tried for five minutes: each time with a password of its own, the last one counts.
A worker that dies meanwhile loses it; whoever waits for it asks again.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Final

import structlog

from kado.access import customer_store, otp
from kado.crypto import Keyring
from kado.delivery import compose, short
from kado.delivery.failures import DeliveryFailure, PermanentFailure, TemporaryFailure
from kado.delivery.mail import Mailer
from kado.delivery.manner import Manner, manner_of_merchant
from kado.delivery.sms import Texter
from kado.errors import Unavailable
from kado.storage.database import Connection, Database
from kado.storage.outbox import enqueue_otp

WAITS: Final = tuple(timedelta(seconds=seconds) for seconds in (2, 5, 15, 45, 120))
"""How long after each failed try the next one comes."""

_LAST_WORD_SECONDS: Final = 1
_log: Final = structlog.get_logger("kado.delivery")


async def send(database: Database, keyring: Keyring, mailer: Mailer, texter: Texter, otp_id: str) -> None:
    """Make the password and send it, if it is still wanted; whatever comes of it is written to its row.

    Raises `Unavailable` where the database is away before anything was sent.
    """
    sending = await otp.make(database, keyring, otp_id)
    if sending is None:
        return
    try:
        await _hand_over(sending, await manner_of_merchant(database, sending.to.merchant_id), mailer, texter)
    except asyncio.CancelledError:
        with suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(_LAST_WORD_SECONDS):
                await _try_later(database, otp_id, sending, TemporaryFailure("the worker was stopped"))
        raise
    except PermanentFailure as failure:
        await _end(database, otp_id, failure)
    except TemporaryFailure as failure:
        await _try_later(database, otp_id, sending, failure)
    else:
        await _end(database, otp_id, None)


async def _hand_over(sending: otp.Sending, manner: Manner, mailer: Mailer, texter: Texter) -> None:
    to = sending.to
    if to.channel == "sms":
        await texter.send(to.target, short.sign_in_text(to.merchant_name, sending.code, manner))
    else:
        mail = compose.sign_in_mail(to.merchant_name, sending.code, to.target, manner)
        await mailer.send(mail, from_name=to.merchant_name)


async def _end(database: Database, otp_id: str, failure: DeliveryFailure | None) -> None:
    async with database.read() as connection:
        await customer_store.end_otp(
            connection, otp_id, "failed" if failure else "sent", failure.reason if failure else None
        )
    if failure is None:
        _log.info("otp.sent", otp=otp_id)
    else:
        _log.error("otp.failed", otp=otp_id, reason=failure.reason)


async def _try_later(database: Database, otp_id: str, sending: otp.Sending, failure: TemporaryFailure) -> None:
    tries = sending.to.sendings
    if tries > len(WAITS):
        await _end(database, otp_id, failure)
        return

    async def work(connection: Connection) -> None:
        if await customer_store.note_otp_error(connection, otp_id, failure.reason):
            await enqueue_otp(connection, otp_id, WAITS[tries - 1])

    await database.repeat(work)
    _log.warning("otp.put_off", otp=otp_id, attempt=tries, reason=failure.reason)
