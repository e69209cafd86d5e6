"""A module is named after what is in it. A name that fits everything hides a noun that nobody has found yet."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
AVOIDED = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "managers", "base", "core", "stuff"}


def test_no_module_has_a_name_that_fits_everything() -> None:
    modules = [
        file
        for folder in ("src", "tests", "bench", "drills", "scripts", "clients", "examples")
        for file in (ROOT / folder).rglob("*.py")
    ]
    assert modules
    vague = {file for file in modules if AVOIDED & {*file.stem.split("_"), file.parent.name}}
    assert {str(file.relative_to(ROOT)) for file in vague} == set()


def test_every_module_says_what_is_in_it() -> None:
    silent = [
        file
        for folder in ("src", "clients", "examples")
        for file in (ROOT / folder).rglob("*.py")
        if not file.read_text().startswith(('"""', "# Written by ")) and not file.name.startswith("_kept")
    ]
    assert [str(file.relative_to(ROOT)) for file in silent] == []
