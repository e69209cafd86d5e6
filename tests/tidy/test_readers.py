"""Copies of the database serve what people look at, and nothing that decides about money or rights."""

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "kado"

READERS = {
    "cards/lists.py": {"list_cards"},
    "cards/turnover/behind.py": {"list_behind"},
    "cards/turnover/figures.py": {"read_books", "read_totals"},
    "reports/source.py": {"source_of"},
    "reports/states.py": {"__init__"},
    "trail/read.py": {"read_page", "read_all"},
    "trail/export.py": {"parts"},
    "fraud/alerts.py": {"list_alerts"},
    "fraud/figures.py": {"metrics", "patterns", "fired", "latest_tallies"},
    "anomalies/alerts.py": {"list_alerts"},
    "anomalies/metrics.py": {"metrics"},
    "delivery/undelivered.py": {"list_of_program"},
}
"""Functions that are handed a reader. A lag, a copy that was cut off, or one that somebody edited must harm nobody."""

ROUTES = {"lists.py", "audit.py", "fraud.py", "anomalies.py"}

ROOMS = {
    f"reports/{name}.py"
    for name in "business entries overview network escheatment expiring shops validation aml/alerts".split()
}
"""Files that are handed a source of reports, which has a reader."""

PAGES = {"cards/list.py", "cards/story.py", "figures.py", "people.py"} | {
    f"watch/{name}.py" for name in ("anomalies", "audit", "fraud", "messages", "rules")
}
"""Of the console."""


def trees() -> Iterator[tuple[str, ast.Module]]:
    for file in sorted(SOURCE.rglob("*.py")):
        yield str(file.relative_to(SOURCE)), ast.parse(file.read_text())


def names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def test_readers_are_handed_to_lists_and_figures_only() -> None:
    found: dict[str, set[str]] = {}
    for file, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and "Reader" in names(node.args):
                found.setdefault(file, set()).add(node.name)
    del found["storage/copies.py"]
    # Where a route says Reader it means a caller who may read the audit log.
    assert {file: found[file] for file in found if not file.startswith("doors/")} == READERS


def test_who_imports_them_is_handed_them() -> None:
    importing = {
        file
        for file, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "kado.storage.copies"
    }
    assert importing == {*READERS, "app/database.py", "doors/api/services.py", "doors/console/rooms.py"}


def test_routes_that_read_from_copies_are_named() -> None:
    using = {
        file
        for file, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "reader" and ast.unparse(node) != "csv.reader"
    }
    doors = {f"doors/api/routes/{name}" for name in ROUTES} | {f"doors/console/{name}" for name in PAGES}
    assert using == {*doors, *ROOMS, "app/http.py"}


def test_a_reader_cannot_write() -> None:
    """The types hold it: what changes anything asks for a `Database`, and a reader has none of its methods for that."""
    (reader,) = (
        node
        for node in ast.walk(ast.parse((SOURCE / "storage" / "copies.py").read_text()))
        if isinstance(node, ast.ClassDef) and node.name == "Reader"
    )
    assert {node.name for node in reader.body if isinstance(node, ast.AsyncFunctionDef)} == {"listing", "looking"}
