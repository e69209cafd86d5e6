"""No binary float on a path that money takes: no `float`, no literal like 0.5, no true division."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "kado"

# Seconds, sizes and rates: floats that are never an amount. By file, what stands there and why.
ALLOWED: dict[str, dict[str, str]] = {
    "cards/bulk/order.py": {"0.1": "seconds of a pause"},
    "cards/guesses.py": {
        "0.0": "failed checks a minute",
        "float(row['recent']) / _RECENT_MINUTES": "failed checks a minute",
        "float(row['usual']) / _USUAL_MINUTES": "failed checks a minute",
        "float(row['recent'])": "failed checks a minute",
        "float(row['usual'])": "failed checks a minute",
    },
    "cards/ledger.py": {
        "4.0": "seconds of patience",
        "0.2": "jitter in seconds",
        "0.02": "jitter in seconds",
    },
    "doors/api/__init__.py": {"services.settings.request_seconds * 2 / 3": "seconds for a body"},
    "doors/api/intake.py": {
        "limits.body_seconds / 4": "seconds for a body",
        "received / limits.bytes_per_second": "seconds for a body",
    },
    "doors/api/gate.py": {"(time.perf_counter_ns() - began) / 1000000": "milliseconds for the log"},
}

FILES = sorted(
    [
        *(file for folder in ("cards", "programs", "doors/api") for file in (SOURCE / folder).rglob("*.py")),
        SOURCE / "money.py",
    ]
)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_money_meets_no_float(file: Path) -> None:
    allowed = ALLOWED.get(str(file.relative_to(SOURCE)), {})
    found = {f"{source} (line {line})" for source, line in _floats(file) if source not in allowed}
    assert found == set()


def test_what_is_allowed_is_still_there() -> None:
    for name, places in ALLOWED.items():
        assert places.keys() <= {source for source, _ in _floats(SOURCE / name)}, name


def _floats(file: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(file.read_text())):
        is_literal = isinstance(node, ast.Constant) and isinstance(node.value, float | complex)
        is_division = isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)
        is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float"
        if is_literal or is_division or is_call:
            assert isinstance(node, ast.expr | ast.stmt)
            yield ast.unparse(node), node.lineno
