"""Every statement on a tenant's data names the program, so that no bug reaches another tenant's rows."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from kado.storage.distribution import DISTRIBUTED

SOURCE = Path(__file__).parents[2] / "src" / "kado"
TABLES = [*DISTRIBUTED, "program_admission"]

# A condition on it, or a list of columns that begins with it. Merely reading the column is not enough.
_NAMES_THE_PROGRAM = re.compile(r"program_id\s*(?:=|IN\b)|\(\s*program_id\s*,")

# By file and function (or name of the constant): why the statement spans programs, or where it names the program.
EXEMPT = {
    "app/measure/scratch.py:_holds_cards": "asks whether there is any card at all, so as not to measure beside it",
    "cards/bulk/store.py:count_for_more": "counts the tasks of one merchant in all programs that it owns",
    "cards/books/work.py:work": "finds the check, of whichever program, that has waited longest",
    "cards/bulk/store.py:lock_waiting": "finds the tasks, of whichever program, that have waited longest",
    "paper/runs.py:lock_waiting": "finds the print runs, of whichever program, that have waited longest",
    "cards/owed.py:count_cards": "an operator counts all cards",
    "cards/owed.py:_counted": "an operator counts all cards; what they come to is told by program",
    "cards/proof/facts.py:_SELECT": "verification reads every program, or `where` names one",
    "cards/proof/beside.py:_SELECT": "verification reads every program, or `where` names one",
    "cards/proof/lines.py:_SELECT": "verification reads every program, or `where` names one",
    "cards/proof/handovers.py:seen": "a signing key is the same for every program",
    "cards/proof/moment.py:_LOOK_EVERYWHERE": "asks every machine, so that all of them see one moment",
    "cards/proof/moment.py:_REST": "locks a table, and reads nothing of it",
    "cards/proof/seals.py:_programs": "verification begins with which programs there are",
    "cards/verify.py:_teller": "verification counts how much there is to read",
    "delivery/undelivered.py:list_messages": "an operator looks at the whole outbox",
    "delivery/undelivered.py:replay_messages": "an operator sends again whatever failed; the change names its program",
    "delivery/undelivered.py:find_message": "an operator names a message by its id alone",
    "delivery/undelivered.py:count_messages": "an operator counts the whole outbox",
    "delivery/messages.py:rescue": "looks for overdue messages of all programs; what it finds keeps its program",
    "passes/untold.py:programs_due": "looks for what is due in all programs; what it finds keeps its program",
    "passes/untold.py:list_wallets": "an operator looks at the whole outbox",
    "passes/untold.py:find_wallet": "an operator names a wallet by its id alone",
    "passes/untold.py:count_wallets": "an operator counts the whole outbox",
    "passes/untold.py:replay_wallets": "an operator tells again whatever failed; the change names its program",
    "programs/store.py:list_reachable": "finds out which programs a merchant may enter",
    "readings/figures.py:_ANOMALIES": "an operator counts the alerts of all programs",
    "readings/figures.py:_BULK": "an operator counts the tasks of all programs",
    "readings/figures.py:_FRAUD_ALERTS": "an operator counts the alerts of all programs",
    "readings/figures.py:_seal_seconds": "the sealer's progress is the same for every program",
    "reports/undelivered.py:count_reports": "an operator counts the whole outbox",
    "reports/undelivered.py:replay_reports": "an operator sends again whatever failed; the change names its program",
    "rotation/needs.py:_CARDS": "counts what needs a secret key, which is the same for every program",
    "rotation/needs.py:_CODES": "counts what needs a secret key, which is the same for every program",
    "rotation/needs.py:_DEAD_CODES": "counts what needs a secret key, which is the same for every program",
    "rotation/needs.py:_ANSWERS": "counts what needs a secret key, which is the same for every program",
    "storage/backup/make.py:_KEYS_IN_USE": "a backup holds every program",
    "storage/embedded/majors.py:_MISSED": "counts rows before and after an upgrade, of every program",
    "storage/distribute.py:_prove": "asks every machine once whether it lets the server in",
    "webhooks/undelivered.py:list_events": "an operator looks at the whole outbox",
    "webhooks/undelivered.py:replay_events": "an operator sends again whatever failed; the change names its program",
    "webhooks/undelivered.py:find_event": "an operator names a delivery by its id alone",
    "webhooks/undelivered.py:count_events": "an operator counts the whole outbox",
    "webhooks/undelivered.py:count_unheard": "an operator counts the whole outbox",
    "webhooks/deliveries.py:waiting": "looks for what is due in all programs; what it finds keeps its program",
}


def test_every_statement_on_tenant_data_names_the_program() -> None:
    nameless = {place: text for place, text in statements_on(TABLES) if not _NAMES_THE_PROGRAM.search(text)}
    assert {place: text for place, text in nameless.items() if place not in EXEMPT} == {}
    assert EXEMPT.keys() <= nameless.keys(), "an exemption that is not needed any more"


def test_statements_are_found() -> None:
    places = {place for place, _ in statements_on(TABLES)}
    assert {"cards/hot_store.py:WRITE", "cards/codes.py:work", "cards/sweep.py:_EXPIRE"} <= places


def statements_on(tables: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Every statement in the code on any of these tables, with its place."""
    on_them = re.compile(rf"\b(?:FROM|JOIN|INTO|UPDATE|TABLE|COPY)\s+(?:ONLY\s+)?(?:{'|'.join(tables)})\b")
    for file in sorted(SOURCE.rglob("*.py")):
        for owner, text in _texts(ast.parse(file.read_text()), "module"):
            if on_them.search(text):
                yield f"{file.relative_to(SOURCE)}:{owner}", text


def _texts(node: ast.AST, owner: str) -> Iterator[tuple[str, str]]:
    """Every string with the function or constant that it stands in; what an f-string fills in is left out."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield owner, node.value
        return
    if isinstance(node, ast.JoinedStr):
        yield owner, "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
        return
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        owner = node.name
    elif owner == "module" and isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        owner = node.target.id
    for child in ast.iter_child_nodes(node):
        yield from _texts(child, owner)
