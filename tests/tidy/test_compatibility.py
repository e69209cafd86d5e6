"""The page on compatibility has a row for every published operation, and every row a test that shows it."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "compatibility.md"
PUBLISHED = json.loads((ROOT / "tests" / "contract" / "wider_operations.json").read_text())["operations"]

_OPERATION = re.compile(r"`([A-Z]+) (/\S+)`")
_CONTRADICTION = re.compile(r"^\| (\d+) \| .+ \| .+ \|$", re.MULTILINE)


def rows() -> list[tuple[str, ...]]:
    """Operation, result, note, what was decided, what shows it."""
    found = []
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if operation := _OPERATION.fullmatch(cells[0]):
            method, path = operation.groups()
            found.append((f"{method} {path if path.startswith('/v2/') else '/v2/giftcards' + path}", *cells[1:]))
    return found


def test_every_published_operation_has_one_row() -> None:
    listed = sorted(operation for operation, *_ in rows())
    assert listed == sorted(f"{one['method'].upper()} {one['path']}" for one in PUBLISHED)


def test_every_row_says_how_compatible_and_what_is_not() -> None:
    for operation, result, note, *_ in rows():
        assert result in ("compatible", "wider", "different"), operation
        assert note or result == "compatible", operation


def test_every_row_names_tests_that_exist() -> None:
    for operation, *_, shown_by in rows():
        files = re.findall(r"`(tests/\S+\.py)`", shown_by)
        assert files, operation
        assert all((ROOT / file).is_file() for file in files), operation


def test_every_contradiction_is_decided_and_every_reference_leads_to_one() -> None:
    numbers = [int(number) for number in _CONTRADICTION.findall(PAGE.read_text())]
    assert numbers == list(range(1, 24))
    for operation, _, _, decided, _ in rows():
        assert {int(number) for number in re.findall(r"\d+", decided)} <= set(numbers), operation
