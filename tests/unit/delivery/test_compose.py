import re
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kado import clock, money
from kado.cards.codes import CodeForDelivery
from kado.delivery import compose, short
from kado.delivery.compose import Notice
from kado.delivery.failures import PermanentFailure

ACode = Callable[..., CodeForDelivery]
NOTICE = Notice("Café Müller", "Gift cards", "9012", "thief@example.org")


def received(message: EmailMessage) -> EmailMessage:
    """The mail as a reader gets it."""
    return message_from_bytes(message.as_bytes(policy=policy.SMTP), policy=policy.default)


def text_of(message: EmailMessage) -> str:
    part = received(message).get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def html_of(message: EmailMessage) -> str:
    part = received(message).get_body(("html",))
    assert part is not None
    return str(part.get_content())


def free_groups(text: str) -> list[str]:
    return re.findall(r"(?<!\d)\d{6}(?!\d)", text) + re.findall(r"(?<![0-9])[0-9]{6}(?![0-9])", text)


def test_a_code_mail_says_what_its_reader_needs(a_code: ACode) -> None:
    mail = received(compose.code_mail(a_code(), "anna@example.com"))
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "multipart/related"]
    assert mail["To"] == "anna@example.com"
    assert mail["Subject"] == "Bernd sent you a gift card of Café Müller"
    for shown in (text_of(mail), html_of(mail)):
        for fact in ("Anna", "Bernd", "Café Müller", "Gift cards", "€25.00", "6034 1234 5678 9012", "481516"):
            assert fact in shown
        assert "12 March 2027, 14:30 UTC" in shown
        assert a_code().url in shown
    assert "> Happy birthday!\n> Yours, Bernd\n" in text_of(mail)
    assert "Happy birthday!<br />Yours, Bernd" in html_of(mail)


def test_a_card_without_names_or_words_or_end(a_code: ACode) -> None:
    card = a_code(customer_name=None, sender_name=None, custom_message=None, expires_at=clock.NEVER)
    mail = compose.code_mail(card, "anna@example.com")
    assert received(mail)["Subject"] == "Your gift card of Café Müller"
    assert "does not expire" in text_of(mail)
    assert "does not expire" in html_of(mail)
    assert "None" not in text_of(mail) + html_of(mail)
    assert text_of(mail).startswith("Hello,\n")


@pytest.mark.parametrize(("balance", "shown"), [(1000, True), (2500, False), (0, False)])
def test_the_balance_is_shown_where_it_is_not_the_value(a_code: ACode, balance: int, shown: bool) -> None:
    text = text_of(compose.code_mail(a_code(balance=balance), "anna@example.com"))
    assert "Value:          €25.00\n" in text
    assert (f"Balance:        €{balance / 100:.2f}\n" in text) is shown


_ANYTHING = st.text(max_size=80) | st.text("0123456789٠١٢３４５６ -\n", max_size=40)


@given(_ANYTHING, _ANYTHING, _ANYTHING, _ANYTHING, st.from_regex(r"[0-9]{6}", fullmatch=True))
@example("123456", "a654321", "call 030 123456\n999999", "12345\n6", "000000")
@example("{{ 7*7 }}", "{% raw %}", "{{ code }}", "\ue000", "111111")
def test_the_code_is_the_only_free_group_of_six(
    a_code: ACode, customer: str, sender: str, words: str, merchant: str, code: str
) -> None:
    card = a_code(
        code=code,
        customer_name=customer,
        sender_name=sender,
        custom_message=words,
        merchant_name=merchant,
        program_name=words,
        value=123456,
        balance=654321,
        currency=money.currency("JPY"),
        url="https://cards.example.com/cards/aa123456bb654321cc",
    )
    text = text_of(compose.code_mail(card, "anna@example.com"))
    assert set(free_groups(text)) == {code}
    assert len(re.findall(rf"(?<!\d){code}(?!\d)", text)) == 1
    assert "49" not in text.replace(code, "") or "49" in customer + sender + words + merchant


_ENCODED = "=?utf-8?q?x=0D=0ABcc=3A_thief=40example.org?="


@given(_ANYTHING, _ANYTHING)
@example(_ENCODED, _ENCODED)
@example("=", _ENCODED[1:])
def test_no_words_can_add_a_header(a_code: ACode, sender: str, merchant: str) -> None:
    plain = compose.code_mail(a_code(), "anna@example.com")
    for name in (sender, f"{sender}\r\nBcc: thief@example.org\r\n\r\n{merchant}", f"x\nBcc:{merchant}"):
        mail = received(compose.code_mail(a_code(sender_name=name, merchant_name=merchant), "anna@example.com"))
        assert sorted(mail.keys()) == sorted(received(plain).keys())
        assert mail["To"] == "anna@example.com"
        assert "\n" not in mail["Subject"]


TAGS = set("html head meta title style body div h1 span bdi blockquote br a img table tbody tr td".split())


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


@pytest.mark.parametrize(
    "words",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        '"><svg onload=alert(1)>',
        "</blockquote></div><a href='javascript:alert(1)'>x</a>",
        "{{ 7*7 }}{% include '/etc/passwd' %}",
        "<style>@import url(https://evil.example)</style>",
    ],
)
def test_words_stay_words_in_html(a_code: ACode, words: str) -> None:
    facts = ("customer_name", "sender_name", "custom_message", "merchant_name", "program_name")
    html = html_of(compose.code_mail(a_code(**dict.fromkeys(facts, words)), "anna@example.com"))
    parser = _Tags()
    parser.feed(html)
    assert set(parser.tags) <= TAGS
    assert [value for name, value in parser.attributes if name in ("href", "src")] == [a_code().url, "cid:scan@kado"]
    assert not [name for name, _ in parser.attributes if name.startswith("on")]
    assert "49" not in re.sub(r"#[0-9a-f]{6}", "", html) or "49" in words


def test_the_html_is_kind_to_readers(a_code: ACode) -> None:
    html = html_of(compose.code_mail(a_code(), "anna@example.com"))
    assert '<html lang="en"' in html
    assert "prefers-color-scheme: dark" in html
    assert "url(" not in html
    assert "max-width:520px" in html
    assert len(re.findall("<table ", html)) == len(re.findall('<table [^>]*role="presentation"', html))
    assert free_groups(html) == ["481516", "481516"]


def test_a_notice_says_where_the_code_went_and_holds_none() -> None:
    mail = compose.notice_mail(NOTICE, "owner@example.com")
    for shown in (text_of(mail), html_of(mail), short.notice_text(NOTICE)):
        assert "t***@e***.org" in shown
        assert "thief" not in shown
        assert "9012" in shown
    assert free_groups(text_of(mail)) == []
    assert len(short.notice_text(NOTICE)) <= short.LENGTH_MAX


def test_a_text_message_holds_the_code_and_is_short(a_code: ACode) -> None:
    text = short.code_text(a_code())
    assert text.endswith(f"Security code: 481516 {a_code().url}")
    assert len(text) <= short.LENGTH_MAX


@given(_ANYTHING, _ANYTHING)
def test_a_text_message_is_short_whatever_it_is_made_of(a_code: ACode, sender: str, merchant: str) -> None:
    card = a_code(sender_name=sender * 9, merchant_name=merchant * 9, url=f"https://cards.example.com/{'a1' * 90}")
    text = short.code_text(card)
    assert len(text) <= short.LENGTH_MAX
    assert set(free_groups(text)) == {"481516"}
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize(
    "recipient",
    [
        "",
        "anna",
        "anna@",
        "@example.com",
        "anna@example.com, thief@example.org",
        "anna@example.com\r\nBcc: thief@example.org",
        "anna@example.com\n",
        "Anna <anna@example.com>",
        "anna@exa mple.com",
        "an na@example.com",
        '"anna"@example.com',
        "anna@example.com>",
        "=?utf-8?q?x=0D=0ABcc=3Ay?=@example.com",
        "anna@=?utf-8?q?example?=.com",
    ],
)
def test_what_is_no_single_address_is_refused(a_code: ACode, recipient: str) -> None:
    with pytest.raises(PermanentFailure) as failure:
        compose.code_mail(a_code(), recipient)
    assert str(failure.value) == "this is not an email address"


def test_international_domains_are_written_in_ascii(a_code: ACode) -> None:
    assert compose.code_mail(a_code(), "anna@Müller.example")["To"] == "anna@xn--mller-kva.example"


@pytest.mark.parametrize(
    "merchant", ["Café Müller", "111111 & Söhne <b>", "123456 789012 345678", "\r\nBcc: eve@example.com"]
)
def test_a_sign_in_mail_has_one_free_group_of_six_digits(merchant: str) -> None:
    mail = received(compose.sign_in_mail(merchant, "481516", "anna@example.com"))
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert (mail["To"], mail["Bcc"]) == ("anna@example.com", None)
    assert set(free_groups(text_of(mail))) == {"481516"}
    assert "Sign-in code:   481516\n" in text_of(mail)
    assert "481516" in html_of(mail)
    assert "481516" not in str(mail["Subject"])
    assert "<b>" not in html_of(mail)


def test_a_sign_in_text_is_short_and_has_one_free_group() -> None:
    text = short.sign_in_text("123456 " * 40, "481516")
    assert len(text) <= short.LENGTH_MAX
    assert set(free_groups(text)) == {"481516"}
