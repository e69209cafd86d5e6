"""No binary float on a path that money takes, in Python or SQL, under whatever name it comes.

Not only `float(…)`, a literal like 0.5 and true division: also `float` handed on as a name, a module that computes with
floats, JSON read without saying what a decimal becomes, a time or duration as seconds, a negative power, a cast in SQL.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "kado"

FOLDERS = ("cards", "programs", "doors/api", "doors/console", "doors/pages", "doors/cli", "web")
"""Where amounts are numbers. Mails and events get them as texts, made in `cards`."""

# Seconds, sizes and rates: floats that are never an amount. By file, what stands there and why.
ALLOWED: dict[str, dict[str, str]] = {
    "cards/bulk/order.py": {"0.1": "seconds of a pause"},
    "cards/balance_check.py": {
        "_DAY.total_seconds": "seconds until the next try",
        "(recent[-most] + window - now).total_seconds": "seconds until the next try",
    },
    "cards/bulk/store.py": {"json.loads(people)": "names, addresses and whole minor units"},
    "cards/bulk/draft.py": {"json.loads(zlib.decompress(opened))": "names, addresses and whole minor units"},
    "cards/books/apart.py": {"json.loads(line)": "counts and words"},
    "cards/books/check.py": {"json.loads(facts['findings'] or '[]')": "words"},
    "cards/resend_code.py": {"wait.total_seconds": "seconds until the next code"},
    "cards/guesses.py": {
        "float": "failed checks a minute",
        "0.0": "failed checks a minute",
        "float(row['recent']) / _RECENT_MINUTES": "failed checks a minute",
        "float(row['usual']) / _USUAL_MINUTES": "failed checks a minute",
    },
    "cards/ledger.py": {
        "4.0": "seconds of patience",
        "0.2": "jitter in seconds",
        "0.02": "jitter in seconds",
    },
    "doors/api/__init__.py": {"services.settings.request_seconds * 2 / 3": "seconds for a body"},
    "doors/api/intake.py": {
        "float": "seconds of patience with a slow body",
        "limits.body_seconds / 4": "seconds for a body",
        "received / limits.bytes_per_second": "seconds for a body",
    },
    "doors/cli/backup.py": {"settings.data_dir / 'secret.key'": "a path"},
    "doors/cli/config.py": {"settings.data_dir / 'secret.key'": "a path"},
    "doors/cli/seal.py": {"load(make_secret=False)": "the settings"},
    "doors/console/cards/outcome.py": {"msgspec.json.decode(answer.body, type=Told)": "texts and one status"},
    "web/forms.py": {"datetime.now(UTC).timestamp": "the age of a form, in hours"},
    "doors/pages/style.py": {
        "files('kado.doors.pages') / 'templates'": "a path",
        "files('kado.doors.pages') / 'templates' / 'page.css'": "a path",
    },
    "programs/reach.py": {"float": "seconds of a timer"},
    "programs/store.py": {"json.loads(values[17])": "what a program says of itself"},
    "doors/api/gate.py": {"(time.perf_counter_ns() - began) / 1000000": "milliseconds for the log"},
    "doors/api/lane.py": {"float": "seconds of a rest", "0.003": "seconds of a rest"},
}

FILES = sorted(
    [
        *(file for folder in FOLDERS for file in (SOURCE / folder).rglob("*.py")),
        SOURCE / "money.py",
        SOURCE / "storage" / "outbox.py",
    ]
)

_MODULES = {"math", "cmath", "statistics", "numpy", "fractions", "operator"}
_GIVE_FLOATS = {"total_seconds", "timestamp", "truediv", "__truediv__", "itruediv", "float_info", "as_integer_ratio"}
_READ_JSON = {"loads", "load", "decode"}
_IN_SQL = re.compile(r"(?:::|\bAS )\s*(?:float[48]?|real|double precision)\b|\bdouble precision\b", re.IGNORECASE)

FOOLS = (
    "float(x)", "map(float, rows)", "make = float", "def f(x: float): ...", "0.5", "1e3", "2j", "a / b", "a /= b",
    "import math", "from math import fsum", "from operator import truediv", "import statistics as s", "import numpy",
    "x.__truediv__(y)", "10 ** -2", "pow(10, -2)", "wait.total_seconds()", "now.timestamp()", "json.loads(text)",
    "json.load(file)", "msgspec.json.decode(text)", "loads(text, parse_int=int)", "'SELECT sum(a)::float8 FROM t'",
    "f'SELECT a:: double precision {x}'", "'SELECT CAST(a AS real)'", "__builtins__.float(x)", "builtins.float",
    "getattr(builtins, 'float')",
)  # fmt: skip


@pytest.mark.parametrize("source", FOOLS)
def test_the_scan_is_not_fooled(source: str) -> None:
    assert list(_floats(source))


@pytest.mark.parametrize(
    "source", ["2**62", "a // b", "json.loads(text, parse_float=Decimal)", "'a float of seconds'", "pow(2, 3)", "x.y"]
)
def test_what_is_exact_is_left_alone(source: str) -> None:
    assert list(_floats(source)) == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_money_meets_no_float(file: Path) -> None:
    allowed = ALLOWED.get(str(file.relative_to(SOURCE)), {})
    found = {f"{source} (line {line})" for source, line in _floats(file.read_text()) if source not in allowed}
    assert found == set()


def test_what_is_allowed_is_still_there() -> None:
    for name, places in ALLOWED.items():
        assert places.keys() <= {source for source, _ in _floats((SOURCE / name).read_text())}, name


def _floats(source: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(source)):
        if _is_float(node):
            assert isinstance(node, ast.expr | ast.stmt)
            yield ast.unparse(node), node.lineno


def _is_float(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=float() | complex()):
            return True
        case ast.Constant(value=str(text)):
            return text == "float" or _IN_SQL.search(text) is not None
        case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
            return True
        case ast.BinOp(op=ast.Pow(), right=ast.UnaryOp(op=ast.USub())):
            return True
        case ast.Name(id="float") | ast.Attribute(attr="float"):
            return True
        case ast.Attribute(attr=name):
            return name in _GIVE_FLOATS
        case ast.Import(names=names):
            return any(one.name.partition(".")[0] in _MODULES for one in names)
        case ast.ImportFrom(module=str(module), names=names):
            wanted = {one.name for one in names}
            return module.partition(".")[0] in _MODULES and not (module == "operator" and wanted <= _HARMLESS)
        case ast.Call():
            return _is_inexact_call(node)
        case _:
            return False


_HARMLESS = {"itemgetter", "attrgetter"}


def _is_inexact_call(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name == "pow":
        return any(isinstance(one, ast.UnaryOp) for one in call.args)
    if name in _READ_JSON and isinstance(call.func, ast.Attribute):
        owner = ast.unparse(call.func.value)
        return owner in ("json", "msgspec.json") and "parse_float" not in {one.arg for one in call.keywords}
    return name in ("loads", "load") and "parse_float" not in {one.arg for one in call.keywords}
