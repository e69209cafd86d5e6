"""Receipts and news of a card's money, from their rows to a mail server."""

import io
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest
from PIL import Image
from tests.database.delivery.conftest import MakeSender
from tests.database.delivery.servers import MailServer, code_in
from tests.database.delivery.shop import ADDRESS, ACard, Shop

from kado.access.caller import Caller
from kado.access.permissions import Role
from kado.designs import pictures
from kado.ids import new_id

GIVER = "giver@example.com"
VIENNA = {"language": "de-AT", "time_zone": "Europe/Vienna"}


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


async def an_entry(shop: Shop, of: ACard, kind: str, amount: int, balance: int) -> None:
    async with shop.database.transaction() as connection:
        await connection.execute(
            """
            INSERT INTO card_transaction (program_id, card_id, seq, id, type, amount, balance_before, balance_after,
                                          created_at, merchant_id, previous_hash, hash)
            VALUES ($1, $2, 7, $3, $4, $5, $6, $7, '2027-01-02T22:30:00Z', $8, $9, $9)""",
            of.program_id, of.id, new_id(), kind, amount, balance - amount, balance, shop.merchant_id, bytes(32),
        )  # fmt: skip


async def test_the_giver_hears_what_leaves_for_whom_and_nothing_that_opens_it(
    shop: Shop, make_sender: MakeSender, mail_server: MailServer
) -> None:
    card = await shop.card(deliver_at=datetime.now(UTC) + timedelta(days=9), **VIENNA)
    message = await shop.message(card, GIVER, kind="receipt")
    await make_sender(mail_server.url).send(message.program_id, message.id)
    (mail,) = mail_server.received
    assert (mail["To"], mail_server.recipients) == (GIVER, [GIVER])
    said = text_of(mail) + str(mail.get_body(("html",)).get_content())  # type: ignore[union-attr]
    assert "25,00\u00a0€" in said
    assert "a***@e***.com" in said
    assert "liegt bereit" in said
    for secret in (ADDRESS, card.number, card.number[-4:], "cards.example.com/cards"):
        assert secret not in said
    row = await shop.card_row(card)
    assert (row["code_hash"], row["delivered_at"]) == (None, None), "no code was made and none delivered"


@pytest.mark.parametrize(
    ("kind", "amount", "subject"),
    [
        ("REDEMPTION", -500, "5,00 € mit Ihrem Gutschein von Café"),
        ("RELOAD", 500, "5,00 € auf Ihren Gutschein von Café"),
        ("REFUND", 500, "5,00 € auf Ihren Gutschein von Café"),
    ],
)
async def test_a_holder_hears_of_their_money(
    shop: Shop, make_sender: MakeSender, mail_server: MailServer, kind: str, amount: int, subject: str
) -> None:
    card = await shop.card(status="active", balance=1250, activated_at=datetime.now(UTC), **VIENNA)
    await an_entry(shop, card, kind, amount, 1250)
    message = await shop.message(card, kind="balance_changed", entry_seq=7)
    await make_sender(mail_server.url).send(message.program_id, message.id)
    (mail,) = mail_server.received
    assert str(mail["Subject"]).replace("\u00a0", " ").startswith(subject)
    assert mail["Content-Language"] == "de"
    text = text_of(mail)
    assert "12,50\u00a0€" in text
    assert "2. Januar 2027, 23:30 MEZ" in text
    assert card.number[:-4] not in text.replace(" ", "")


async def test_a_card_without_a_language_is_written_to_in_its_programs(
    shop: Shop, make_sender: MakeSender, mail_server: MailServer
) -> None:
    sender = make_sender(mail_server.url)
    async with shop.database.transaction() as connection:
        await connection.execute(
            """UPDATE program SET profile = '{"language": "fr-CH", "timeZone": "Europe/Zurich"}' WHERE id = $1""",
            shop.program_id,
        )
    cards = [await shop.card(), await shop.card(language="nl"), await shop.card(language="pt-BR")]
    for card in cards:
        message = await shop.message(card)
        await sender.send(message.program_id, message.id)
    message = await shop.message(cards[1], language="es")
    await sender.send(message.program_id, message.id)
    assert [mail["Content-Language"] for mail in mail_server.received] == ["fr", "nl", "fr", "es"]


async def test_mails_wear_the_colours_of_the_shop(shop: Shop, make_sender: MakeSender, mail_server: MailServer) -> None:
    async with shop.database.transaction() as connection:
        await connection.execute(
            """
            INSERT INTO shop (id, merchant_id, platform, platform_id, app_token_hash, app_token_version, theme)
            VALUES ($1, $2, 'shopify', '1', decode(repeat('00', 32), 'hex'), decode(repeat('00', 4), 'hex'),
                    '{"primary": "#7c3aed"}')""",
            new_id(),
            shop.merchant_id,
        )
    message = await shop.message(await shop.card())
    await make_sender(mail_server.url).send(message.program_id, message.id)
    (mail,) = mail_server.received
    assert "#7c3aed" in str(mail.get_body(("html",)).get_content())  # type: ignore[union-attr]
    assert code_in(mail).isdigit()


async def test_a_mail_brings_the_card_and_the_shops_logo(
    shop: Shop, make_sender: MakeSender, mail_server: MailServer
) -> None:
    sender = make_sender(mail_server.url)
    caller = Caller(shop.merchant_id, "key:test", Role.OWNER, frozenset(), is_test=False)
    out = io.BytesIO()
    Image.new("RGBA", (600, 200), "#7c3aed").save(out, "PNG")
    for at in range(2):
        message = await shop.message(await shop.card())
        await sender.send(message.program_id, message.id)
        if at == 0:
            await pictures.save(shop.database, caller, shop.program_id, "logo", "", out.getvalue())
    names = [
        [str(part["Content-ID"]) for part in mail.walk() if part.get_content_type() == "image/png"]
        for mail in mail_server.received
    ]
    assert names == [["<card@kado>", "<scan@kado>"], ["<logo@kado>", "<card@kado>", "<scan@kado>"]]
