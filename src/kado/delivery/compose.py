"""What each mail says. Everything that people wrote is cleaned here and escaped later, and never read as a template.

In the plain text of a mail the security code is the only free-standing group of six digits, so that a program or a
hurried reader cannot take anything else for it.
"""

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Final

from kado import clock
from kado.cards.card import TransactionType
from kado.cards.codes import CodeForDelivery
from kado.cards.masking import mask
from kado.delivery import render
from kado.delivery.letter import Fact, Letter, Said, Sayer, sayer
from kado.delivery.manner import PLAIN, Manner
from kado.delivery.wording import for_header, grouped, lines, one_line
from kado.languages import tell
from kado.money import Currency

_IN_SUBJECT: Final = 60
"""So long a name may be in a subject."""

_CHANGES: Final = {
    TransactionType.REDEMPTION: "spent",
    TransactionType.RELOAD: "added",
    TransactionType.REFUND: "returned",
}

_AT_TILL: Final = {
    TransactionType.ACTIVATION: "sold",
    TransactionType.REDEMPTION: "taken",
    TransactionType.RELOAD: "added",
    TransactionType.REFUND: "returned",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """What the owner of a card is told when its code went to another address than theirs."""

    merchant_name: str
    program_name: str
    last_four: str
    sent_to: str | None
    """Where the code went, in full; it is shown masked. None where that is not known any more."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the giver of a card is told: what leaves for whom, and when. Neither number nor code, nor a way to them."""

    merchant_name: str
    program_name: str
    customer_name: str | None
    sent_to: str | None
    """The receiver's address or number, in full; it is shown masked."""
    value: int
    currency: Currency
    deliver_at: datetime | None
    """None where it leaves at once."""


@dataclass(frozen=True, slots=True)
class Reminder:
    """What the holder of a card is told before its money expires."""

    merchant_name: str
    program_name: str
    customer_name: str | None
    last_four: str
    balance: int
    currency: Currency
    expires_at: datetime
    url: str


@dataclass(frozen=True, slots=True)
class Change:
    """What the holder of a card is told when its money became more or less."""

    merchant_name: str
    program_name: str
    customer_name: str | None
    last_four: str
    type: TransactionType
    amount: int
    """Minor units, signed."""
    balance: int
    currency: Currency
    at: datetime
    url: str


@dataclass(frozen=True, slots=True)
class TillReceipt:
    """What whoever asked for a receipt at a till is told. Whose address it is nobody knows: no way to the card."""

    merchant_name: str
    program_name: str
    last_four: str
    entry_id: str
    type: TransactionType
    amount: int
    """Minor units, signed."""
    balance: int
    currency: Currency
    at: datetime


def code_mail(card: CodeForDelivery, recipient: str, manner: Manner = PLAIN) -> EmailMessage:
    """The mail that brings a security code. Raises `PermanentFailure` where the recipient is no address."""
    return render.mail(code_letter(card, manner), manner, recipient)


def code_letter(card: CodeForDelivery, manner: Manner) -> Letter:
    """What it says."""
    say, words = sayer(manner.language), _Words(manner)
    sender = one_line(card.sender_name or "")
    value = words.money(card.value, card.currency)
    names = {"merchant": one_line(card.merchant_name)} | ({"sender": sender} if sender else {})
    facts = [Fact(say.word("number"), grouped(one_line(card.card_number)), is_number=True)]
    if _partly_spent(card):
        facts.append(Fact(say.word("balance"), words.money(card.balance, card.currency)))
    facts.append(Fact(say.word("expires"), words.end(card.expires_at, say)))
    program = Fact(say.word("program"), one_line(card.program_name))
    return Letter(
        language=manner.language,
        shop=one_line(card.merchant_name),
        subject=_subject(say, "code_subject_from" if sender else "code_subject", **names),
        hello=_hello(say, card.customer_name),
        title=say("code_title_from" if sender else "code_title", **names),
        quote=lines(card.custom_message or ""),
        shows_card=True,
        amount=value,
        told=[Fact(say.word("value"), value)],
        facts=[program, *facts],
        code=Fact(say.word("code"), card.code),
        see=Fact(say.word("see"), card.url),
        scan=Fact(say.word("scan"), card.url),
        notes=[say("code_keep")],
    )


def notice_mail(notice: Notice, recipient: str, manner: Manner = PLAIN) -> EmailMessage:
    """The mail that says that a code went elsewhere. Raises `PermanentFailure` where the recipient is no address."""
    return render.mail(notice_letter(notice, manner), manner, recipient)


def notice_letter(notice: Notice, manner: Manner) -> Letter:
    """What it says."""
    say, merchant = sayer(manner.language), one_line(notice.merchant_name)
    title = say(
        "notice_title",
        merchant=merchant,
        program=one_line(notice.program_name),
        last_four=one_line(notice.last_four, 4),
        sent_to=mask(notice.sent_to) if notice.sent_to else say.word("notice_elsewhere"),
    )
    return Letter(
        language=manner.language,
        shop=merchant,
        subject=_subject(say, "notice_subject", merchant=merchant),
        hello=say("hello"),
        title=title,
        notes=[say("notice_void", merchant=merchant)],
    )


def sign_in_mail(merchant_name: str, code: str, recipient: str, manner: Manner = PLAIN) -> EmailMessage:
    """The mail that brings a one-time password. Raises `PermanentFailure` where the recipient is no address."""
    return render.mail(sign_in_letter(merchant_name, code, manner), manner, recipient)


def sign_in_letter(merchant_name: str, code: str, manner: Manner) -> Letter:
    """What it says."""
    say, merchant = sayer(manner.language), one_line(merchant_name)
    return Letter(
        language=manner.language,
        shop=merchant,
        subject=_subject(say, "sign_in_subject", merchant=merchant),
        hello=say("hello"),
        title=say("sign_in_title", merchant=merchant),
        code=Fact(say.word("sign_in_code"), code),
        notes=[say("sign_in_life"), say("sign_in_nobody", merchant=merchant)],
    )


def receipt_mail(receipt: Receipt, recipient: str, manner: Manner = PLAIN) -> EmailMessage:
    """The mail to whoever gave a card. Raises `PermanentFailure` where the recipient is no address."""
    return render.mail(receipt_letter(receipt, manner), manner, recipient)


def receipt_letter(receipt: Receipt, manner: Manner) -> Letter:
    """What it says."""
    say, words, merchant = sayer(manner.language), _Words(manner), one_line(receipt.merchant_name)
    receiver, value = one_line(receipt.customer_name or ""), words.money(receipt.value, receipt.currency)
    later = receipt.deliver_at
    when = say.word("receipt_now") if later is None else tell.time_of(later, manner.language, manner.zone)
    facts = [Fact(say.word("program"), one_line(receipt.program_name))]
    facts += [Fact(say.word("receipt_for"), receiver)] if receiver else []
    facts += [Fact(say.word("receipt_to"), mask(receipt.sent_to))] if receipt.sent_to else []
    named = {"receiver": receiver} if receiver else {}
    return Letter(
        language=manner.language,
        shop=merchant,
        subject=_subject(say, "receipt_subject" if receiver else "receipt_subject_nobody", merchant=merchant, **named),
        hello=say("hello"),
        title=say("receipt_title" if later is None else "receipt_title_later", merchant=merchant),
        amount=value,
        told=[Fact(say.word("value"), value)],
        facts=[*facts, Fact(say.word("receipt_when"), when)],
        notes=[say("receipt_note", merchant=merchant)],
    )


def reminder_mail(reminder: Reminder, recipient: str, manner: Manner = PLAIN) -> EmailMessage:
    """The mail before money expires. Raises `PermanentFailure` where the recipient is no address."""
    return render.mail(reminder_letter(reminder, manner), manner, recipient)


def reminder_letter(reminder: Reminder, manner: Manner) -> Letter:
    """What it says."""
    say, words, merchant = sayer(manner.language), _Words(manner), one_line(reminder.merchant_name)
    balance = words.money(reminder.balance, reminder.currency)
    day = tell.day(reminder.expires_at, manner.language, manner.zone)
    return Letter(
        language=manner.language,
        shop=merchant,
        subject=_subject(say, "reminder_subject", merchant=merchant),
        hello=_hello(say, reminder.customer_name),
        title=say("reminder_title", merchant=merchant, balance=balance, day=day),
        facts=[
            Fact(say.word("program"), one_line(reminder.program_name)),
            _ending(say, reminder.last_four),
            Fact(say.word("expires"), words.end(reminder.expires_at, say)),
        ],
        see=Fact(say.word("see"), reminder.url),
        notes=[say("reminder_note")],
    )


def change_mail(change: Change, recipient: str, manner: Manner = PLAIN) -> EmailMessage:
    """The mail after money moved. Raises `PermanentFailure` where the recipient is no address."""
    return render.mail(change_letter(change, manner), manner, recipient)


def change_letter(change: Change, manner: Manner) -> Letter:
    """What it says."""
    say, words, merchant = sayer(manner.language), _Words(manner), one_line(change.merchant_name)
    what, amount = _CHANGES[change.type], words.money(abs(change.amount), change.currency)
    return Letter(
        language=manner.language,
        shop=merchant,
        subject=_subject(say, f"change_subject_{what}", merchant=merchant, amount=amount),
        hello=_hello(say, change.customer_name),
        title=say(f"change_title_{what}", merchant=merchant),
        facts=[
            Fact(say.word(f"change_{what}"), amount),
            Fact(say.word("balance"), words.money(change.balance, change.currency)),
            _ending(say, change.last_four),
            Fact(say.word("change_when"), tell.time_of(change.at, manner.language, manner.zone)),
        ],
        see=Fact(say.word("see"), change.url),
        notes=[say("change_note", merchant=merchant)],
    )


def till_mail(receipt: TillReceipt, recipient: str, manner: Manner = PLAIN) -> EmailMessage:
    """The receipt of a till. Raises `PermanentFailure` where the recipient is no address."""
    return render.mail(till_letter(receipt, manner), manner, recipient)


def till_letter(receipt: TillReceipt, manner: Manner) -> Letter:
    """What it says."""
    say, words, merchant = sayer(manner.language), _Words(manner), one_line(receipt.merchant_name)
    amount = words.money(abs(receipt.amount), receipt.currency)
    return Letter(
        language=manner.language,
        shop=merchant,
        subject=_subject(say, "till_subject", merchant=merchant, amount=amount),
        hello=say("hello"),
        title=say("till_title", merchant=merchant),
        facts=[
            Fact(say.word(f"till_{_AT_TILL.get(receipt.type, 'other')}"), amount),
            Fact(say.word("balance"), words.money(receipt.balance, receipt.currency)),
            Fact(say.word("program"), one_line(receipt.program_name)),
            _ending(say, receipt.last_four),
            Fact(say.word("change_when"), tell.time_of(receipt.at, manner.language, manner.zone)),
            Fact(say.word("till_number"), receipt.entry_id),
        ],
        notes=[say("till_note", merchant=merchant)],
    )


@dataclass(frozen=True, slots=True)
class _Words:
    """Money and moments as the reader writes them."""

    manner: Manner

    def money(self, minor: int, currency: Currency) -> str:
        return tell.money(minor, currency, self.manner.language)

    def end(self, expires_at: datetime, say: Sayer) -> str:
        if expires_at >= clock.NEVER:
            return say.word("never")
        return tell.time_of(expires_at, self.manner.language, self.manner.zone)


def _hello(say: Sayer, customer_name: str | None) -> Said:
    customer = one_line(customer_name or "")
    return say("hello_name", customer=customer) if customer else say("hello")


def _subject(say: Sayer, key: str, **facts: str) -> Said:
    return say(key, **{name: for_header(fact, _IN_SUBJECT) for name, fact in facts.items()})


def _ending(say: Sayer, last_four: str) -> Fact:
    return Fact(say.word("number"), say("ending", last_four=one_line(last_four, 4)).text)


def _partly_spent(card: CodeForDelivery) -> bool:
    # A card that is not activated yet has no balance; its recipient wants to know what it will be worth.
    return card.balance not in (0, card.value)
