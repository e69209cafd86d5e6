"""Mail leaves here: over SMTP, or into a folder."""

import asyncio
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from string import ascii_lowercase
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from aiosmtplib import SMTP
from aiosmtplib.errors import (
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPTimeoutError,
)

from kado.delivery.addresses import mailbox
from kado.delivery.failures import DeliveryFailure, PermanentFailure, TemporaryFailure
from kado.delivery.folder import Folder

_STEP_SECONDS: Final = 10
_WHOLE_SECONDS: Final = 30


class Mailer:
    """Hands mail to the server or folder that `KADO_MAIL_URL` names. Safe to share between tasks."""

    def __init__(self, url: str, mail_from: str) -> None:
        parts = urlsplit(url)
        self._name, self._from = parseaddr(mail_from)
        self._domain = self._from.rpartition("@")[2] or "localhost"
        self._post = Folder(parts, ".eml") if parts.scheme == "file" else _Server(parts, self._domain)

    async def send(self, message: EmailMessage, *, from_name: str = "", name: str | None = None) -> None:
        """Complete the headers and hand the mail over. Raises `TemporaryFailure` or `PermanentFailure`.

        `name` is what the mail is called, by which it is known again if it comes back.

        The outcome of a connection that broke after the last byte is unknown: a repetition can then arrive twice.
        """
        for header in ("From", "Date", "Message-ID"):
            del message[header]
        message["From"] = mailbox(self._from, from_name or self._name)
        message["Date"] = format_datetime(datetime.now(UTC))
        # Letters only: a header must not hold six digits in a row either.
        name = name or "".join(secrets.choice(ascii_lowercase) for _ in range(28))
        message["Message-ID"] = f"<{name}@{self._domain}>"
        if isinstance(self._post, Folder):
            await self._post.put(message.as_bytes())
        else:
            await self._post.put(message)


class _Server:
    """An SMTP server. With a password nothing is sent before TLS is up; without one TLS is used where it is offered.

    The certificate is verified in either case.
    """

    def __init__(self, url: SplitResult, own_name: str) -> None:
        self._tls = url.scheme == "smtps"
        self._host = url.hostname or "localhost"
        self._user = unquote(url.username) if url.username else None
        self._password = unquote(url.password) if url.password else None
        self._port = url.port or (465 if self._tls else 587 if self._password else 25)
        self._own_name = own_name

    async def put(self, message: EmailMessage) -> None:
        """Hand over one mail. Raises `TemporaryFailure` or `PermanentFailure`."""
        client = SMTP(
            hostname=self._host,
            port=self._port,
            username=self._user,
            password=self._password,
            local_hostname=self._own_name,
            timeout=_STEP_SECONDS,
            use_tls=self._tls,
            start_tls=False if self._tls else True if self._password else None,
        )
        try:
            async with asyncio.timeout(_WHOLE_SECONDS):
                await _connect(client)
                await _transmit(client, message)
                # The mail is with the server now; how the goodbye goes must not make it leave again.
                with suppress(SMTPException, OSError):
                    await client.quit()
        except TimeoutError:
            raise TemporaryFailure("the mail server did not answer in time") from None
        finally:
            client.close()


async def _connect(client: SMTP) -> None:
    """Connect, begin TLS and sign in. What fails here concerns all mail, not this one: it is worth another try."""
    try:
        await client.connect()
    except SMTPResponseException as error:
        raise TemporaryFailure(f"the mail server did not let us in ({error.code})") from None
    except (SMTPTimeoutError, TimeoutError):
        raise TemporaryFailure("the mail server did not answer in time") from None
    except OSError:
        raise TemporaryFailure("there is no connection to the mail server, or its certificate is not trusted") from None
    except SMTPException:
        raise TemporaryFailure("the mail server offers no encryption or no sign-in") from None


async def _transmit(client: SMTP, message: EmailMessage) -> None:
    sender = message["From"].addresses[0].addr_spec
    recipients = [address.addr_spec for address in message["To"].addresses]
    try:
        await client.send_message(message, sender=sender, recipients=recipients)
    except SMTPRecipientsRefused as error:
        raise _refused(error.recipients[0].code, "the mail server refused the recipient") from None
    except SMTPResponseException as error:
        raise _refused(error.code, "the mail server refused the mail") from None
    except SMTPNotSupported:
        raise PermanentFailure("the mail server cannot take such an address") from None
    except (SMTPTimeoutError, TimeoutError):
        raise TemporaryFailure("the mail server did not answer in time") from None
    except (SMTPException, OSError):
        raise TemporaryFailure("the connection to the mail server broke") from None
    except ValueError:
        raise PermanentFailure("this is not an email address") from None


def _refused(code: int, phrase: str) -> DeliveryFailure:
    kind = PermanentFailure if 500 <= code <= 599 else TemporaryFailure
    return kind(f"{phrase} ({code})")
