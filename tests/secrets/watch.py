"""Watches the whole run: what servers write into their logs, all of it from DEBUG on, has nothing secret's form.

Servers inside of tests write to the test's captured output; servers beside tests have logs of their own
(`tests/serving/server.py`).
"""

import re
from collections.abc import Generator

import pytest
from tests.secrets.forms import found_in_log

_LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[(?:debug|info|warning|error|critical)\s*\] .*|\{\".*\}")
_CAPTURED = ("Captured stdout", "Captured stderr")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: "pytest.CallInfo[None]"
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a test fail whose servers wrote something down that nobody may read there."""
    report = yield
    said = [text for name, text in report.sections if name.startswith(_CAPTURED) and name.endswith(f" {call.when}")]
    hits = leaks("\n".join(said))
    if hits and report.outcome != "failed":
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: its servers' logs hold\n" + "\n".join(hits[:20])
    return report


def leaks(text: str) -> list[str]:
    """What the log lines in a text hold; other lines are the test's own."""
    return found_in_log("\n".join(line for line in text.splitlines() if _LOG_LINE.fullmatch(line)))
