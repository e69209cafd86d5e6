"""What no honest client sends, by the kind of field that it is sent in."""

from typing import Any

ID = "0123456789abcdef01234567"

# ── amounts ────────────────────────────────────────────────────────────────────────────────────────────────────────

# As they stand in the JSON text. None of them is an amount, or none that any card could take.
AMOUNTS = {
    "NaN": "NaN",
    "infinity": "Infinity",
    "minus infinity": "-Infinity",
    "NaN in quotes": '"NaN"',
    "infinity in quotes": '"Infinity"',
    "inf in quotes": '"inf"',
    "sNaN": '"sNaN"',
    "1e400": "1e400",
    "1e400 in quotes": '"1e400"',
    "1e-400": "1e-400",
    "1e999999999": "1e999999999",
    "1e2 in quotes": '"1e2"',
    "minus one": "-1",
    "minus one in quotes": '"-1"',
    "minus zero": "-0",
    "minus zero with decimals": "-0.00",
    "minus zero in quotes": '"-0"',
    "zero": "0",
    "zero in quotes": '"0.00"',
    "less than a cent": "0.009",
    "more decimals than cents": '"1.001"',
    "many decimals": '"1.00000000000000000001"',
    "many decimals as a number": "1.00000000000000000001",
    "many zeros": '"1.' + "0" * 60 + '"',
    "empty": '""',
    "blank": '" "',
    "blank before": '" 1"',
    "blank after": '"1 "',
    "line feed after": '"1\\n"',
    "underscores": '"1_000"',
    "comma": '"1,00"',
    "thousands": '"1,000.00"',
    "currency sign": '"$1.00"',
    "only a point": '"."',
    "only a sign": '"+"',
    "two signs": '"+-1"',
    "two points": '"1.0.0"',
    "sign behind": '"1-"',
    "arabic-indic digit": '"٣"',
    "full-width digit": '"１"',
    "devanagari digit": '"१.००"',
    "superscript": '"²"',
    "roman numeral": '"Ⅷ"',
    "fraction": '"½"',
    "minus sign of typographers": '"−1"',
    "hexadecimal": '"0x10"',
    "octal": '"0o7"',
    "binary": '"0b1"',
    "true": "true",
    "false": "false",
    "null": "null",
    "list": "[]",
    "list of one": "[1]",
    "object": "{}",
    "object with an amount": '{"amount": 1}',
    "words": '"one"',
    "4400 digits": "9" * 4400,
    "4400 digits in quotes": '"' + "9" * 4400 + '"',
    "29 digits": "1" * 29,
    "NUL": '"1\\u0000"',
    "lone surrogate": '"1\\ud800"',
    "NaN with a sign": '"-NaN"',
    "hex float": '"0x1p3"',
    "SQL": '"1; DROP TABLE card"',
}

# ── other fields ───────────────────────────────────────────────────────────────────────────────────────────────────

WRONG_TYPES: dict[str, Any] = {"number": 7, "true": True, "list": [], "object": {}, "list of text": ["x"]}
LONE, NUL = "a\ud800b", "a\x00b"
CONTROL = {"escape": "a\x1bb", "delete": "a\x7fb", "C1": "a\x85b"}


def text_inputs(most: int, *, lines: bool = False) -> dict[str, Any]:
    """What is no text of at most so many characters."""
    found = WRONG_TYPES | CONTROL | {"NUL": NUL, "surrogate": LONE, "too long": "x" * (most + 1)}
    return found if lines else found | {"line feed": "a\nb"}


EMAILS = WRONG_TYPES | {
    "empty": "", "no at": "ada", "no domain": "ada@", "no name": "@example.com", "two ats": "a@b@example.com",
    "two addresses": "a@example.com,b@example.com", "header injection": "a@example.com\r\nBcc: x@example.com",
    "display name": "Ada <a@example.com>", "blank": "a b@example.com", "NUL": "a\x00@example.com",
    "too long": "x" * 250 + "@example.com", "address literal": "a@[127.0.0.1]", "surrogate": "a\ud800@example.com",
}  # fmt: skip
PHONES = WRONG_TYPES | {
    "empty": "", "words": "call me", "no country": "030 901820", "two plus": "++4930901820", "short": "+49",
    "long": "+49" + "0" * 40, "arabic digits": "+٤٩٣٠٩٠١٨٢٠", "letters": "+49 30 FLOWERS", "line feed": "+4930901820\n",
}  # fmt: skip
MOMENTS = WRONG_TYPES | {
    "empty": "", "words": "tomorrow", "only a time": "12:00", "month 13": "2027-13-01T00:00:00Z",
    "30 February": "2027-02-30T00:00:00Z", "seconds": "1798761600", "year 0": "0000-01-01T00:00:00Z",
    "year 10000": "10000-01-01T00:00:00Z", "before the year 1": "0001-01-01T00:00:00+01:00",
    "after the year 9999": "9999-12-31T23:59:59-01:00", "arabic digits": "٢٠٢٧-01-01T00:00:00Z",
    "long": "2027-01-01T00:00:00" + "0" * 64,
}  # fmt: skip
IDS = WRONG_TYPES | {
    "empty": "", "short": ID[:-1], "long": ID + "0", "upper case": ID.upper(), "other letters": "g" * 24,
    "line feed": ID[:-1] + "\n", "line feed behind": ID + "\n", "arabic digits": "٣" * 24, "null": None,
}  # fmt: skip
BOOLEANS: dict[str, Any] = {"two": 2, "words": "maybe", "list": [], "object": {}, "null": None}
