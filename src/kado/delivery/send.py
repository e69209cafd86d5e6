"""One message, from its row to the server that takes it."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from typing import Final

import structlog

from kado.cards import codes
from kado.crypto import Keyring
from kado.delivery import about, compose, messages, short, sign_in
from kado.delivery.bounces import mail_id
from kado.delivery.failures import DeliveryFailure, PermanentFailure, TemporaryFailure
from kado.delivery.mail import Mailer
from kado.delivery.manner import Manner, manner_of
from kado.delivery.messages import Claimed
from kado.delivery.sms import Texter
from kado.errors import Unavailable
from kado.observability import tracing
from kado.observability.logs import caused_by
from kado.observability.meters import MESSAGES_SENT
from kado.storage.database import Database, away

WAITS: Final = tuple(
    timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 3600, 3 * 3600, 6 * 3600, 6 * 3600, 6 * 3600)
)
"""How long after each failed try the next one comes: ten tries in about a day, counted from the first one, so that
neither a delivery planned for later nor a server that was off for a weekend uses them up."""

_JITTER: Final = 0.2
# The lease less the longest that sending itself takes, with something to spare.
_SETTLE_SECONDS: Final = 75
_LAST_WORD_SECONDS: Final = 1
_log: Final = structlog.get_logger("kado.delivery")


class Sender:
    """Sends queued messages. Safe to share between tasks, and to run in several processes at once."""

    def __init__(self, database: Database, keyring: Keyring, mailer: Mailer, texter: Texter, public_url: str) -> None:
        self._database = database
        self._keyring = keyring
        self._mailer = mailer
        self._texter = texter
        self._public_url = public_url

    async def send(self, program_id: str, message_id: str) -> None:
        """Send the message if it is queued, due and nobody else's; whatever comes of it is written to its row.

        Raises `Unavailable` where the database is away so long that this cannot be written; the message then comes back
        when its lease ends.
        """
        message = await messages.claim(self._database, program_id, message_id)
        if message is None:
            return
        with caused_by(message.request_id):
            await self._send(message)

    async def _send(self, message: Claimed) -> None:
        try:
            left = await self._deliver(message)
        except PermanentFailure as failure:
            await self._give_up(message, failure)
        except TemporaryFailure as failure:
            await self._try_later(message, failure)
        except Unavailable:
            await self._try_later(message, TemporaryFailure("the database was away"))
        except Exception as error:  # noqa: BLE001 - whatever it is, the message must not be lost
            # Neither its text nor its traceback: both could hold a code or an address.
            _log.error("message.broken", message=message.id, error=type(error).__name__)
            await self._try_later(message, TemporaryFailure(f"an error in the program ({type(error).__name__})"))
        else:
            # Outside: what has left must never be put off, whatever happens while that is written down.
            if left:
                await self._sent(message)

    async def send_otp(self, otp_id: str) -> None:
        """Make a customer's one-time password and send it, if it is still wanted. Raises `Unavailable`."""
        await sign_in.send(self._database, self._keyring, self._mailer, self._texter, otp_id)

    async def _deliver(self, message: Claimed) -> bool:
        """Compose the message and hand it over. False where it is not needed any more, which is then written down."""
        manner = await manner_of(self._database, message)
        match message.kind:
            case "security_code":
                return await self._deliver_code(message, manner)
            case "receipt":
                receipt = await about.receipt(self._database, message)
                mail = compose.receipt_mail(receipt, message.recipient, manner)
                await self._mail(message, mail, receipt.merchant_name)
            case "expiry_reminder":
                return await self._remind(message, manner)
            case "till_receipt":
                done = await about.till_receipt(self._database, message)
                await self._mail(message, compose.till_mail(done, message.recipient, manner), done.merchant_name)
            case "balance_changed":
                change = await about.change(self._database, message, self._public_url)
                await self._mail(message, compose.change_mail(change, message.recipient, manner), change.merchant_name)
            case _:
                notice = await about.notice(self._database, message)
                if message.channel == "sms":
                    await self._text(message, short.notice_text(notice, manner))
                else:
                    mail = compose.notice_mail(notice, message.recipient, manner)
                    await self._mail(message, mail, notice.merchant_name)
        return True

    async def _remind(self, message: Claimed, manner: Manner) -> bool:
        reminder = await about.reminder(self._database, message, self._public_url)
        if reminder is None:
            return await self._needless(message, "there is nothing to remind of any more")
        if message.channel == "sms":
            await self._text(message, short.reminder_text(reminder, manner))
        else:
            mail = compose.reminder_mail(reminder, message.recipient, manner)
            await self._mail(message, mail, reminder.merchant_name)
        return True

    async def _needless(self, message: Claimed, reason: str) -> bool:
        await self._settle(lambda: messages.mark_ended(self._database, message, "superseded", reason))
        return False

    async def _deliver_code(self, message: Claimed, manner: Manner) -> bool:
        card = await codes.make_code(
            self._database,
            self._keyring,
            self._public_url,
            message.program_id,
            message.card_id,
            message_id=message.id,
        )
        if card is None:
            return await self._needless(message, "the card cannot be used any more")
        card = replace(
            card,
            sender_name=message.sender_name or card.sender_name,
            custom_message=message.custom_message or card.custom_message,
        )
        if message.channel == "sms":
            await self._text(message, short.code_text(card, manner))
        else:
            await self._mail(message, compose.code_mail(card, message.recipient, manner), card.merchant_name)
        return True

    async def _mail(self, message: Claimed, mail: EmailMessage, merchant_name: str) -> None:
        async with self._back_in_the_queue_if_stopped(message):
            with tracing.call("mail"):
                await self._mailer.send(mail, from_name=merchant_name, name=mail_id(self._keyring, message))

    async def _text(self, message: Claimed, text: str) -> None:
        async with self._back_in_the_queue_if_stopped(message):
            with tracing.call("text message"):
                await self._texter.send(message.recipient, text)

    @asynccontextmanager
    async def _back_in_the_queue_if_stopped(self, message: Claimed) -> AsyncIterator[None]:
        """Where the worker must stop in the middle, the next one need not wait for the lease to end."""
        try:
            yield
        except asyncio.CancelledError:
            with suppress(Unavailable, TimeoutError):
                async with asyncio.timeout(_LAST_WORD_SECONDS):
                    await messages.put_off(self._database, message, "the worker was stopped", WAITS[0])
            raise

    async def _sent(self, message: Claimed) -> None:
        await self._settle(lambda: messages.mark_sent(self._database, message))
        MESSAGES_SENT.add((message.channel, "sent"))
        _log.info("message.sent", program=message.program_id, message=message.id, channel=message.channel)
        if message.kind == "security_code":
            await self._settle(lambda: codes.mark_delivered(self._database, message.program_id, message.card_id))

    async def _try_later(self, message: Claimed, failure: DeliveryFailure) -> None:
        if message.attempts > len(WAITS):
            await self._give_up(message, failure)
            return
        wait = WAITS[message.attempts - 1] * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - jitter, not a secret
        await self._settle(lambda: messages.put_off(self._database, message, failure.reason, wait))
        MESSAGES_SENT.add((message.channel, "put_off"))
        _log.warning("message.put_off", message=message.id, attempt=message.attempts, reason=failure.reason)

    async def _give_up(self, message: Claimed, failure: DeliveryFailure) -> None:
        await self._settle(lambda: messages.mark_ended(self._database, message, "failed", failure.reason))
        MESSAGES_SENT.add((message.channel, "failed"))
        _log.error("message.failed", message=message.id, attempt=message.attempts, reason=failure.reason)

    async def _settle(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write down what happened, again and again while the database is away, as long as the lease allows.

        A mail that left and is not marked so would leave twice.
        """
        loop = asyncio.get_running_loop()
        until, pause = loop.time() + _SETTLE_SECONDS, 0.1
        while True:
            try:
                await write()
                return
            except Unavailable:
                if loop.time() + pause > until:
                    raise away() from None
            await asyncio.sleep(pause)
            pause = min(2.0, pause * 2)
