"""A list of receivers as people keep it in a spreadsheet, read line by line: all of it is right, or each line that is
not is named."""

import asyncio
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from csv import Error as NotCsv
from csv import reader as lines_of
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

from kado import clock, sheet
from kado.cards.bulk.task import RECIPIENTS_MAX, Listed
from kado.cards.issue import Issue, expiry_of, refuse
from kado.doors.console.cards import outcome
from kado.doors.console.visit import Visit
from kado.errors import Invalid, Refusal
from kado.languages.choose import Language, spoken
from kado.languages.say import words
from kado.programs.program import Program
from kado.web import typed
from kado.web.typed import Fields
from kado.web.visitor import LANGUAGES

LIST_BYTES: Final = 4 * 1024 * 1024
COLUMNS: Final = (
    "initialValue",
    "customerEmail",
    "customerName",
    "customerPhone",
    "senderName",
    "customMessage",
    "language",
    "deliverAt",
)
"""What a list may say of each card, by the API's names."""
WRONG_SHOWN: Final = 50

_DELIMITERS: Final = ";,\t"
_SLICE: Final = 20
# As spreadsheets write a day where people put the day first.
_DOTTED: Final = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})(?: +([0-9]{1,2}:[0-9]{2}))?", re.ASCII)
# What a spreadsheet was kept from calculating with bears an apostrophe.
_APOSTROPHE: Final = re.compile(r"'[=+\-@]")


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a line: its number as a spreadsheet counts, the column, and why, in words."""

    line: int
    column: str
    why: Refusal


class BadList(Refusal):
    """A list with lines that are wrong: all that were found, up to `WRONG_SHOWN`, and how many there are."""

    status = 422

    def __init__(self, wrong: Sequence[Wrong], count: int) -> None:
        super().__init__("list_wrong", "Some lines of the list are wrong; nothing was issued.")
        self.wrong = tuple(wrong)
        self.count = count


async def people_of(visit: Visit, sent: bytes, expires_at: datetime | None) -> tuple[tuple[Listed, ...], str]:
    """Everybody on the list, whose cards end then or by the rules, and in which encoding it was read.

    Raises `BadList`, and `Invalid` for what is no list and for an end that no card may have.
    """
    now = datetime.now(UTC)
    # What holds for all of them is wrong with none of the lines.
    least = Listed(initial_value=visit.program.min_initial_value)
    if (against := refuse(_issue(least, visit, expires_at), visit.program, now)) is not None:
        raise against
    text, encoding = _decoded(sent)
    rows = _rows(text)
    heads = _heads(next(rows, []))
    found: list[Listed] = []
    wrong: list[Wrong] = []
    count = 0
    for line, cells in enumerate(rows, 2):
        if line % _SLICE == 0:
            await asyncio.sleep(0)
        if not any(cell.strip() for cell in cells):
            continue
        if len(found) + count >= RECIPIENTS_MAX:
            raise _no_list("list_too_long", f"A list has at most {RECIPIENTS_MAX} receivers.", most=RECIPIENTS_MAX)
        said = {head: _plain(cell) for head, cell in zip(heads, cells, strict=False)}
        one, faults = _read(said, visit, expires_at, now)
        if len(cells) > len(heads) and any(cell.strip() for cell in cells[len(heads) :]):
            faults.append(("", Invalid(("body", ""), "This line has more cells than the first one.", "too_many_cells")))
        if faults or one is None:
            count += 1
            wrong += [Wrong(line, column, why) for column, why in faults][: WRONG_SHOWN - len(wrong)]
        else:
            found.append(one)
    if wrong:
        raise BadList(wrong, count)
    if not found:
        raise _no_list("list_empty", "There is nobody on this list.")
    return tuple(found), encoding


def example(program: Program, language: Language) -> bytes:
    """A list to fill in, with the columns in the reader's language, as spreadsheets of all sorts open it."""
    say = words("console_list", language)
    value = program.currency.text(max(program.min_initial_value, min(program.max_initial_value, 5000)))
    later = datetime.now(program.zone) + timedelta(days=7)
    lines = [
        [say[f"head_{column}"] for column in COLUMNS],
        [value, "ada@example.com", "Ada Lovelace", "", "Charles", say["example_message"], "en", ""],
        [
            value,
            "",
            "Émilie du Châtelet",
            "+33 1 99 00 12 34",
            "",
            "",
            "fr",
            f"{later:%Y-%m-%d} 08:00",
        ],
    ]
    return ("\ufeff" + "".join(sheet.line(cells) for cells in lines)).encode()


def _decoded(sent: bytes) -> tuple[str, str]:
    """The text, and how it was read. Raises `Invalid` for what is none."""
    if len(sent) > LIST_BYTES:
        raise _no_list("list_too_large", "A list has at most 4 MB.")
    if sent.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise _no_list("list_is_a_workbook", "This is a workbook. Save it as CSV first.")
    encodings = ("utf-16",) if sent.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            text = sent.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text, encoding
    raise _no_list("list_unreadable", "This is no text that can be read.")


def _rows(text: str) -> Iterator[list[str]]:
    """Line by line, with whichever separator the first one has. Raises `Invalid` for quotes that do not close."""
    first = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    try:
        yield from lines_of(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    except NotCsv:
        raise _no_list("list_unreadable", "This is not a list that can be read: quotes do not close.") from None


def _heads(cells: Sequence[str]) -> list[str]:
    """The columns by the API's names. Raises `Invalid` for one that is not known or comes twice, or is missing."""
    heads = []
    for cell in cells:
        name = _known_heads().get(_folded(cell))
        if name is None:
            raise _no_list("list_column_unknown", f"There is no such column: {cell[:100]}", column=cell.strip()[:100])
        if name in heads:
            raise _no_list("list_column_twice", f"This column comes twice: {cell[:100]}", column=cell.strip()[:100])
        heads.append(name)
    if "initialValue" not in heads or not {"customerEmail", "customerPhone"} & {*heads}:
        raise _no_list("list_column_missing", "The first line names the columns: a value, and an email or a phone.")
    return heads


@cache
def _known_heads() -> Mapping[str, str]:
    """What columns are called: as in the API, and in any of our languages."""
    found = {_folded(column): column for column in COLUMNS}
    for language in Language:
        found |= {_folded(words("console_list", language)[f"head_{column}"]): column for column in COLUMNS}
    return found


def _folded(text: str) -> str:
    return " ".join(text.casefold().replace("_", " ").replace("-", " ").split())


def _plain(cell: str) -> str:
    return cell[1:] if _APOSTROPHE.match(cell) else cell


def _read(
    said: Fields, visit: Visit, expires_at: datetime | None, now: datetime
) -> tuple[Listed | None, list[tuple[str, Refusal]]]:
    """Who a line is about, or everything that is wrong with it."""
    program = visit.program
    read: dict[str, Callable[[], object]] = {
        "initialValue": lambda: typed.positive(said, "initialValue", program.currency),
        "customerEmail": lambda: typed.email(said, "customerEmail"),
        "customerName": lambda: typed.line(said, "customerName", typed.NAME_MAX),
        "customerPhone": lambda: typed.phone(said, "customerPhone"),
        "senderName": lambda: typed.line(said, "senderName", typed.NAME_MAX),
        "customMessage": lambda: typed.words(said, "customMessage", typed.WORDS_MAX),
        "language": lambda: _language(said),
        "deliverAt": lambda: _moment(said, program, now, expires_at or expiry_of(program, now)),
    }
    values: dict[str, object] = {}
    faults: list[tuple[str, Refusal]] = []
    for column, value in read.items():
        try:
            values[column] = value()
        except Invalid as refusal:
            faults.append((column, refusal))
    if not faults and values["customerEmail"] is None and values["customerPhone"] is None:
        faults.append(("customerEmail", Invalid(("body", "customerEmail"), "This is needed.", "missing")))
    if faults:
        return None, faults
    one = _listed(values)
    against = refuse(_issue(one, visit, expires_at), program, now)
    return (one, []) if against is None else (None, [("initialValue", against)])


def _listed(values: Mapping[str, object]) -> Listed:
    def text(column: str) -> str | None:
        found = values[column]
        return None if found is None else str(found)

    value, moment = values["initialValue"], values["deliverAt"]
    assert isinstance(value, int), "minor units"
    assert moment is None or isinstance(moment, datetime), "a moment"
    return Listed(
        email=text("customerEmail"),
        phone=text("customerPhone"),
        name=text("customerName"),
        sender_name=text("senderName"),
        custom_message=text("customMessage"),
        initial_value=value,
        language=text("language"),
        deliver_at=moment,
    )


def _issue(one: Listed, visit: Visit, expires_at: datetime | None) -> Issue:
    """The card as the rules look at it."""
    return Issue(
        program_id=visit.program.id,
        caller=visit.caller,
        key=None,
        render=outcome.render,
        merchant_id=visit.program.merchant_id,
        merchant_name=visit.program.merchant_name,
        initial_value=one.initial_value,
        expires_at=expires_at,
    )


def _language(said: Fields) -> str | None:
    """The tag of a language that Kado speaks, or its name in itself; None for the program's. Raises `Invalid`."""
    text = typed.said(said, "language")
    if not text:
        return None
    named = {name.casefold(): tag.value for tag, name in LANGUAGES.items()}
    found = spoken(text.lower()) or named.get(text.casefold())
    if found is None:
        raise Invalid(("body", "language"), "This language is not spoken here.", "not_offered")
    return str(found)


def _moment(said: Fields, program: Program, now: datetime, end: datetime) -> datetime | None:
    """When the card leaves, by the program's clock; None for at once. Raises `Invalid`."""
    text = typed.said(said, "deliverAt")
    dotted = _DOTTED.fullmatch(text)
    if dotted is not None:
        day, month, year, time = dotted.groups()
        text = f"{year}-{int(month):02}-{int(day):02} {(time or '00:00').zfill(5)}"
    found = typed.moment({"deliverAt": text}, "deliverAt")
    if found is None:
        return None
    moment = clock.where(found, program.zone)
    if moment <= now:
        raise Invalid(("body", "deliverAt"), "The delivery would have to be in the past.", "delivery_in_the_past")
    if moment >= end:
        raise Invalid(("body", "deliverAt"), "The card expires before its delivery.", "delivery_after_expiry")
    return moment


def _no_list(code: str, message: str, **members: object) -> Invalid:
    refusal = Invalid(("body", "file"), message, code)
    refusal.members = members
    return refusal
