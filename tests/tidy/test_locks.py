"""requirements.lock says for pip exactly what uv.lock says for uv."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_two_locks_agree() -> None:
    assert _for_pip() == _for_uv(), "write it anew: make lock"


def _for_pip() -> dict[tuple[str, str], set[str]]:
    """By name and version: the hashes."""
    text = (ROOT / "requirements.lock").read_text().replace("\\\n", " ")
    found: dict[tuple[str, str], set[str]] = {}
    for entry in re.findall(r"^[^\s#].*$", text, re.MULTILINE):
        named = re.match(r"([A-Za-z0-9._-]+)==([^\s;\\]+)", entry)
        assert named is not None, f"not pinned: {entry}"
        found[named[1], named[2]] = set(re.findall(r"--hash=(sha256:[0-9a-f]{64})", entry))
    return found


def _for_uv() -> dict[tuple[str, str], set[str]]:
    locked = tomllib.loads((ROOT / "uv.lock").read_text())
    found = {}
    for package in locked["package"]:
        if "editable" in package["source"]:
            continue
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        found[package["name"], package["version"]] = {file["hash"] for file in files}
    return found
