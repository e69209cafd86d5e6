"""Whatever stands in a name or a message: a mail has its own headers, parts and elements, and one recipient."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses
from typing import Any

import pytest
from tests.hostile import FORMULAS, HEADERS, INVISIBLE, MARKUP, TEMPLATES, TURNING
from tests.markup import tags

from kado.cards.codes import CodeForDelivery
from kado.delivery import compose, short
from kado.delivery.addresses import mailbox, shown
from kado.delivery.compose import Notice
from kado.delivery.failures import PermanentFailure
from kado.delivery.wording import one_line

ACode = Callable[..., CodeForDelivery]
ALL = (*MARKUP, *TEMPLATES, *HEADERS, *TURNING, *INVISIBLE, *FORMULAS)
FIELDS = ("customer_name", "sender_name", "custom_message", "merchant_name", "program_name")
TO = "anna@example.com"
USUAL = "Flowers"

_SEEN_BY_NOBODY = re.compile(
    "[\u00ad\u034f\u180e\u200b\u2028\u2029\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]"
)


def mails(a_code: ACode, words: str, fields: tuple[str, ...] = FIELDS) -> Iterator[EmailMessage]:
    """Each mail that there is, with these words wherever somebody's words may stand."""
    yield compose.code_mail(a_code(**dict.fromkeys(fields, words)), TO)
    yield compose.notice_mail(Notice(words, words, "9012", words), TO)
    yield compose.sign_in_mail(words, "481516", TO)


def sent(message: EmailMessage, name: str) -> bytes:
    """The mail as it goes over the wire, with the sender's name as `Mailer` puts it."""
    message["From"] = mailbox("gift-cards@shop.example", name)
    return message.as_bytes(policy=policy.SMTP)


def structure(mail: EmailMessage) -> list[tuple[str, list[str]]]:
    return [(part.get_content_type(), sorted(map(str.lower, part.keys()))) for part in mail.walk()]


def content(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def read(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.default)


def without_quote(html: str) -> list[Any]:
    """The elements of the page; a quotation has as many lines as its words."""
    return [tag for tag in tags(html) if tag[1] != "br"]


@pytest.mark.parametrize("words", ALL, ids=lambda words: ascii(words)[:60])
def test_a_mail_with_hostile_words_is_the_mail_that_it_would_be_without(words: str, a_code: ACode) -> None:
    for usual, hostile in zip(mails(a_code, USUAL), mails(a_code, words), strict=True):
        raw = sent(hostile, words)
        plain, mail = read(sent(usual, USUAL)), read(raw)
        assert structure(mail) == structure(plain)
        assert mail["To"] == TO
        for header in ("From", "To", "Subject"):
            assert len(mail.get_all(header, [])) == 1
            assert len(str(mail[header]).splitlines()) == 1
        assert [address for _, address in getaddresses([str(mail["From"])])] == ["gift-cards@shop.example"]
        # RFC 5321: no line over 1,000 bytes with its end; and a bare CR or LF ends lines for some and not for others.
        assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
        assert b"\r" not in raw.replace(b"\r\n", b"")
        assert b"\n" not in raw.replace(b"\r\n", b"")
        assert not _SEEN_BY_NOBODY.search(str(mail["Subject"]) + str(mail["From"]) + content(mail, "plain"))


@pytest.mark.parametrize("words", ALL, ids=lambda words: ascii(words)[:60])
def test_a_mail_with_hostile_words_has_the_elements_that_it_would_have_without(words: str, a_code: ACode) -> None:
    if not one_line(words):
        return
    usual, hostile = mails(a_code, USUAL), mails(a_code, words)
    for one, other in zip(usual, hostile, strict=True):
        # What the page is called stands in an attribute as well; there it is the words and nothing more.
        expected = [
            (depth, name, tuple((key, value.replace(USUAL, one_line(words))) for key, value in attributes))
            for depth, name, attributes in without_quote(content(read(sent(one, USUAL)), "html"))
        ]
        assert without_quote(content(read(sent(other, USUAL)), "html")) == expected


@pytest.mark.parametrize("words", TEMPLATES)
def test_nothing_in_a_template_language_is_reckoned_out(words: str, a_code: ACode) -> None:
    for mail in mails(a_code, words):
        got = read(sent(mail, words))
        text, html = content(got, "plain"), content(got, "html")
        assert "49" not in text.replace(words, "").replace("481516", "")
        assert one_line(words) in text
        assert "49" not in re.sub(r"#[0-9a-f]{6}", "", html).replace(words, "").replace("481516", "")
    card = a_code(**dict.fromkeys(FIELDS, words))
    assert one_line(words, 30) in short.code_text(card)


@pytest.mark.parametrize("words", ALL, ids=lambda words: ascii(words)[:60])
def test_a_text_message_with_hostile_words_is_one_short_line_with_one_code(words: str, a_code: ACode) -> None:
    card = a_code(**dict.fromkeys(FIELDS, words))
    texts = (
        short.code_text(card),
        short.sign_in_text(words, "481516"),
        short.notice_text(Notice(words, words, "9012", words)),
    )
    for text in texts:
        assert len(text) <= short.LENGTH_MAX
        assert len(text.splitlines()) == 1
        assert not _SEEN_BY_NOBODY.search(text)
        assert not any(unicodedata.category(one) in ("Cc", "Cs", "Co") for one in text)
        assert set(re.findall(r"(?<!\d)\d{6}(?!\d)", text)) <= {"481516"}
    assert all("481516" in text for text in texts[:2])


@pytest.mark.parametrize("digits", INVISIBLE, ids=ascii)
def test_nothing_unseen_makes_a_second_code(digits: str, a_code: ACode) -> None:
    """`12 3456` with nothing to be seen in the gap is a code to whoever reads it."""
    card = a_code(custom_message=f"Your code is {digits}", sender_name=digits)
    text = content(read(sent(compose.code_mail(card, TO), "x")), "plain")
    seen = "".join(one for one in text if unicodedata.category(one) != "Cf" and one not in "\u034f\u3164\ufe0f")
    assert set(re.findall(r"(?<!\d)\d{6}(?!\d)", seen)) == {"481516"}


def test_what_joins_letters_and_emoji_is_kept(a_code: ACode) -> None:
    words = "👨‍👩‍👧 ❤️ نمی‌خواهم 1️⃣ é"
    assert words in content(read(sent(compose.code_mail(a_code(custom_message=words), TO), "x")), "plain")


@pytest.mark.parametrize(
    "name",
    [
        "service@bank.example",
        "<service@bank.example>",
        "Bank <service@bank.example>",
        "Bank, service@bank.example",
        "service＠bank.example",
        "service﹫bank.example",
        "\u202eelpmaxe.knab@ecivres",
        '"service@bank.example"',
        "=?utf-8?q?service=40bank.example?=",
        "service@bank.example\0",
        "(service@bank.example)",
        "x" * 300 + "@bank.example",
    ],
)
def test_a_name_never_looks_like_an_address(name: str) -> None:
    assert not set("@＠﹫<>") & set(shown(name))
    message = EmailMessage()
    message["From"] = mailbox("gift-cards@shop.example", name)
    assert read(message.as_bytes(policy=policy.SMTP))["From"].addresses[0].addr_spec == "gift-cards@shop.example"
    assert len(read(message.as_bytes(policy=policy.SMTP))["From"].addresses) == 1


def test_senders_are_named_in_the_text_and_never_as_the_sender(a_code: ACode) -> None:
    """Whoever gives a card may call themselves what they like; the mail is the merchant's."""
    mail = compose.code_mail(a_code(sender_name="Your bank <service@bank.example>"), TO)
    assert "From" not in mail
    assert "Sender" not in mail
    assert "Reply-To" not in mail


@pytest.mark.parametrize(
    "recipient",
    [
        "a@b.example,c@d.example",
        "a@b.example;c@d.example",
        "a@b.example c@d.example",
        "a@b.example\nBcc: c@d.example",
        "a@b.example\r\nBcc: c@d.example",
        "a@b.example\rc@d.example",
        "a@b.example\0c@d.example",
        "a@b.example\x0bx",
        "a@b.example\u2028c@d.example",
        "<a@b.example>",
        "A <a@b.example>",
        "a@b.example>,<c@d.example",
        "a@b@c.example",
        "a@b.example?cc=c@d.example",
        "a@b.example%0aBcc:c@d.example",
        "friends:a@b.example,c@d.example;",
        "a@[127.0.0.1",
        "a@b.example\t",
        " a@b.example",
        "a@b.example ",
        "@b.example:a@c.example",
        "a@b..example\n",
        "a@-\n",
        "a@\ud800.example",
        '"a@b.example\\"," c@d.example"',
        "a@b.example,",
        ",a@b.example",
        "a@b.example (x)",
        "a@{{7*7}}.example",
    ],
)
def test_a_list_of_recipients_is_none(recipient: str, a_code: ACode) -> None:
    with pytest.raises(PermanentFailure) as failure:
        compose.code_mail(a_code(), recipient)
    assert failure.value.reason == "this is not an email address"


def test_a_boundary_cannot_be_guessed(a_code: ACode) -> None:
    made = [read(sent(compose.code_mail(a_code(), TO), "x")).get_boundary() for _ in range(50)]
    assert len(set(made)) == 50
    assert replace(a_code(), custom_message=str(made[0])).custom_message == made[0]
    again = read(sent(compose.code_mail(a_code(custom_message=f"--{made[0]}--"), TO), "x"))
    assert [part.get_content_type() for part in again.iter_parts()] == ["text/plain", "multipart/related"]
