"""Many cards at once, past the ledger: for lists, which look at cards and not at their entries."""

from tests.api.shop import Body, Shop

from kado.cards.numbers import hide_number, new_number

_COLUMNS = """
    SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'card'
    ORDER BY ordinal_position"""

_NEW = {
    "id": "n.id",
    "created_at": "c.created_at - n.place * interval '1 second'",
    "number_index": "n.number_index",
    "number_sealed": "n.sealed",
    "last_four": "n.last_four",
    "pass_sid": "c.program_id || md5(n.id)",
}

_WORDS = """
    INSERT INTO card_word (program_id, card_id, place, word, shared, is_test, created_at)
    SELECT w.program_id, c.id, w.place, w.word, w.shared, w.is_test, c.created_at
    FROM card_word w JOIN card c ON c.program_id = w.program_id AND c.id = ANY($3)
    WHERE w.program_id = $1 AND w.card_id = $2"""


async def copies(shop: Shop, card: Body, count: int, first: int = 1) -> None:
    """That many more cards like this one, each a second older than the one before it, with numbers of their own."""
    columns = [row["column_name"] for row in await shop.rows(_COLUMNS)]
    places = range(first, first + count)
    ids = [f"{place:024x}" for place in places]
    hidden = [hide_number(shop.api.services.keyring, card["programId"], one, new_number("4000")) for one in ids]
    await shop.superuser.execute(
        f"INSERT INTO card ({', '.join(columns)}) SELECT {', '.join(_NEW.get(one, f'c.{one}') for one in columns)}"
        " FROM card c, unnest($3::bigint[], $4::text[], $5::bytea[], $6::bytea[], $7::text[])"
        " AS n (place, id, number_index, sealed, last_four) WHERE c.program_id = $1 AND c.id = $2",
        card["programId"],
        card["id"],
        list(places),
        ids,
        [one.number_index for one in hidden],
        [one.sealed for one in hidden],
        [one.last_four for one in hidden],
    )
    await shop.superuser.execute(_WORDS, card["programId"], card["id"], ids)
