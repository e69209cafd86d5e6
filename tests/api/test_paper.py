"""One card on paper over the API: what is on it, who may have it, and that the look at its number is known."""

import pytest
from tests.api.pictures import MULTIPART, a_body, a_picture
from tests.api.serving import PUBLIC_URL
from tests.api.shop import UNKNOWN, Shop, card_path, good
from tests.paper_seen import meta_of, pages_of

from kado.access.permissions import Role


async def test_a_card_on_paper_has_its_number_its_page_and_the_giver_s_words(shop: Shop) -> None:
    card = await shop.issue(customMessage="Happy birthday! 🎁", senderName="Charles", customerName="Ada Lovelace")
    answer = await shop.get(card_path(card, "paper"))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == f'inline; filename="gift-card-{card["lastFourDigits"]}.pdf"'
    assert answer.headers["cache-control"] == "no-store"
    (page,) = pages_of(answer.content)
    assert page.codes == {"QR Code": [card["card"]["url"]], "Code 128": [card["cardNumber"]]}
    assert card["card"]["url"].startswith(PUBLIC_URL)
    for words in ("Happy birthday!", "Charles", "Ada Lovelace", "Flower Shop"):
        assert words in page.words
    assert meta_of(answer.content)["Title"] == f"Gift card · {shop.merchant_name}"


@pytest.mark.parametrize("query", ["format=folded", "format=label&size=letter&shiftRight=20", "format=letter"])
async def test_every_format_can_be_asked_for(shop: Shop, query: str) -> None:
    card = await shop.active()
    answer = await shop.get(f"{card_path(card, 'paper')}?{query}&language=fr")
    (page,) = pages_of(answer.content)
    assert page.codes["Code 128"] == [card["cardNumber"]]
    assert page.size == ((612, 792) if "letter" in query else (595, 842))
    assert b"/Lang (fr)" in answer.content


@pytest.mark.parametrize(
    "query", ["format=a5", "size=a3", "shiftRight=101", "shiftDown=-101", "language=tlh", "format=", "shiftDown=1.5"]
)
async def test_what_is_no_format_is_refused_by_its_field(shop: Shop, query: str) -> None:
    card = await shop.active()
    answer = await shop.get(f"{card_path(card, 'paper')}?{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", query.partition("=")[0]]


async def test_a_program_says_where_its_paper_comes_from(shop: Shop) -> None:
    program = await shop.program(country="US", language="es-MX")
    card = await shop.active(program_id=program)
    answer = await shop.get(card_path(card, "paper"))
    (page,) = pages_of(answer.content)
    assert page.size == (612, 792)
    assert b"/Lang (es)" in answer.content


async def test_what_is_left_is_on_the_paper_of_a_card_that_was_used(shop: Shop) -> None:
    card = await shop.active("25.00")
    good(await shop.redeem(card, "10.00"))
    (page,) = pages_of((await shop.get(card_path(card, "paper"))).content)
    assert "Balance" in page.words
    assert "15.00" in page.words


@pytest.mark.parametrize("state", ["expired", "voided"])
async def test_a_card_that_is_over_is_not_printed(shop: Shop, state: str) -> None:
    card = await shop.card_in(state)
    answer = await shop.get(card_path(card, "paper"))
    assert answer.status_code == 400
    assert answer.json()["code"] in ("card_expired", "card_not_active")


async def test_a_look_at_paper_is_a_look_at_the_number(shop: Shop) -> None:
    card = await shop.active()
    await shop.api.services.looks.written()
    before = await _looks(shop, card["id"])
    good_pdf = await shop.get(card_path(card, "paper"))
    assert good_pdf.status_code == 200
    await shop.api.services.looks.written()
    assert await _looks(shop, card["id"]) == before + 1


async def test_who_may_not_see_the_number_gets_no_paper(shop: Shop) -> None:
    card = await shop.active()
    path = card_path(card, "paper")
    assert (await shop.get(path, token=None)).status_code == 401
    assert (await shop.get(path, token=(await shop.stranger())[1])).status_code == 403
    assert (await shop.get(path.replace(card["id"], UNKNOWN))).status_code == 404


async def test_the_shop_s_own_art_and_logo_are_on_it(shop: Shop) -> None:
    card = await shop.active(designTemplate="roses")
    plain = (await shop.get(card_path(card, "paper"))).content
    for place in ("card/designs/roses", "card/images/logo"):
        sent = a_body(a_picture("JPEG", (856, 540)))
        good(
            await shop.call("POST", f"/v2/loyalty/programs/{shop.program_id}/{place}", content=sent, headers=MULTIPART)
        )
    own = (await shop.get(card_path(card, "paper"))).content
    assert own.count(b"/Subtype /Image") == plain.count(b"/Subtype /Image") + 2
    (page,) = pages_of(own)
    assert page.codes["Code 128"] == [card["cardNumber"]]


async def test_a_sample_shows_the_look_and_is_no_card(shop: Shop) -> None:
    _, cashier = await shop.somebody(Role.CASHIER)
    answer = await shop.get(
        f"/v2/loyalty/programs/{shop.program_id}/card/preview?designTemplate=winter&format=folded", token=cashier
    )
    (page,) = pages_of(answer.content)
    assert page.codes["Code 128"] == ["0000000000000000"]
    assert "Sample" in page.words


async def _looks(shop: Shop, card_id: str) -> int:
    count: int = await shop.superuser.fetchval(
        "SELECT count(*) FROM audit_log WHERE action = 'pii_access' AND subject = $1", card_id
    )
    return count
