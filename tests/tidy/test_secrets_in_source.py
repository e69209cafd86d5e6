"""No secret is kept with the source, not even one that is good for nothing: readers and scanners cannot know."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("src", "tests", "bench", "drills", "docs", "scripts", "clients", "examples", ".ci")
SECRETS = re.compile(
    # In two parts each, so that this file is not found by itself.
    r"-----BEGIN [A-Z ]*PRIVATE" + r" KEY-----|kado_(?:live|test|sign)" + r"_[A-Za-z0-9_-]{20}|AKIA[0-9A-Z]{16}"
)


def test_there_is_no_secret_in_the_source() -> None:
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*") if file.is_file()]
    files += [file for file in ROOT.iterdir() if file.is_file()]
    texts = {file: file.read_text(errors="replace") for file in files if file.suffix != ".pyc"}
    assert {str(file.relative_to(ROOT)) for file, text in texts.items() if SECRETS.search(text)} == set()
