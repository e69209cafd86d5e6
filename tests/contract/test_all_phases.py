"""Schemathesis as its own command runs it: examples, coverage, fuzzing, chains of operations that lead to each other.

Beside failures it warns where nothing of what it meant well was ever accepted: such a run has shown little, so that a
warning fails here too, but for operations that cannot succeed with what is at hand.

`KADO_TEST_EXAMPLES` is the number of requests that are made up for each operation, beside the systematic ones;
`KADO_TEST_PHASES` names some of the phases only.
"""

import contextlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Final
from zlib import crc32

import pytest
import schemathesis
from click.testing import CliRunner
from schemathesis.cli import schemathesis as command
from schemathesis.hooks import HookContext
from tests.api.shop import an_address
from tests.contract.aim import aim
from tests.contract.callers import OPENING
from tests.contract.open_shop import OpenShop
from tests.contract.test_generated import OUT_OF_REACH, REFUSED

EXAMPLES: Final = os.environ.get("KADO_TEST_EXAMPLES", "")
pytestmark = pytest.mark.skipif(not EXAMPLES, reason="takes long; make generated")

PHASES: Final = os.environ.get("KADO_TEST_PHASES", "examples,coverage,fuzzing,stateful")

CHECKS: Final = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,negative_data_rejection"
)
CONFIG: Final = """
[generation]
with-security-parameters = false
[checks.negative_data_rejection]
expected-statuses = {refused}
[[operations]]
include-name = "POST /v2/giftcards/programs/{{programId}}/cards/bulk"
checks.status_code_conformance.enabled = false
"""


@pytest.fixture
def aimed(open_shop: OpenShop) -> Iterator[OpenShop]:
    """What is about to be sent names things that exist, and comes from somebody who may."""

    def before_call(context: HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
        path = case.operation.path
        # What one operation of a chain made, the next one is mostly left to find.
        follows = case.meta is not None and case.meta.phase.name.value == "stateful"
        if not follows or Random(crc32(repr(case.path_parameters).encode())).random() < 0.3:
            aim(case, open_shop)
        case.headers.update({"X-Forwarded-For": an_address(), **open_shop.callers.headers(path, case.operation.method)})
        if path == OPENING:
            kwargs["auth"] = open_shop.callers.signature

    schemathesis.hook(before_call)
    yield open_shop
    schemathesis.hooks.unregister(before_call)


def test_all_phases_find_nothing_and_warn_of_nothing(aimed: OpenShop, tmp_path: Path) -> None:
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG.format(refused=json.dumps(REFUSED)))
    words = ["--config-file", str(config), "run", f"{aimed.address}/openapi.json", "--url", aimed.address]
    words += ["--phases", PHASES, "--max-examples", EXAMPLES, "--checks", CHECKS, "--seed", "1"]
    words += ["--continue-on-failure", "--suppress-health-check", "all", "--no-color"]
    with contextlib.chdir(tmp_path):  # it leaves notes where it works
        done = CliRunner().invoke(command, words)
    print(done.output)
    assert done.exit_code == 0, done.output[-20_000:]
    assert warned_of(done.output) - set(OUT_OF_REACH) == set()


def warned_of(report: str) -> set[str]:
    """The operations that stand below the warnings."""
    warnings = report.partition("= WARNINGS =")[2].partition("= SUMMARY =")[0]
    return set(re.findall(r"^  - ([A-Z]+ /\S*)$", warnings, re.MULTILINE))


def test_warnings_are_found_in_a_report() -> None:
    report = "==== WARNINGS ====\n\n  - GET /v2/x/{y}\n\n  - POST /v2/z\n==== SUMMARY ====\n  - GET /not/this"
    assert warned_of(report) == {"GET /v2/x/{y}", "POST /v2/z"}
