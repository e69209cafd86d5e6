"""What the documents say is so: links lead somewhere, generated pages are current, codes and files exist."""

import re
import runpy
from pathlib import Path

import pytest
from tests.document import document

ROOT = Path(__file__).parents[2]
FOLDERS = ("docs", "clients", "examples")
PAGES = sorted([*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))])
REFERENCE = runpy.run_path(str(ROOT / "scripts" / "reference.py"))["PAGES"]

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_OWN_MACHINE = re.compile(r"/home/|/root/|/Users/|/tmp/|[A-Z]:\\")

ids = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@ids
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in _LINK.findall(_FENCE.sub("", page.read_text())):
        if re.match(r"https?:|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.is_relative_to(ROOT), target
        assert found.exists(), target
        assert not anchor or anchor in _anchors(found), target


@ids
def test_no_page_names_somebodys_machine(page: Path) -> None:
    assert _OWN_MACHINE.findall(page.read_text()) == []


@pytest.mark.parametrize("name", REFERENCE)
def test_generated_pages_are_current(name: str) -> None:
    written = (ROOT / "docs" / "reference" / name).read_text()
    assert written == REFERENCE[name](), "write it anew: make format"


def test_every_decision_is_on_the_list() -> None:
    folder = ROOT / "docs" / "decisions"
    pages = sorted(page.name for page in folder.glob("[0-9]*.md"))
    listed = _LINK.findall((folder / "README.md").read_text())
    assert listed == pages
    for name in pages:
        text = (folder / name).read_text()
        assert text.startswith(f"# {name[:4]}: ")
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == [
            "Context",
            "Decision",
            "Consequences",
            "What would change our mind",
        ]


def test_code_that_a_page_names_is_there() -> None:
    source = ROOT / "src" / "kado"
    pages = [page for page in PAGES if page.name == "architecture.md" or page.parent.name == "decisions"]
    for page in pages:
        for name in re.findall(r"`([a-z_/]+\.py)`", page.read_text()):
            assert (ROOT / name).exists() or [*source.rglob(name)], f"{page.name} names {name}"
        for name in re.findall(r"`(src/[a-z_/]+/)`", page.read_text()):
            assert (ROOT / name).is_dir(), f"{page.name} names {name}"


def test_every_room_and_door_is_on_the_map() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    source = ROOT / "src" / "kado"
    folders = {init.parent for init in [*source.glob("*/__init__.py"), *source.glob("doors/*/__init__.py")]}
    assert source / "cards" in folders
    folders.discard(source / "doors")
    assert [str(folder) for folder in folders if f"`{folder.relative_to(ROOT)}/`" not in text] == []


def test_every_operation_is_on_the_api_page() -> None:
    text = (ROOT / "docs" / "reference" / "api.md").read_text()
    missing = []
    for path, methods in document()["paths"].items():
        for method in methods:
            short = path.removeprefix("/v2/giftcards/programs/{programId}")
            if f"`{method.upper()} {path}`" not in text and f"`{method.upper()} {short}`" not in text:
                missing.append(f"{method.upper()} {path}")
    assert missing == []


def test_refusals_in_the_api_page_are_those_of_the_code() -> None:
    text = (ROOT / "docs" / "reference" / "api.md").read_text()
    source = "".join(file.read_text() for file in (ROOT / "src" / "kado").rglob("*.py"))
    documented = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", text))
    assert {code for code in documented if f'"{code}"' not in source} == set()
    refusals = "".join(file.read_text() for file in (ROOT / "src" / "kado" / "cards").rglob("refusals.py"))
    codes = set(re.findall(r'^\s+(?:return \w+\()?"([a-z]+(?:_[a-z]+)+)",', refusals, re.MULTILINE))
    codes |= set(re.findall(r'return \w+\("([a-z]+(?:_[a-z]+)+)",', refusals))
    assert len(codes) > 10
    assert codes - documented == set()


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", _FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}
