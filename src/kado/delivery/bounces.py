"""Mail that comes back: a report of delivery (RFC 3464) is read, and the message that it is about is found again.

Each try has a name of its own, which stands in the mail's Message-ID: program, message, try and time, and a keyed hash
over them, in letters. Nobody can make one up, so a report that was made up changes nothing. Of a report nothing is kept
but its status number: the rest repeats addresses, and often the mail.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import Message
from struct import Struct
from typing import Final, Literal, cast

from kado import audit, clock
from kado.crypto import Keyring, equal
from kado.delivery.messages import Claimed
from kado.storage.database import Connection, Database
from kado.storage.outbox import enqueue_sends

MAIL_SYSTEM: Final = "system:mail-server"
"""Who says that a mail came back."""

SIZE_MAX: Final = 1024 * 1024
"""Bytes of a report that are read; what a mail server writes of itself stands at its beginning."""

AGAIN_AFTER: Final = timedelta(hours=6)
"""When a mail that came back for a reason that may pass is tried again."""

_AGAIN_MAX: Final = 3
_LETTERS: Final = "abcdefghijklmnop"
_NAME: Final = re.compile(r"<?([a-p]{60})([a-p]{20})@", re.ASCII)
_TAG_BYTES: Final = 10
_TRIES: Final = 2**16
_try: Final = Struct(">HI")
_STATUS: Final = re.compile(r"\s*([245]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9.])", re.ASCII)
_FULL: Final = "5.2.2"
"""A full mailbox, which many servers call permanent and which its owner empties all the same."""

Outcome = Literal["failed", "tried again", "unknown", "nothing"]
"""What became of a report: the message is given up or tried again, is none of ours (any more), or there was no
failure."""


@dataclass(frozen=True, slots=True)
class Named:
    """Which try of which message a mail was."""

    program_id: str
    message_id: str
    attempt: int
    claimed_at: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """A delivery that failed for good, as a mail server reports it; `status` as in RFC 3463, 5.0.0 if it has none."""

    named: Named | None
    status: str

    @property
    def may_pass(self) -> bool:
        """Whether the same mail may well arrive another time."""
        return self.status.startswith("4") or self.status == _FULL


def mail_id(keyring: Keyring, message: Claimed) -> str:
    """The name of this try: letters only, so that no digits stand beside the code."""
    seconds = clock.micros(message.claimed_at) // 1_000_000
    name = bytes.fromhex(message.program_id + message.id) + _try.pack(message.attempts % _TRIES, seconds)
    return _letters(name + keyring.mac("mail-id", name)[:_TAG_BYTES])


def named_by(keyring: Keyring, text: str) -> Named | None:
    """What a Message-ID names; None where it is not one that we wrote."""
    for said, tag in _NAME.findall(text):
        name = _bytes(said)
        if any(equal(_bytes(tag), mac[:_TAG_BYTES]) for mac in keyring.macs("mail-id", name)):
            attempt, seconds = _try.unpack(name[24:])
            return Named(name[:12].hex(), name[12:24].hex(), attempt, clock.from_micros(seconds * 1_000_000))
    return None


def read_report(keyring: Keyring, raw: bytes) -> Report | None:
    """What a mail says that came to the address from which mails leave; None where it reports no failure for good."""
    mail = message_from_bytes(raw[:SIZE_MAX], policy=policy.compat32)
    parts = list(mail.walk())
    said = next((part for part in parts if part.get_content_type() == "message/delivery-status"), None)
    if mail.get_content_type() != "multipart/report" or said is None:
        return None
    status = _failed(said)
    return None if status is None else Report(_about(keyring, parts), status)


async def take_in(database: Database, keyring: Keyring, raw: bytes) -> Outcome:
    """Write down what a report says of one of our mails, so that an operator sees it, and try again what may pass.

    A report that comes twice, or about a try that is not the last, changes nothing. Raises `Unavailable`.
    """
    report = read_report(keyring, raw)
    if report is None:
        return "nothing"
    named = report.named
    if named is None:
        return "unknown"
    return await database.repeat(lambda connection: _write(connection, named, report))


# ── the report ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _failed(said: Message) -> str | None:
    """The status of the first recipient whom it never reached; a delay is no failure, a delivery none either."""
    blocks = cast("list[Message]", said.get_payload()) if said.is_multipart() else []
    for block in blocks:
        if str(block.get("Action", "")).strip().lower() == "failed":
            found = _STATUS.match(str(block.get("Status", "")))
            return found[1] if found is not None and not found[1].startswith("2") else "5.0.0"
    return None


def _about(keyring: Keyring, parts: list[Message]) -> Named | None:
    """Which mail came back: its headers are in the report, or it is there whole."""
    for part in parts:
        if part.get_content_type() == "text/rfc822-headers":
            content = part.get_payload(decode=True)
            headers = message_from_bytes(content if isinstance(content, bytes) else b"", policy=policy.compat32)
            names = headers.get_all("Message-ID", [])
        else:
            names = part.get_all("Message-ID", [])
        for name in names:
            if (named := named_by(keyring, str(name))) is not None:
                return named
    return None


def _letters(content: bytes) -> str:
    return "".join(_LETTERS[int(digit, 16)] for digit in content.hex())


def _bytes(letters: str) -> bytes:
    return bytes.fromhex("".join(f"{_LETTERS.index(letter):x}" for letter in letters))


# ── what follows from it ───────────────────────────────────────────────────────────────────────────────────────────

_LOCK: Final = """
    SELECT card_id, kind, attempts, created_at FROM message
     WHERE program_id = $1 AND id = $2 AND state = 'sent' AND attempts % 65536 = $3
       AND sent_at BETWEEN $4 AND $4 + interval '10 minutes' FOR UPDATE"""

# Codes that are planned, waiting or gone: a new one of this message would void theirs, or be voided by it.
_NEWER: Final = """
    SELECT EXISTS (SELECT FROM message WHERE program_id = $1 AND card_id = $2 AND kind = 'security_code' AND id <> $3
                   AND (created_at > $4 OR state = 'queued'))"""

_FAIL: Final = """
    UPDATE message SET state = 'failed', last_error = $3, next_attempt_at = NULL, sent_at = NULL
     WHERE program_id = $1 AND id = $2"""

_AGAIN: Final = """
    UPDATE message SET state = 'queued', last_error = $3, next_attempt_at = now() + $4::interval, sent_at = NULL
     WHERE program_id = $1 AND id = $2"""

_NOT_DELIVERED: Final = """
    UPDATE card SET delivered_at = NULL WHERE program_id = $1 AND id = $2 AND delivered_at IS NOT NULL
       AND NOT EXISTS (SELECT FROM message WHERE program_id = $1 AND card_id = $2 AND kind = 'security_code'
                       AND state = 'sent')"""


async def _write(connection: Connection, named: Named, report: Report) -> Outcome:
    at = (named.program_id, named.message_id)
    message = await connection.fetchrow(_LOCK, *at, named.attempt, named.claimed_at)
    if message is None:
        return "unknown"
    is_code, card_id = message["kind"] == "security_code", message["card_id"]
    again = report.may_pass and message["attempts"] <= _AGAIN_MAX
    if again and is_code:
        again = not await connection.fetchval(_NEWER, named.program_id, card_id, at[1], message["created_at"])
    reason = f"it came back ({report.status})"
    if again:
        await connection.execute(_AGAIN, *at, reason, AGAIN_AFTER)
        await enqueue_sends(connection, [(*at, AGAIN_AFTER)])
    else:
        await connection.execute(_FAIL, *at, reason)
    if is_code:
        await connection.execute(_NOT_DELIVERED, named.program_id, card_id)
    await audit.record(
        connection,
        actor=MAIL_SYSTEM,
        action="message:bounced",
        program_id=named.program_id,
        subject=named.message_id,
        details={"status": report.status, "again": again},
    )
    return "tried again" if again else "failed"
