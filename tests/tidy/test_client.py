"""The client's blocking half is its awaited half without the waiting; its page is complete; and it has no float."""

import ast
import inspect
import re
import runpy
from pathlib import Path

import pytest

from kado_client import Kado

ROOT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "client.py"))
PACKAGE: Path = SCRIPT["PACKAGE"]


@pytest.mark.parametrize("name", SCRIPT["names"]())
def test_the_blocking_half_is_current(name: str) -> None:
    assert (PACKAGE / "_sync" / name).read_text() == SCRIPT["blocking"](name), "write it anew: make format"


def test_there_is_nothing_else_in_the_blocking_half() -> None:
    assert sorted(file.name for file in (PACKAGE / "_sync").glob("*.py")) == SCRIPT["names"]()


@pytest.mark.parametrize(
    "file", [PACKAGE / "wire.py", *(PACKAGE / "records").glob("*.py"), *PACKAGE.glob("_async/*.py")]
)
def test_no_float_is_between_the_caller_and_the_wire(file: Path) -> None:
    """A float may be refused (isinstance) or be a type of seconds; none is written or made."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Constant):
            assert not isinstance(node.value, float)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "float"


def test_every_operation_is_on_the_clients_page() -> None:
    text = (ROOT / "docs" / "reference" / "client.md").read_text()
    client = Kado("https://cards.example")
    program = client.program("1")
    groups = {"`kado`": client, "`kado.cards`": client.cards} | {
        **{
            f"`kado.{name}`": getattr(client, name)
            for name in ("programs", "customers", "merchants", "passes", "webhooks")
        },
        **{f"`kado.program(id).{name}`": getattr(program, name) for name in ("cards", "holds", "bulk", "look")},
    }
    steps = {"program", "as_customer", "as_merchant", "close"}
    for group, owner in groups.items():
        rows = [line for line in text.splitlines() if line.startswith(f"| {group}")]
        listed = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row.split("|")[2])}
        methods = {name for name, _ in inspect.getmembers(owner, inspect.ismethod) if not name.startswith("_")}
        assert listed == methods - steps, group
