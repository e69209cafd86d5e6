"""Every statement on a tenant's data names the program, so that no bug reaches another tenant's rows."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "kado"
TABLES = (
    "card card_transaction card_word idempotency_key ledger_seal code_guess check_rate message program_admission"
    " hold reversal gift_card_event webhook_delivery bulk_task bulk_batch request_minute request_hour anomaly_alert"
    " fraud_rule fraud_tally fraud_hit"
    " fraud_alert fraud_clearance fraud_blocked_address fraud_progress fraud_watched_card"
).split()

_ON_TENANT_DATA = re.compile(rf"\b(?:FROM|JOIN|INTO|UPDATE|TABLE|COPY)\s+(?:ONLY\s+)?(?:{'|'.join(TABLES)})\b")
# A condition on it, or a list of columns that begins with it. Merely reading the column is not enough.
_NAMES_THE_PROGRAM = re.compile(r"program_id\s*(?:=|IN\b)|\(\s*program_id\s*,")

# By file and function (or name of the constant): why the statement spans programs, or where it names the program.
EXEMPT = {
    "app/measure/scratch.py:_holds_cards": "asks whether there is any card at all, so as not to measure beside it",
    "cards/bulk/store.py:count_for_more": "counts the tasks of one merchant in all programs that it owns",
    "cards/bulk/store.py:lock_waiting": "finds the task, of whichever program, that has waited longest",
    "cards/owed.py:count_cards": "an operator counts all cards",
    "cards/owed.py:_counted": "an operator counts all cards; what they come to is told by program",
    "cards/proof/facts.py:_SELECT": "verification reads every program, or `where` names one",
    "cards/proof/beside.py:_SELECT": "verification reads every program, or `where` names one",
    "cards/proof/lines.py:_SELECT": "verification reads every program, or `where` names one",
    "cards/proof/handovers.py:seen": "a signing key is the same for every program",
    "cards/proof/seals.py:_programs": "verification begins with which programs there are",
    "cards/verify.py:_teller": "verification counts how much there is to read",
    "delivery/undelivered.py:list_messages": "an operator looks at the whole outbox",
    "delivery/undelivered.py:replay_messages": "an operator sends again whatever failed; the change names its program",
    "delivery/undelivered.py:find_message": "an operator names a message by its id alone",
    "delivery/undelivered.py:count_messages": "an operator counts the whole outbox",
    "delivery/messages.py:rescue": "looks for overdue messages of all programs; what it finds keeps its program",
    "programs/store.py:list_reachable": "finds out which programs a merchant may enter",
    "readings/figures.py:_ANOMALIES": "an operator counts the alerts of all programs",
    "readings/figures.py:_BULK": "an operator counts the tasks of all programs",
    "readings/figures.py:_FRAUD_ALERTS": "an operator counts the alerts of all programs",
    "readings/figures.py:_seal_seconds": "the sealer's progress is the same for every program",
    "rotation/needs.py:_CARDS": "counts what needs a secret key, which is the same for every program",
    "rotation/needs.py:_CODES": "counts what needs a secret key, which is the same for every program",
    "rotation/needs.py:_DEAD_CODES": "counts what needs a secret key, which is the same for every program",
    "rotation/needs.py:_ANSWERS": "counts what needs a secret key, which is the same for every program",
    "storage/backup/make.py:_KEYS_IN_USE": "a backup holds every program",
    "storage/embedded/majors.py:_MISSED": "counts rows before and after an upgrade, of every program",
    "webhooks/undelivered.py:list_events": "an operator looks at the whole outbox",
    "webhooks/undelivered.py:replay_events": "an operator sends again whatever failed; the change names its program",
    "webhooks/undelivered.py:find_event": "an operator names a delivery by its id alone",
    "webhooks/undelivered.py:count_events": "an operator counts the whole outbox",
    "webhooks/undelivered.py:count_unheard": "an operator counts the whole outbox",
    "webhooks/deliveries.py:waiting": "looks for what is due in all programs; what it finds keeps its program",
}


def test_every_statement_on_tenant_data_names_the_program() -> None:
    nameless = {place: text for place, text in _statements() if not _NAMES_THE_PROGRAM.search(text)}
    assert {place: text for place, text in nameless.items() if place not in EXEMPT} == {}
    assert EXEMPT.keys() <= nameless.keys(), "an exemption that is not needed any more"


def test_statements_are_found() -> None:
    places = {place for place, _ in _statements()}
    assert {"cards/hot_store.py:WRITE", "cards/codes.py:work", "cards/sweep.py:_EXPIRE"} <= places


def _statements() -> Iterator[tuple[str, str]]:
    for file in sorted(SOURCE.rglob("*.py")):
        for owner, text in _texts(ast.parse(file.read_text()), "module"):
            if _ON_TENANT_DATA.search(text):
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
