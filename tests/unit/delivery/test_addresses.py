from email.message import EmailMessage
from email.utils import getaddresses

from hypothesis import example, given
from hypothesis import strategies as st

from kado.delivery.addresses import mailbox, shown


@given(st.text())
@example("Müller, Söhne & Co. <thief@example.org>")
@example('"Anna" <a@b.c>,')
@example("x" * 300 + ", Ünal")
@example("=?utf-8?q?=0D=0ABcc=3A_thief=40example.org?=")
def test_no_name_can_add_an_address_or_a_header(name: str) -> None:
    message = EmailMessage()
    message["From"] = mailbox("gift-cards@example.com", name)
    raw = message.as_bytes()
    header = raw.removeprefix(b"From: ").rstrip(b"\n").replace(b"\n ", b" ")
    assert b"\n" not in header
    assert [address for _, address in getaddresses([header.decode("ascii")])] == ["gift-cards@example.com"]
    assert "@" not in shown(name)


def test_ordinary_names_are_kept() -> None:
    assert str(mailbox("a@example.com", "Café Müller Inc.")) == '"Café Müller Inc." <a@example.com>'
