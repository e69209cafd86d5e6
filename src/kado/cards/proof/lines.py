"""Entries as lines of text, the quickest way to get a million of them out of the database.

A line is the text that `chain.entry_hash` hashes, one more comma and the stored hash: so what is checked and what is
hashed are the same bytes, and nothing has to be put together again.
"""

import re
from typing import Final

DELIMITER: Final = ","
NULL: Final = "null"
"""What stands for a missing value in COPY's text format. Texts have quotes, so that none can be taken for it."""

# Sorted before the texts are made, which is quicker than after. Ids and types have only harmless characters (the schema
# sees to that), so they get plain quotes, while a caller's texts are escaped the way JSON wants it.
_SELECT: Final = """
    SELECT '["' || program_id || '"', '"' || card_id || '"', seq, '"' || type || '"', amount, balance_before,
           balance_after, trunc(extract(epoch FROM created_at) * 1000000), to_json(reference_id),
           to_json(pos_transaction_id), to_json(cashier_id), to_json(terminal_id), '"' || merchant_id || '"',
           '"' || id || '"', '"' || encode(key_hash, 'hex') || '"',
           '"' || encode(previous_hash, 'hex') || coalesce('","' || counterpart_id, '') || '"]',
           encode(hash, 'hex')
    FROM (
        SELECT program_id, card_id, seq, type, amount, balance_before, balance_after, created_at, reference_id,
               pos_transaction_id, cashier_id, terminal_id, merchant_id, id, key_hash, previous_hash, hash,
               counterpart_id
        FROM card_transaction {where} ORDER BY program_id, card_id, seq OFFSET 0) AS entry"""

ALL_ENTRIES: Final = _SELECT.format(where="")
ENTRIES_OF_PROGRAM: Final = _SELECT.format(where="WHERE program_id = $1")
ENTRIES_OF_CARD: Final = _SELECT.format(where="WHERE program_id = $1 AND card_id = $2")

_FIELD: Final = re.compile(rb"((?:[^,\\]|\\.)*),", re.DOTALL)
_ESCAPED: Final = re.compile(rb"\\(.)", re.DOTALL)


def fields_of(line: bytes) -> tuple[bytes, list[bytes]]:
    """The text that is hashed and the 17 fields it is made of with the stored hash, of any line.

    COPY puts a backslash before commas and backslashes within a field. A line without any can be cut quicker.
    """
    fields = [_ESCAPED.sub(rb"\1", field) for field in _FIELD.findall(line + b",")]
    return b",".join(fields[:-1]), fields


def owner(line: bytes) -> tuple[str, str]:
    """Program and card of a line, or of the beginning of one."""
    program_id, card_id, *_ = line.split(b",", 2)
    return program_id.strip(b'["').decode(), card_id.strip(b'"').decode()
