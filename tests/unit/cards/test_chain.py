"""The text under the hashes is plain JSON, whatever makes it, so that anyone can recompute a chain."""

import hashlib
import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kado.cards import chain
from kado.cards.card import TransactionType
from kado.clock import EPOCH

TEXT = st.none() | st.text(st.characters(exclude_categories=["Cs"]))
MINOR = st.integers(-(2**63), 2**63 - 1)
MOMENT = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(lambda moment: moment.replace(tzinfo=UTC))  # noqa: DTZ001


def plain(facts: object) -> bytes:
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()


@given(st.lists(TEXT, min_size=5, max_size=5), st.lists(MINOR, min_size=4, max_size=4), MOMENT, st.binary(max_size=32))
def test_an_entry_is_hashed_as_plain_json(texts: list[Any], numbers: list[Any], at: datetime, previous: bytes) -> None:
    seq, *amounts = numbers
    micros = (at - EPOCH) // timedelta(microseconds=1)
    facts = ["p", "c", seq, "RELOAD", *amounts, micros, *texts, "e", previous.hex(), previous.hex()]
    made = chain.entry_hash("p", "c", seq, TransactionType.RELOAD, *amounts, at, *texts, "e", previous, previous)  # type: ignore[call-arg]
    assert made == hashlib.sha256(plain(facts)).digest()
    # The entry that it answers stands at the end, where there is one.
    named = chain.entry_hash("p", "c", seq, TransactionType.RELOAD, *amounts, at, *texts, "e", previous, previous, "o")  # type: ignore[call-arg]
    assert named == hashlib.sha256(plain([*facts, "o"])).digest()


def test_every_character_is_written_as_json_does() -> None:
    everything = "".join(chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    assert chain._encode([everything, True, False, None]) == plain([everything, True, False, None])
