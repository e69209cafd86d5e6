"""What messages say. Everything that people wrote is cleaned, escaped, and never read as a template.

In the plain text of a mail the security code is the only free-standing group of six digits, so that a program or a
hurried reader cannot take anything else for it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from kado import clock
from kado.cards.codes import CodeForDelivery
from kado.cards.masking import mask
from kado.delivery.addresses import mailbox
from kado.delivery.wording import CODE_GOES_HERE, broken_up, for_header, grouped, lines, one_line, plain_link

SMS_LENGTH_MAX: Final = 300

_TEMPLATES: Final = Environment(
    loader=PackageLoader("kado.delivery"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
# Not strftime: the month would be named in whatever language the machine is set to.
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, slots=True)
class Notice:
    """What the owner of a card is told when its code went to another address than theirs."""

    merchant_name: str
    program_name: str
    last_four: str
    sent_to: str | None
    """Where the code went, in full; it is shown masked. None where that is not known any more."""


def code_mail(card: CodeForDelivery, recipient: str) -> EmailMessage:
    """The mail that brings a security code. Raises `PermanentFailure` where the recipient is no address."""
    words = _card_words(card)
    link = plain_link(card.url)
    text = _rendered("code.txt", words | {"code": CODE_GOES_HERE, "url": link})
    html = _rendered("code.html", words | {"code": card.code, "url": link or card.url})
    sender, merchant = words["sender"], words["merchant"]
    subject = f"{sender} sent you a gift card of {merchant}" if sender else f"Your gift card of {merchant}"
    return _mail(recipient, subject, broken_up(text).replace(CODE_GOES_HERE, card.code), html)


def notice_mail(notice: Notice, recipient: str) -> EmailMessage:
    """The mail that says that a code went elsewhere. Raises `PermanentFailure` where the recipient is no address."""
    words = _notice_words(notice)
    subject = f"A new code for your gift card of {words['merchant']}"
    html = _rendered("notice.html", words)
    return _mail(recipient, subject, broken_up(_rendered("notice.txt", words)), html)


def sign_in_mail(merchant_name: str, code: str, recipient: str) -> EmailMessage:
    """The mail that brings a one-time password. Raises `PermanentFailure` where the recipient is no address."""
    merchant = one_line(merchant_name)
    text = _rendered("sign_in.txt", {"merchant": merchant, "code": CODE_GOES_HERE})
    html = _rendered("sign_in.html", {"merchant": merchant, "code": code})
    subject = f"Your sign-in code for gift cards of {merchant}"
    return _mail(recipient, subject, broken_up(text).replace(CODE_GOES_HERE, code), html)


def sign_in_text(merchant_name: str, code: str) -> str:
    """The text message that brings a one-time password, at most `SMS_LENGTH_MAX` characters long."""
    begin = f"{one_line(merchant_name, 30)}: sign in to your gift cards within five minutes. Sign-in code: "
    return broken_up(begin) + code


def code_text(card: CodeForDelivery) -> str:
    """The text message that brings a security code, at most `SMS_LENGTH_MAX` characters long."""
    merchant, sender = one_line(card.merchant_name, 30), one_line(card.sender_name or "", 30)
    begin = f"{merchant}: {sender} sent you a gift card" if sender else f"{merchant}: your gift card"
    end = "does not expire" if _never(card.expires_at) else f"valid until {_day(card.expires_at)}"
    facts = f"{begin} of {card.value_text} {card.currency}, number ending {card.last_four}, {end}. Security code: "
    text = broken_up(facts) + card.code
    link = plain_link(card.url)
    return f"{text} {link}" if link and len(text) + 1 + len(link) <= SMS_LENGTH_MAX else text


def notice_text(notice: Notice) -> str:
    """The text message that says that a code went elsewhere, at most `SMS_LENGTH_MAX` characters long."""
    words = _notice_words(notice)
    return broken_up(
        f"{one_line(notice.merchant_name, 30)}: a new code for your gift card ending {words['last_four']} was sent to "
        f"{words['sent_to']}. The old code is no longer valid. Not you? Please tell the shop."
    )


def _card_words(card: CodeForDelivery) -> dict[str, object]:
    """What both templates of the code mail show, apart from the code and the link."""
    return {
        "merchant": one_line(card.merchant_name),
        "program": one_line(card.program_name),
        "customer": one_line(card.customer_name or ""),
        "sender": one_line(card.sender_name or ""),
        "message": lines(card.custom_message or ""),
        "number": grouped(one_line(card.card_number)),
        "value": f"{card.value_text} {card.currency}",
        "balance": f"{card.balance_text} {card.currency}" if _partly_spent(card) else "",
        "expires": "" if _never(card.expires_at) else _moment(card.expires_at),
    }


def _notice_words(notice: Notice) -> dict[str, object]:
    return {
        "merchant": one_line(notice.merchant_name),
        "program": one_line(notice.program_name),
        "last_four": one_line(notice.last_four, 4),
        "sent_to": mask(notice.sent_to) if notice.sent_to else "another address",
    }


def _mail(recipient: str, subject: str, text: str, html: str) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = broken_up(for_header(subject, 160))
    message["To"] = mailbox(recipient)
    message["Content-Language"] = "en"
    message["Auto-Submitted"] = "auto-generated"
    # Not base64: the code can be read in the raw mail as well, and no line is too long for any server.
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message


def _rendered(template: str, words: dict[str, object]) -> str:
    return _TEMPLATES.get_template(template).render(words)


def _partly_spent(card: CodeForDelivery) -> bool:
    # A card that is not activated yet has no balance; its recipient wants to know what it will be worth.
    return card.balance_text != card.value_text and card.balance_text.strip("0.") != ""


def _never(expires_at: datetime) -> bool:
    return expires_at >= clock.NEVER


def _day(moment: datetime) -> str:
    at = moment.astimezone(UTC)
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}"


def _moment(moment: datetime) -> str:
    return f"{_day(moment)}, {moment.astimezone(UTC):%H:%M} UTC"
