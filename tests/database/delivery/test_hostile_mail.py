"""From hostile words in the database to a mail server: one recipient, one sender, the headers that every mail has."""

import re
from typing import Any

import pytest
from tests.database.delivery.conftest import MakeSender
from tests.database.delivery.servers import MailServer, code_in
from tests.database.delivery.shop import ADDRESS, ACard, Shop
from tests.hostile import FORMULAS, HEADERS, MARKUP, TEMPLATES, TURNING
from tests.markup import tags

from kado.delivery.send import Sender

WORDS = [
    # What no API lets in stands in a database that somebody imported; NUL and surrogates PostgreSQL itself refuses.
    *(words for words in HEADERS if "\0" not in words and not re.search("[\ud800-\udfff]", words)),
    *MARKUP[::6],
    *TEMPLATES[::6],
    *TURNING[::3],
    *FORMULAS[::5],
]


async def test_hostile_words_reach_a_mail_server_as_words(
    shop: Shop, make_sender: MakeSender, mail_server: MailServer, superuser: Any
) -> None:
    sender = make_sender(mail_server.url)
    card = await shop.card(customer_name="Ada", sender_name="Charles", custom_message="Hi")
    await _send(shop, sender, card)
    usual = mail_server.received[0]
    for words in WORDS:
        await superuser.execute("UPDATE merchant SET name = $2 WHERE id = $1", shop.merchant_id, words[:255])
        await superuser.execute("UPDATE program SET name = $2 WHERE id = $1", shop.program_id, words[:255])
        for kind in ("security_code", "code_sent_elsewhere"):
            card = await shop.card(customer_name=words[:255], sender_name=words[:255], custom_message=words[:500])
            await _send(shop, sender, card, kind=kind)
        code, notice = mail_server.received[-2:]
        assert [part.get_content_type() for part in code.walk()] == [part.get_content_type() for part in usual.walk()]
        assert sorted(code.keys()) == sorted(notice.keys()) == sorted(usual.keys())
        assert code_in(code).isdigit()
        for mail in (code, notice):
            assert mail["To"] == ADDRESS
            assert [one.addr_spec for one in mail["From"].addresses] == ["gift-cards@shop.example"]
            found = tags(str(mail.get_body(("html",)).get_content()))  # type: ignore[union-attr]
            sources = {value for *_, facts in found for name, value in facts if name == "src"}
            assert sources <= {"cid:scan@kado", "cid:card@kado"}
            names = {name for _, name, _ in found}
            assert names.isdisjoint({"script", "svg", "form", "iframe", "object", "embed", "base", "link"})
    assert len(mail_server.received) == len(mail_server.recipients) == 2 * len(WORDS) + 1
    assert set(mail_server.recipients) == {ADDRESS}


async def _send(shop: Shop, sender: Sender, card: ACard, **facts: Any) -> None:
    message = await shop.message(card, **facts)
    await sender.send(message.program_id, message.id)


@pytest.mark.parametrize(
    "recipient",
    [
        "a@b.example,c@d.example",
        "a@b.example\nBcc: c@d.example",
        "a@b.example\r\nRCPT TO:<c@d.example>",
        "A <a@b.example>",
    ],
)
async def test_a_list_of_recipients_is_sent_to_nobody(
    shop: Shop, make_sender: MakeSender, mail_server: MailServer, recipient: str
) -> None:
    message = await shop.message(await shop.card(), recipient)
    await make_sender(mail_server.url).send(message.program_id, message.id)
    row = await shop.row(message)
    assert (row["state"], row["last_error"]) == ("failed", "this is not an email address")
    assert mail_server.received == []
