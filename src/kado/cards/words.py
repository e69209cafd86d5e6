"""The words that a card is found by: the beginnings of all words in its names, and its email.

A card has one row for each word: the word and then the card's other words, turned round so that this one comes first
("ada lovelace", "lovelace ada"). The rows that begin with what was typed are neighbours in an index, already in the
order in which they are shown; and whether the other words that were typed are there too can be told from the row alone.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Final, NamedTuple

from kado.cards.card import Card
from kado.storage.database import Connection

_LENGTH_MAX: Final = 600
"""Of all words of a card together: an index takes no row of more than 2.7 kB, and a character may have four bytes."""

_WORDS_MAX: Final = 32


class Word(NamedTuple):
    """A row. `shared` says how many characters it has in common with the beginning of the row before it."""

    text: str
    shared: int


def folded(text: str) -> str:
    """The text without regard to case and to how its accents were put in; accents themselves stay."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def words_of(email: str | None, *names: str | None) -> list[Word]:
    """The rows of a card, sorted as the database sorts them (by code point).

    A search for "ad" finds Ada Adams in two rows, of which it shows the first: the one whose `shared` is less than two.
    """
    words = _fitting(["".join(folded(email).split())] if email else [], *(_starts(name) for name in names if name))
    rows: list[Word] = []
    before = ""
    for text in sorted(" ".join(words[at:] + words[:at]) for at in range(len(words))):
        rows.append(Word(text, _shared(before, text)))
        before = text
    return rows


def terms_of(typed: str) -> list[str]:
    """What a search looks for, each once: cards that have, for each of them, a word that begins with it."""
    return list(dict.fromkeys(folded(typed).split()))


def after(prefix: str) -> str:
    """A text behind all rows that begin with `prefix`, and before all others that lie behind those, by code point."""
    for at in range(len(prefix) - 1, -1, -1):
        following = ord(prefix[at]) + 1
        if following <= 0x10FFFF:
            return prefix[:at] + chr(0xE000 if 0xD800 <= following <= 0xDFFF else following)
    return chr(0x10FFFF) * (_LENGTH_MAX + 1)


async def insert_words(connection: Connection, cards: Iterable[Card]) -> None:
    """The words of new cards, in the transaction that inserts those."""
    rows = [(card, place, word) for card in cards for place, word in enumerate(_words_of_card(card))]
    if not rows:
        return
    await connection.execute(
        """
        INSERT INTO card_word (program_id, card_id, place, word, shared, is_test, created_at)
        SELECT * FROM unnest(
            $1::text[], $2::text[], $3::smallint[], $4::text[], $5::smallint[], $6::boolean[], $7::timestamptz[])""",
        [card.program_id for card, _, _ in rows],
        [card.id for card, _, _ in rows],
        [place for _, place, _ in rows],
        [word.text for _, _, word in rows],
        [word.shared for _, _, word in rows],
        [card.is_test for card, _, _ in rows],
        [card.created_at for card, _, _ in rows],
    )


async def rewrite_words(connection: Connection, cards: Sequence[Card]) -> None:
    """The words of locked cards that are about to be written: whose names stay the same keep theirs.

    Names that are taken away take their words with them.
    """
    rows = await connection.fetch(
        """
        SELECT c.program_id, c.id, c.customer_email, c.customer_name, c.sender_name
        FROM unnest($1::text[], $2::text[]) AS u (program_id, id)
        JOIN card c ON c.program_id = u.program_id AND c.id = u.id""",
        [card.program_id for card in cards],
        [card.id for card in cards],
    )
    before = {tuple(row)[:2]: tuple(row)[2:] for row in rows}
    renamed = [card for card in cards if before.get((card.program_id, card.id)) != _source(card)]
    if not renamed:
        return
    await connection.executemany(
        "DELETE FROM card_word WHERE program_id = $1 AND card_id = $2", [(card.program_id, card.id) for card in renamed]
    )
    await insert_words(connection, renamed)


def _words_of_card(card: Card) -> list[Word]:
    return words_of(*_source(card))


def _source(card: Card) -> tuple[str | None, str | None, str | None]:
    return card.customer_email, card.customer_name, card.sender_name


def _shared(one: str, other: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _starts(name: str) -> Iterator[str]:
    """Each word, and what begins inside of one behind a hyphen or the like: "Jones-Smith" is found by "smith" too."""
    for word in folded(name).split():
        yield word
        marks = [unicodedata.category(sign).startswith("P") for sign in word]
        yield from (word[at:] for at in range(1, len(word)) if marks[at - 1] and not marks[at])


def _fitting(*lists: Iterable[str]) -> list[str]:
    """Each word once, as long as there is room."""
    words: list[str] = []
    room = _LENGTH_MAX
    for word in dict.fromkeys(word for one in lists for word in one):
        room -= len(word) + 1
        if room >= 0 and len(words) < _WORDS_MAX:
            words.append(word)
    return words
