"""Writes the blocking half of the Python client (`_sync`) from the half that is awaited (`_async`).

Run it with `make format`. A test fails when the two differ in anything but waiting.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).parents[1] / "clients" / "python" / "src" / "kado_client"
_NOTE: Final = "# Written by scripts/client.py (make format) from _async/{name}. Change that instead.\n\n"
_WORDS: Final = (
    (r"\b(?:async|await) ", ""),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\b__a(enter|exit)__", r"__\1__"),
    (r"\baclose\b", "close"),
    (r"\baiter_bytes\b", "iter_bytes"),
    (r"\basyncio\b", "time"),
    (r"\b_async\b", "_sync"),
    (r"The client that is awaited\. Its blocking twin in `_sync` is", "The client that blocks,"),
)


def blocking(name: str) -> str:
    """The text of the file's twin, formatted."""
    text = (PACKAGE / "_async" / name).read_text()
    for pattern, replacement in _WORDS:
        text = re.sub(pattern, replacement, text)
    return _ruff("format", _ruff("check", _NOTE.format(name=name) + text, "--fix-only", "--select=I"))


def names() -> list[str]:
    """The files that have a twin."""
    return sorted(file.name for file in (PACKAGE / "_async").glob("*.py"))


def _ruff(command: str, text: str, *options: str) -> str:
    ruff = [sys.executable, "-m", "ruff", command, *options, f"--stdin-filename={PACKAGE / 'twin.py'}", "-"]
    return subprocess.run(ruff, input=text, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    twins = PACKAGE / "_sync"
    twins.mkdir(exist_ok=True)
    for name in names():
        (twins / name).write_text(blocking(name))
