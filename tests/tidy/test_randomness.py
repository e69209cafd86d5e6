"""Whatever must not be guessed comes from the operating system's generator: nothing else that is random is in reach."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = (ROOT / "src" / "kado", ROOT / "clients" / "python" / "src")

# Pauses before trying again, so that not all try at once. By file: the expressions in which `random` stands.
JITTER = {
    "cards/ledger.py": {"random.uniform"},
    "delivery/send.py": {"random.uniform"},
    "passes/teller.py": {"random.uniform"},
    "reports/post.py": {"random.randint"},
    "storage/database.py": {"random.uniform"},
    "storage/steps.py": {"random.uniform"},
    "webhooks/courier.py": {"random.uniform"},
    "kado_client/retries.py": {"random.uniform"},
}

# Scripts of pgbench. By file: what is drawn.
DRAWN = {"app/measure/one_call.sql": "which of its scratch cards a measurement takes next"}

_FORESEEABLE = {"random", "uuid", "numpy", "tempfile._RandomNameSequence"}
_IN_SQL = re.compile(
    r"\b(?:random|gen_random_uuid|setseed|random_normal|uuidv[47]|uuid_generate_v[14])\s*\(", re.IGNORECASE
)

FOOLS = (
    "import random", "import random as r", "from random import choice", "from uuid import uuid4", "import numpy.random",
    "import importlib; importlib.import_module('random')", "__import__('random')", "'SELECT random()'",
    "f'SELECT gen_random_uuid() {x}'",
)  # fmt: skip


@pytest.mark.parametrize("source", FOOLS)
def test_the_scan_is_not_fooled(source: str) -> None:
    assert list(_foreseeable(ast.parse(source)))


def test_what_can_be_foreseen_only_makes_pauses() -> None:
    found = {
        str(file.relative_to(source)): uses
        for source in SOURCES
        for file in sorted(source.rglob("*.py"))
        if (uses := set(_foreseeable(ast.parse(file.read_text()))))
    }
    assert found == {file: {"import random", *uses} for file, uses in JITTER.items()}


def test_the_database_makes_nothing_up() -> None:
    files = [*SOURCES[0].rglob("*.sql")]
    assert files
    drawing = {str(file.relative_to(SOURCES[0])) for file in files if _IN_SQL.search(file.read_text())}
    assert drawing == DRAWN.keys()


def _foreseeable(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (f"import {one.name}" for one in names if one.name.partition(".")[0] in _FORESEEABLE)
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in _FORESEEABLE:
                yield f"from {module}"
            case ast.Attribute(value=ast.Name(id="random"), attr=attribute):
                yield f"random.{attribute}"
            case ast.Call(args=[ast.Constant(value=str(name)), *_]) if name.partition(".")[0] in _FORESEEABLE:
                yield f"call with {name!r}"
            case ast.Constant(value=str(text)) if _IN_SQL.search(text) and "random" in text.lower():
                yield f"SQL: {text[:60]}"
