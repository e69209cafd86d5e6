"""The client's blocking half is its awaited half without the waiting, and neither meets a float."""

import ast
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "client.py"))
PACKAGE: Path = SCRIPT["PACKAGE"]


@pytest.mark.parametrize("name", SCRIPT["names"]())
def test_the_blocking_half_is_current(name: str) -> None:
    assert (PACKAGE / "_sync" / name).read_text() == SCRIPT["blocking"](name), "write it anew: make format"


def test_there_is_nothing_else_in_the_blocking_half() -> None:
    assert sorted(file.name for file in (PACKAGE / "_sync").glob("*.py")) == SCRIPT["names"]()


@pytest.mark.parametrize("place", ["wire.py", "records", "_async"])
def test_no_float_is_between_the_caller_and_the_wire(place: str) -> None:
    """But for the seconds of the transport, and the refusal of floats itself."""
    files = [PACKAGE / place] if place.endswith(".py") else [*(PACKAGE / place).glob("*.py")]
    assert files
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), file
            is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            assert not (is_call and node.func.id == "float"), file  # type: ignore[attr-defined]
