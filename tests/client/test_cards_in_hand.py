"""A card in somebody's hand, through the client, on the real server: for whom, how it looks, on paper, in wallets."""

import io
import json
import zipfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.api.pictures import a_picture
from tests.api.shop import Body, Shop
from tests.client.conftest import Clients
from tests.client.proxy import Answers, Mishap, Proxy
from tests.paper_seen import pages_of

from kado.access import keys
from kado.access.permissions import Role
from kado.paper.work import print_next_piece
from kado_client import ApiError, NetworkError, NotAllowed, NotFound, NotValid, Refused, Signer

GERMAN = {"language": "de-AT", "time_zone": "Europe/Vienna"}
ADA = "ada@example.com"


async def written_to(shop: Shop, card_id: str) -> tuple[str | None, str | None]:
    """In which language, and by which clock, the card's receiver is."""
    stored = await shop.stored({"programId": shop.program_id, "id": card_id})
    return stored.language, stored.time_zone


# ── whose it is ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_issue_says_whom_the_card_is_for_and_who_gives_it(program: Any, network: Proxy, shop: Shop) -> None:
    network.will(Mishap.LOSE_ANSWER)
    card = await program.cards.issue(
        "25.00", merchant_id=shop.merchant_id, customer_email=ADA, receipt_email="grace@example.com", **GERMAN
    )
    assert card.is_replay, "a try that says the same is the same request"
    assert await written_to(shop, card.id) == ("de-AT", "Europe/Vienna")
    sent = await shop.messages({"programId": shop.program_id, "id": card.id})
    assert {(one["kind"], one["recipient"]) for one in sent} == {
        ("security_code", ADA),
        ("receipt", "grace@example.com"),
    }
    with pytest.raises(NotValid) as caught:
        await program.cards.issue("25.00", merchant_id=shop.merchant_id, time_zone="Mars/Olympus")
    assert str(caught.value.fields[0].loc[-1]).lower() == "kado-time-zone"


async def test_without_a_word_nothing_is_said(program: Any, network: Proxy, shop: Shop) -> None:
    network.will()
    await program.cards.issue("25.00", merchant_id=shop.merchant_id)
    assert [name for name in network.seen[0].headers if name.startswith("kado-")] == []


async def test_a_new_code_and_a_bulk_issue_are_in_the_receivers_language(program: Any, shop: Shop) -> None:
    card = await shop.active("5.00", customerEmail=ADA)
    await program.cards.resend_code(card["id"], **GERMAN)
    assert await written_to(shop, card["id"]) == ("de-AT", "Europe/Vienna")
    made = await program.bulk.issue("5.00", recipients=[{"customer_email": ADA}] * 2, **GERMAN)
    for one in made.cards:
        assert await written_to(shop, one.id) == ("de-AT", "Europe/Vienna")


async def test_what_no_header_can_be_is_not_sent(program: Any, network: Proxy, shop: Shop) -> None:
    network.will()
    for calling in (
        program.cards.issue("5.00", merchant_id=shop.merchant_id, receipt_email="a@b.example\r\nX-Injected: 1"),
        program.cards.resend_code("0123456789abcdef01234567", language="de\n"),
        program.bulk.issue("5.00", count=1, time_zone="Mitteleuropäische Zeit"),
    ):
        with pytest.raises(ValueError, match="visible ASCII"):
            await calling
    assert network.seen == []


# ── on paper ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_card_is_printed(program: Any, network: Proxy, shop: Shop) -> None:
    card = await shop.active("25.00", customMessage="Happy birthday!")
    network.will(Mishap.LOSE_ANSWER)
    (page,) = pages_of(await program.cards.paper(card["id"]))
    assert len(network.seen) == 2, "to look at it twice is to look at it"
    assert page.codes["Code 128"] == [card["cardNumber"]]
    assert "Happy birthday!" in page.words
    label = await program.cards.paper(
        card["id"], format="label", size="letter", shift_right=-20, shift_down=100, language="fr"
    )
    (page,) = pages_of(label)
    assert (page.size, b"/Lang (fr)" in label) == ((612, 792), True)
    with pytest.raises(NotValid) as caught:
        await program.cards.paper(card["id"], shift_right=101)
    assert caught.value.fields[0].loc == ("query", "shiftRight")
    over = await shop.card_in("voided")
    with pytest.raises(Refused) as refused:
        await program.cards.paper(over["id"])
    assert refused.value.code == "card_not_active"


async def test_a_bulk_issue_is_printed_with_codes_that_are_right(program: Any, network: Proxy, shop: Shop) -> None:
    made = await program.bulk.issue("5.00", count=2)
    run = await program.bulk.order_paper(made.id, format="label", size="a4", shift_right=1)
    assert (run.task_id, run.status, run.format, run.is_finished) == (made.id, "pending", "label", False)
    assert (run.printed_count, run.total_count, run.download_url) == (0, 2, None)
    with pytest.raises(ApiError):
        await program.bulk.csv(made.csv_download_url)
    await _printed(shop)
    network.will(Mishap.RESET, Mishap.NONE, Answers(503))
    done = await program.bulk.paper(made.id)
    assert (done.status, done.printed_count, done.is_finished, done.error) == ("completed", 2, True, None)
    assert done.expires_at > datetime.now(UTC)
    assert done.download_url not in repr(done)
    (page,) = pages_of(await program.bulk.paper_file(done.download_url))
    assert sorted(page.codes["Code 128"]) == sorted(card.card_number for card in made.cards)
    with pytest.raises(NotFound) as gone:
        await program.bulk.paper(made.id)
    assert gone.value.code == "print_run_not_found"


async def test_paper_is_ordered_once_and_whoever_does_not_know_asks(program: Any, network: Proxy, shop: Shop) -> None:
    made = await program.bulk.issue("5.00", count=1)
    network.will(Mishap.LOSE_ANSWER)
    with pytest.raises(NetworkError):
        await program.bulk.order_paper(made.id)
    assert len(network.seen) == 1
    assert (await program.bulk.paper(made.id)).total_count == 1
    await program.cards.activate(made.cards[0].id)
    with pytest.raises(ApiError) as caught:
        await program.bulk.order_paper(made.id)
    assert (caught.value.status, caught.value.code) == (409, "cards_in_use")


# ── how it looks ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_program_says_how_its_cards_look(kado: Any, network: Proxy, shop: Shop) -> None:
    look = kado.program(await shop.program()).look
    before = await look.get()
    assert (before.background_color, before.shown.foreground_color, before.shown.logo_url) == (None, "#ffffff", None)
    network.will(Mishap.LOSE_ANSWER)
    after = await look.update(background_color="rgb(250, 204, 21)", foreground_color="#fff", logo_text="Flowers")
    assert (after.background_color, after.logo_text) == ("#facc15", "Flowers")
    assert after.shown.foreground_color != "#ffffff", "white on yellow cannot be read"
    again = await look.update(logo_text=None)
    assert (again.background_color, again.logo_text) == ("#facc15", None)
    assert await look.get() == again
    with pytest.raises(NotValid) as caught:
        await look.update(label_color="red")
    assert caught.value.code == "invalid_color"


async def test_pictures_are_sent_and_taken_away(kado: Any, network: Proxy, shop: Shop) -> None:
    look = kado.program(await shop.program()).look
    network.will(Mishap.LOSE_ANSWER)
    logo = await look.send_picture("logo", a_picture(size=(2000, 1000)))
    assert len(network.seen) == 2, "the same picture again changes nothing"
    assert (logo.type, logo.width, logo.height, logo.bytes > 0) == ("logo", 640, 320, True)
    assert logo.updated_at.tzinfo is not None
    served = await shop.api.client.get(logo.url[logo.url.index("/pictures/") :])
    assert (len(served.content), served.headers["content-type"]) == (logo.bytes, logo.content_type)
    assert await look.picture("logo") == logo
    assert list(await look.pictures()) == [logo]
    assert (await look.get()).shown.logo_url == logo.url
    assert await look.remove_picture("logo") is None
    for calling in (look.picture, look.remove_picture):
        with pytest.raises(NotFound) as caught:
            await calling("logo")
        assert caught.value.code == "picture_not_found"


async def test_what_is_no_picture_is_refused_by_its_kind(program: Any) -> None:
    for image, code in ((b"<svg/>", "image_type"), (a_picture(size=(1, 1)), "image_too_small"), (b"", "missing")):
        with pytest.raises(NotValid) as caught:
            await program.look.send_picture("icon", image)
        assert (caught.value.code, caught.value.fields[0].loc) == (code, ("body", "image"))
    with pytest.raises(NotFound):
        await program.look.send_picture("poster", a_picture())


async def test_a_program_has_designs_of_its_own(kado: Any, shop: Shop) -> None:
    look = kado.program(await shop.program()).look
    drawn = {one.slug: one for one in await look.designs()}
    assert "birthday" in drawn
    assert {(one.own, one.bytes, one.updated_at) for one in drawn.values()} == {(False, None, None)}
    own = await look.send_design("birthday", a_picture(size=(856, 540)))
    assert (own.slug, own.own, own.width, own.content_type.startswith("image/")) == ("birthday", True, 856, True)
    assert await look.design("birthday") == own
    assert len(await look.designs()) == len(drawn)
    await look.remove_design("birthday")
    assert await look.design("birthday") == drawn["birthday"]
    with pytest.raises(NotValid) as caught:
        await look.send_design("Birthday", a_picture())
    assert caught.value.code == "design_name"


async def test_a_sample_is_no_card(program: Any) -> None:
    (page,) = pages_of(
        await program.look.preview(format="folded", size="letter", design_template="winter", language="en")
    )
    assert (page.codes["Code 128"], page.size, "Sample" in page.words) == (["0000000000000000"], (612, 792), True)


async def test_only_an_owner_changes_the_look(clients: Clients, network: Proxy, shop: Shop) -> None:
    _, cashier = await shop.somebody(Role.CASHIER)
    look = clients.make(network.url, cashier).program(shop.program_id).look
    with pytest.raises(NotAllowed):
        await look.send_picture("logo", a_picture())
    assert len(await look.designs()) >= 7


# ── in wallets ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_card_is_taken_into_a_wallet(kado: Any, network: Proxy, shop: Shop) -> None:
    card = await shop.active("25.00")
    of = await _pass_of(kado, card)
    network.will(Mishap.LOSE_ANSWER)
    with zipfile.ZipFile(io.BytesIO(await kado.passes.file(*of))) as archive:
        said = json.loads(archive.read("pass.json"))
    assert said["serialNumber"] == of[1]
    assert (await kado.passes.url(*of)).url == card["card"]["url"]
    shown = await kado.passes.pass_json(*of)
    assert shown["storeCard"]["primaryFields"][0]["value"] == Decimal("25.00")
    assert "authenticationToken" not in shown
    network.will(Mishap.LOSE_ANSWER)
    assert (await kado.passes.push(*of)).queued == 0
    assert len(network.seen) == 2, "whoever is told twice looks twice"


async def test_a_front_end_signs_for_passes_too(clients: Clients, kado: Any, network: Proxy, shop: Shop) -> None:
    of = await _pass_of(kado, await shop.active())
    services = shop.api.services
    made = await keys.create_signing_key(services.database, services.keyring, shop.merchant_id, "operator:test")
    front_end = clients.make(network.url, signer=Signer(made.key_id, made.secret))
    assert (await front_end.passes.file(*of)).startswith(b"PK")


async def test_google_is_asked_for_where_it_is_set_up(kado: Any, network: Proxy, shop: Shop) -> None:
    of = await _pass_of(kado, await shop.active())
    for calling in (kado.passes.save_to_wallet, kado.passes.wallet_object):
        with pytest.raises(NotFound) as caught:
            await calling(*of)
        assert caught.value.code == "wallet_not_offered"
    network.will(Answers(200, body=b'{"url": "https://pay.google.com/gp/v/save/x"}'))
    assert (await kado.passes.save_to_wallet(*of)).url == "https://pay.google.com/gp/v/save/x"
    network.will(Answers(200, body=b'{"id": "1.x", "balance": {"micros": "25000000"}}'))
    assert (await kado.passes.wallet_object(*of))["balance"] == {"micros": "25000000"}


async def test_a_pass_of_another_type_is_none(kado: Any, shop: Shop) -> None:
    _, serial = await _pass_of(kado, await shop.active())
    calls: tuple[Callable[[str, str], Awaitable[object]], ...] = (kado.passes.file, kado.passes.url, kado.passes.push)
    for calling in calls:
        with pytest.raises(NotFound) as caught:
            await calling("pass.other", serial)
        assert caught.value.code == "pass_not_found"


async def _pass_of(kado: Any, card: Body) -> tuple[str, str]:
    """Its type and its serial number."""
    found = (await kado.program(card["programId"]).cards.get(card["id"])).card
    return found.pass_type_identifier, found.serial_number


async def _printed(shop: Shop) -> None:
    """Do what a worker would."""
    services = shop.api.services
    while await print_next_piece(services.database, services.keyring, services.settings.public_url):
        pass
