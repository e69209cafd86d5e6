"""A security code is compared in one place, behind the counters: whoever adds a way in cannot add a way around them."""

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "kado"

# By name: which files may use it.
ONLY_IN = {
    "code_matches": {"cards/numbers.py", "cards/balance_check.py"},
    # Hides a code that was just made; the same on a guess would be a comparison of one's own.
    "hide_code": {"cards/numbers.py", "cards/codes.py", "cards/bulk/codes.py"},
    "_code_mac": {"cards/numbers.py"},
}


def test_codes_are_compared_behind_the_counters() -> None:
    found: dict[str, set[str]] = {name: set() for name in ONLY_IN}
    for file in SOURCE.rglob("*.py"):
        for name in _names(ast.parse(file.read_text())):
            if name in found:
                found[name].add(str(file.relative_to(SOURCE)))
    assert found == ONLY_IN


def test_the_key_of_codes_is_used_in_one_place() -> None:
    """Without it nothing can be compared with what is stored."""
    users = {str(file.relative_to(SOURCE)) for file in SOURCE.rglob("*.py") if '"security-code"' in file.read_text()}
    assert users == {"cards/numbers.py", "access/otp.py", "crypto.py"}  # one-time passwords have limits of their own


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name) | ast.FunctionDef(name=name):
                yield name
