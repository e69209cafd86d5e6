"""Lists of cards and searches for cards, in pages, over one program or several. Reads only.

A page costs what is on it, not what the program holds: every list follows an index in its own order and stops early.
Cards are newest first. Those that are found by what was typed begin with the card of exactly this number, then come
those whose number ends like this, then names and emails in the order of the word that fits; equals are newest first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from kado.access.caller import Customer
from kado.cards.card import Card, CardStatus
from kado.cards.find import Found
from kado.cards.numbers import indexes_of, normalised
from kado.cards.ownership import owned_by
from kado.cards.store import CARD_COLUMNS, CARD_WIDTH, STATUS_NOW
from kado.cards.words import after, terms_of
from kado.crypto import Keyring
from kado.storage.copies import Reader
from kado.storage.database import Connection
from kado.storage.part import COUNT_MAX, Part, part_of

_NUMBER_MAX: Final = 20
_FREQUENT: Final = 1000

# Where a card of a status may stand that has not been swept yet: time ends suspensions (and lives, see `_unswept`).
_WRITTEN_AS: Final = {
    CardStatus.PENDING: ("pending", "suspended"),
    CardStatus.ACTIVE: ("active", "suspended"),
    CardStatus.DEPLETED: ("depleted", "suspended"),
    CardStatus.SUSPENDED: ("suspended",),
    CardStatus.EXPIRED: ("expired",),
    CardStatus.VOIDED: ("voided",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which cards, and which part of them. `text` is what a person typed into a search box."""

    is_test: bool
    limit: int
    start: int = 0
    text: str = ""
    status: CardStatus | None = None
    merchant_id: str | None = None
    has_balance: bool = False
    customer: Customer | None = None
    """Only cards of this person."""


async def list_cards(reader: Reader, keyring: Keyring, program_ids: Sequence[str], wanted: Wanted) -> Part[Found]:
    """The cards of these programs. Raises `Unavailable` while the database is away."""

    async def work(connection: Connection) -> tuple[list[str], list[tuple[Any, ...]]]:
        terms = terms_of(wanted.text)
        if len(terms) > 1:
            terms = await _telling_first(connection, program_ids, wanted.is_test, terms)
        statement, values = _statement(keyring, program_ids, wanted, terms)
        return terms, [tuple(row) for row in await connection.fetch(statement, *values)]

    terms, rows = await reader.listing(work, in_order=wanted.customer is None)
    found = [Found(Card(*row[1 : CARD_WIDTH + 1]), row[-1]) for row in rows if row[1] is not None]
    return part_of(found, int(rows[0][0]), _counted_to(wanted, terms))


def _counted_to(wanted: Wanted, terms: list[str]) -> int:
    """As far as the page goes; and on to `COUNT_MAX`, where that costs only those that are counted.

    With several words it costs all that the first of them finds.
    """
    page = wanted.start + wanted.limit
    return page if len(terms) > 1 else max(page, COUNT_MAX)


async def _telling_first(
    connection: Connection, program_ids: Sequence[str], is_test: bool, terms: list[str]
) -> list[str]:
    """The terms with the one first whose words are gone through one by one: the longest that is not frequent.

    It decides the order too, so it is not simply the rarest, which may be another one a moment later.
    """
    likely = sorted(terms, key=len, reverse=True)[:3]
    chosen = await connection.fetchval(
        f"""
        SELECT t.term FROM unnest($3::text[], $4::text[]) WITH ORDINALITY AS t (term, after, place) CROSS JOIN LATERAL (
            SELECT count(*) >= {_FREQUENT} AS is_frequent FROM (
                SELECT FROM card_word w
                WHERE w.program_id = ANY($1::text[]) AND w.is_test = $2 AND w.word >= t.term
                  AND w.word < t.after LIMIT {_FREQUENT}) enough) counted
        ORDER BY is_frequent, place LIMIT 1""",
        list(program_ids),
        is_test,
        likely,
        [after(term) for term in likely],
    )
    return [chosen, *(term for term in terms if term != chosen)]


_ONE: Final = "($1::text[])[1]"


def _statement(
    keyring: Keyring, program_ids: Sequence[str], wanted: Wanted, terms: list[str]
) -> tuple[str, list[object]]:
    """A page and the bounded count of everything, in one statement that walks the matches once.

    Each source is a walk through one index of one program, cut off where nothing behind can be on the page.
    """
    one_more = _counted_to(wanted, terms) + 1
    values: list[object] = [list(program_ids), wanted.is_test, wanted.limit, wanted.start, one_more]
    filters = _filters(wanted, values)
    walks = [_words(wanted, terms, filters, values)] if terms else _cards(wanted, filters)
    walks += _numbers(keyring, program_ids, wanted.text, filters, values) if terms else []
    # A customer's few cards are looked up first; nothing is cut off, so that no walk through all cards looks cheaper.
    cut = "OFFSET 0" if wanted.customer else "LIMIT $5::bigint"
    order = "ORDER BY rank, word, created_at DESC, id DESC"
    # Named like this, one program is found on its machine by a distributed engine.
    programs = "unnest($1::text[]) AS p (program_id)" if len(program_ids) > 1 else f"(SELECT {_ONE} AS program_id) p"
    sources = [f"SELECT m.* FROM {programs} CROSS JOIN LATERAL ({walk} {cut}) m" for walk in walks]
    matches = " UNION ALL ".join(sources)
    if len(walks) > 1:  # a card may be found in several ways; the first of them counts
        matches = f"SELECT DISTINCT ON (program_id, id) * FROM ({matches}) a ORDER BY program_id, id, rank"
    return (
        f"""
        WITH matches AS MATERIALIZED (SELECT * FROM ({matches}) b {order} LIMIT $5)
        SELECT (SELECT count(*) FROM matches), {CARD_COLUMNS}, statement_timestamp()
        FROM (SELECT) one
        LEFT JOIN (SELECT * FROM matches {order} LIMIT $3::bigint OFFSET $4::bigint) page ON true
        LEFT JOIN card c ON c.program_id = {_ONE if len(program_ids) == 1 else "page.program_id"} AND c.id = page.id
        LEFT JOIN merchant cm ON cm.id = c.merchant_id
        ORDER BY page.rank, page.word, page.created_at DESC, page.id DESC""",
        values,
    )


def _filters(wanted: Wanted, values: list[object]) -> str:
    """What else must be true of `card c`; empty, or beginning with AND."""
    filters = []
    if wanted.status is not None:
        values.append(wanted.status.value)
        filters.append(f"{STATUS_NOW} = ${len(values)}")
    if wanted.merchant_id is not None:
        values.append(wanted.merchant_id)
        filters.append(f"c.merchant_id = ${len(values)}")
    if wanted.has_balance:
        filters.append("c.balance > 0")
    if wanted.customer is not None:
        filters.append(owned_by(wanted.customer, values))
    return "".join(f" AND {one}" for one in filters)


def _cards(wanted: Wanted, filters: str) -> list[str]:
    """Walks through the cards of program `p`, newest first; for a status one through each that was written for it."""
    base = f"""
        SELECT c.program_id, c.id, c.created_at, '' AS word, 0 AS rank FROM card c
        WHERE c.program_id = p.program_id AND c.is_test = $2 {filters}"""
    newest = "" if wanted.customer else "ORDER BY c.created_at DESC, c.id DESC"
    if wanted.status is None or wanted.customer is not None:
        return [f"{base} {newest}"]
    walks = [f"{base} AND c.status = '{written}' {newest}" for written in _WRITTEN_AS[wanted.status]]
    if wanted.status is CardStatus.EXPIRED:
        # Found by the index of when they are due; the fence keeps the planner from walking all cards in order instead.
        unswept = f"{base} AND c.status NOT IN ('expired', 'voided') AND c.expires_at <= statement_timestamp() OFFSET 0"
        walks.append(f"SELECT * FROM ({unswept}) c {newest}")
    return walks


def _words(wanted: Wanted, terms: list[str], filters: str, values: list[object]) -> str:
    """A walk through the words that begin with the first term and belong to cards that fit the others too."""
    first, others = terms[0], terms[1:]
    values += [first, after(first), len(first)]
    at = len(values)
    fits = f"w.word >= ${at - 2}::text AND w.word < ${at - 1}::text AND w.shared < ${at}"
    for term in others:
        values.append(f" {term}")
        fits += f" AND strpos(' ' || w.word, ${len(values)}) > 0"
    if wanted.customer is not None:  # the few cards first, then their words
        return f"""
            SELECT w.program_id, w.card_id AS id, w.created_at, w.word, 2 AS rank FROM card c CROSS JOIN LATERAL (
                SELECT * FROM card_word w WHERE w.program_id = c.program_id AND w.card_id = c.id AND {fits} OFFSET 0) w
            WHERE c.program_id = p.program_id AND c.is_test = $2 {filters}"""
    card = "JOIN card c ON c.program_id = w.program_id AND c.id = w.card_id" if filters else ""
    return f"""
        SELECT w.program_id, w.card_id AS id, w.created_at, w.word, 2 AS rank FROM card_word w {card}
        WHERE w.program_id = p.program_id AND w.is_test = $2 AND {fits} {filters}
        ORDER BY w.word, w.created_at DESC, w.card_id DESC"""


def _numbers(keyring: Keyring, program_ids: Sequence[str], text: str, filters: str, values: list[object]) -> list[str]:
    """Look-ups by the number, if what was typed may be one, and by its last four characters."""
    number = normalised(text.strip())
    if len(number) > _NUMBER_MAX or not (number.isascii() and number.isalnum()):
        return []
    values.append([index for program_id in program_ids for index in indexes_of(keyring, program_id, number)])
    base = f"""
        FROM card c WHERE c.program_id = p.program_id AND c.is_test = $2 {filters}"""
    walks = [f"SELECT c.program_id, c.id, c.created_at, '', 0 {base} AND c.number_index = ANY(${len(values)}::bytea[])"]
    if len(number) == 4:
        values.append(number)
        walks.append(
            f"SELECT c.program_id, c.id, c.created_at, '', 1 {base} AND c.last_four = ${len(values)}"
            " ORDER BY c.created_at DESC, c.id DESC"
        )
    return walks
