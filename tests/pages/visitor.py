"""What a person does with a page, without a browser: opens it, reads its form, fills it in and sends it."""

import re
from html import unescape

import httpx2
from tests.database.cards.builders import Shop

from kado.cards.codes import CodeForDelivery, make_code
from kado.cards.find import card_by_id

_FORM = re.compile(r'<form method="post" action="([^"]+)"')
_HIDDEN = re.compile(r'<input type="hidden" name="form" value="([^"]+)"')


async def address_of(shop: Shop, card_id: str) -> str:
    """The card's page."""
    found = await card_by_id(shop.database, shop.program_id, card_id, is_test=shop.caller.is_test)
    return f"/cards/{found.card.pass_sid}"


async def message_of(shop: Shop, card_id: str) -> CodeForDelivery:
    """What a message about the card says, with a code that was just made."""
    made = await make_code(shop.database, shop.keyring, "http://kado.test", shop.program_id, card_id)
    assert made is not None
    return made


def form_of(page: httpx2.Response) -> tuple[str, dict[str, str]]:
    """Where the page's one form is sent to, and what it sends by itself."""
    (action,), (token,) = _FORM.findall(page.text), _HIDDEN.findall(page.text)
    return unescape(action), {"form": token}


async def send(browser: httpx2.AsyncClient, page: httpx2.Response, **typed: str) -> httpx2.Response:
    """Fill the page's form in and send it."""
    action, hidden = form_of(page)
    return await browser.post(action, data=hidden | typed)


def other(code: str) -> str:
    """A code that is not this one."""
    return ("1" if code[0] != "1" else "2") + code[1:]
