"""A code is made when its message leaves: only for a card that can be used, and for a message that is still wanted."""

from tests.database.cards.builders import Shop

from kado.cards.codes import make_code
from kado.cards.transfer_ownership import TransferOwnership

URL = "https://cards.example"


async def test_a_message_on_its_way_to_the_old_owner_gets_no_code_any_more(shop: Shop) -> None:
    """A worker had taken it before the card was given away; no lease and no state of it was to be waited for."""
    card_id = await shop.card(5000, customer_email="old@example.com")
    async with shop.database.read() as connection:
        query = "SELECT id FROM message WHERE card_id = $1 ORDER BY created_at DESC, kind DESC LIMIT 1"
        old = await connection.fetchval(query, card_id)
    give = {"new_owner_name": "New", "new_owner_email": "new@example.com"}
    assert (await shop.post(TransferOwnership, card_id, **give)).status == 200
    arguments = (shop.database, shop.keyring, URL, shop.program_id, card_id)
    assert await make_code(*arguments, message_id=old) is None
    assert (await shop.look(card_id)).code_hash is None
    async with shop.database.read() as connection:
        new = await connection.fetchval(query, card_id)
    assert new != old
    made = await make_code(*arguments, message_id=new)
    assert made is not None
    assert (await shop.look(card_id)).code_hash is not None


async def test_a_card_that_ended_gets_no_code(shop: Shop) -> None:
    card_id = await shop.card(5000)
    await shop.void(card_id)
    assert await make_code(shop.database, shop.keyring, URL, shop.program_id, card_id) is None
