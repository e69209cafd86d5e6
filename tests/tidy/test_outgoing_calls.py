"""Whoever calls out of Kado asks no proxy of the environment and follows no redirect, and few places call out at all.

A proxy of the environment would be told what it should not see (codes in text messages, for one) and would look names
up itself, behind all that was checked; a redirect leads where nothing was checked.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "kado"
CLIENTS = {"AsyncClient", "Client"}

# Every module with which one can speak to somebody else; what is not listed here speaks to nobody.
SPEAKING = {
    "httpx2": {
        "access/captcha_services.py",
        "app/demo.py",
        "app/demo_cards.py",
        "delivery/sms.py",
        "passes/apns.py",
        "passes/google_api.py",
        "webhooks/post.py",
    },
    "aiosmtplib": {"delivery/mail.py"},
    "httpx": set[str](),
    "requests": set[str](),
    "urllib3": set[str](),
    "aiohttp": set[str](),
    "urllib.request": set[str](),
    "http.client": set[str](),
    "smtplib": set[str](),
    "ftplib": set[str](),
}


def _modules(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _careless(text: str) -> list[int]:
    """The lines where an HTTP client is made that asks proxies or follows redirects."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    clients = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr in CLIENTS]
    wanted = {"trust_env": False, "follow_redirects": False}
    found = []
    for call in clients:
        said = {word.arg: word.value.value for word in call.keywords if isinstance(word.value, ast.Constant)}
        # Not to follow is what the library does by itself.
        if {"follow_redirects": False} | {name: said[name] for name in wanted if name in said} != wanted:
            found.append(call.lineno)
    return found


@cache
def _imported() -> dict[str, set[str]]:
    """What each file of Kado's imports."""
    return {str(file.relative_to(SOURCE)): set(_modules(ast.parse(file.read_text()))) for file in SOURCE.rglob("*.py")}


@pytest.mark.parametrize("module", SPEAKING)
def test_nobody_else_calls_out(module: str) -> None:
    found = {
        name
        for name, modules in _imported().items()
        if any(one == module or one.startswith(f"{module}.") for one in modules)
    }
    assert found == SPEAKING[module]


def test_no_client_asks_a_proxy_or_follows_a_redirect() -> None:
    assert {str(file): lines for file in SOURCE.rglob("*.py") if (lines := _careless(file.read_text()))} == {}


@pytest.mark.parametrize(
    ("call", "count"),
    [
        ("httpx2.AsyncClient()", 1),
        ("httpx2.Client(trust_env=True)", 1),
        ("httpx2.Client(trust_env=False, follow_redirects=True)", 1),
        ("httpx2.Client(trust_env=False)", 0),
        ("httpx2.AsyncClient(timeout=3, trust_env=False, follow_redirects=False)", 0),
    ],
)
def test_the_scan_sees(call: str, count: int) -> None:
    assert len(_careless(call)) == count
