"""What each text message says, in one short line. Everything that people wrote is cleaned and cut.

The security code is the only free-standing group of six digits, as in a mail.
"""

from datetime import datetime
from typing import Final

from kado import clock
from kado.cards.codes import CodeForDelivery
from kado.cards.masking import mask
from kado.delivery.compose import Notice, Reminder
from kado.delivery.letter import sayer
from kado.delivery.manner import PLAIN, Manner
from kado.delivery.wording import CODE_GOES_HERE, broken_up, one_line, plain_link
from kado.languages import tell

LENGTH_MAX: Final = 300
_NAME: Final = 30
# With one of these a message has room for 70 characters instead of 160.
_SPACES: Final = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2019": "'"})


def code_text(card: CodeForDelivery, manner: Manner = PLAIN) -> str:
    """The text message that brings a security code, at most `LENGTH_MAX` characters long."""
    say, sender = sayer(manner.language, "sms"), one_line(card.sender_name or "", _NAME)
    value = tell.money(card.value, card.currency, manner.language)
    end = say.word("never") if card.expires_at >= clock.NEVER else say("until", day=_day(card.expires_at, manner)).text
    facts = {"value": value, "last_four": card.last_four, "end": end, "code": CODE_GOES_HERE}
    facts |= {"sender": sender} if sender else {}
    said = say("code_from" if sender else "code", merchant=one_line(card.merchant_name, _NAME), **facts)
    text = _plain(said.text).replace(CODE_GOES_HERE, card.code)
    link = plain_link(card.url)
    return f"{text} {link}" if link and len(text) + 1 + len(link) <= LENGTH_MAX else text


def notice_text(notice: Notice, manner: Manner = PLAIN) -> str:
    """The text message that says that a code went elsewhere, at most `LENGTH_MAX` characters long."""
    say = sayer(manner.language, "sms")
    said = say(
        "notice",
        merchant=one_line(notice.merchant_name, _NAME),
        last_four=one_line(notice.last_four, 4),
        sent_to=mask(notice.sent_to) if notice.sent_to else say.word("notice_elsewhere"),
    )
    return _plain(said.text)


def sign_in_text(merchant_name: str, code: str, manner: Manner = PLAIN) -> str:
    """The text message that brings a one-time password, at most `LENGTH_MAX` characters long."""
    said = sayer(manner.language, "sms")("sign_in", merchant=one_line(merchant_name, _NAME), code=CODE_GOES_HERE)
    return _plain(said.text).replace(CODE_GOES_HERE, code)


def reminder_text(reminder: Reminder, manner: Manner = PLAIN) -> str:
    """The text message before money expires, at most `LENGTH_MAX` characters long."""
    said = sayer(manner.language, "sms")(
        "reminder",
        merchant=one_line(reminder.merchant_name, _NAME),
        balance=tell.money(reminder.balance, reminder.currency, manner.language),
        last_four=one_line(reminder.last_four, 4),
        day=_day(reminder.expires_at, manner),
    )
    return _plain(said.text)


def _day(moment: datetime, manner: Manner) -> str:
    return tell.day(moment, manner.language, manner.zone)


def _plain(text: str) -> str:
    return broken_up(text.translate(_SPACES))
