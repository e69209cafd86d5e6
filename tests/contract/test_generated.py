"""Requests that nobody thought of: Schemathesis makes them from the served document, for every operation in it.

They name cards, codes and other things that exist, so that they get past the door. Whatever they hold, the answer is
one that the document describes, never a fault of ours, and none without a token where one is needed.

`KADO_TEST_EXAMPLES` says how many are made up for each operation, beside the systematic ones; `make generated` is the
large run, and without it a sixth of those that are wrong on purpose is enough.
"""

import os
import re
from collections import Counter, defaultdict
from typing import Any, Final
from zlib import crc32

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.generation.meta import TestPhase
from schemathesis.specs.openapi import checks
from tests.api.shop import an_address
from tests.contract.aim import aim
from tests.contract.callers import OPENING
from tests.contract.open_shop import OpenShop
from tests.document import document

EXAMPLES: Final = int(os.environ.get("KADO_TEST_EXAMPLES", "5"))
ONE_IN: Final = 1 if "KADO_TEST_EXAMPLES" in os.environ else 6
"""Of the systematic requests that are wrong on purpose so many are sent: always the same ones."""
REFUSED: Final = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429, 431, "5xx"]
CONFIG: Final = {
    # The bearer is sent with every request; the check for ignored tokens takes it away by itself.
    "generation": {"with-security-parameters": False},
    # What is made up to be too long may be too long to be read at all.
    "checks": {"negative_data_rejection": {"expected-statuses": REFUSED}},
}
SCHEMA: Final = schemathesis.pytest.from_fixture("schema")
"""Read when the test runs: each of the suite's processes would make up thousands of requests to list the tests."""

CHECKS: Final[tuple[CheckFunction, ...]] = (
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.unsupported_method,
    checks.ignored_auth,
)

# The contract wants a bearer here; load balancers have none, so none is asked for.
NEEDS_NO_TOKEN: Final = {"GET /v2/giftcards/health"}
# A signature is the proof here, and a bearer none.
SIGNED: Final = {f"POST {OPENING}"}
# Said by the contract in words only: its document has no such status, and so neither has ours.
SAID_IN_WORDS: Final = {("POST /v2/giftcards/programs/{programId}/cards/bulk", 202)}
# Operations that cannot succeed with what is at hand, and why.
OUT_OF_REACH: Final = {
    "POST /v2/token": "no password is right",
    "POST /v2/token/mfa-verify": "no sign-in is half done",
    "POST /v2/token/mfa/confirm": "nobody reads the authenticator",
    "POST /v2/token/mfa/recovery-codes": "nobody has a second factor",
    "POST /v2/token/mfa/disable": "nobody has a second factor",
    "DELETE /v2/token/sessions/{sessionId}": "the person goes on working",
    "DELETE /v2/staff/{staffId}/sessions/{sessionId}": "the colleague is signed in nowhere",
    "DELETE /v2/giftcards/customer/sessions": "the customer goes on looking",
    "DELETE /v2/giftcards/customer/sessions/{sessionId}": "the customer goes on looking",
    "DELETE /v2/giftcards/merchants/sessions/{sessionId}": "the till goes on selling",
    "DELETE /v2/giftcards/merchants/session": "the till goes on selling",
    "GET /v2/giftcards/captcha": "no captcha is configured",
    "GET /v2/passes/{passTypeIdentifier}/{serialNumber}/savetowallet": "there is no account with Google",
    "GET /v2/passes/{passTypeIdentifier}/{serialNumber}/walletobject": "there is no account with Google",
    "POST /v2/giftcards/customers/otp/verify": "nobody reads the mail with the code",
    "POST /v2/giftcards/programs/{programId}/cards/bulk/{taskId}/csv": "no worker runs, so no task is done",
    "GET /v2/giftcards/programs/{programId}/cards/bulk/{taskId}/csv/{token}": "no task is done",
    "POST /v2/webhooks/{webhookId}/enable": "nothing is sent to an address out there",
    "POST /v2/webhooks/{webhookId}/deliveries/{deliveryId}/replay": "nothing has been delivered",
}

ANSWERS: Final[defaultdict[str, Counter[int]]] = defaultdict(Counter)
"""How often each operation gave each status."""


def _body_of(label: str) -> dict[str, Any]:
    """By the types of content that the operation takes."""
    method, _, path = label.partition(" ")
    content: dict[str, Any] = document()["paths"][path][method.lower()].get("requestBody", {}).get("content", {})
    return content


def checks_for(path: str, label: str, status: int) -> list[CheckFunction]:
    """All but those that the operation cannot pass for a good reason."""
    left_out: set[CheckFunction] = set()
    if (label, status) in SAID_IN_WORDS:
        left_out.add(checks.status_code_conformance)
    if "multipart/form-data" in _body_of(label):
        # Once a real picture is in its place, nothing is wrong with what was made up to be a wrong form.
        left_out.add(checks.negative_data_rejection)
    if label in NEEDS_NO_TOKEN | SIGNED:
        left_out.add(checks.ignored_auth)
    others = (re.sub(r"\{\w+\}", "[^/]+", other) for other in document()["paths"] if other != path)
    if any(re.fullmatch(other, path) for other in others):
        # `…/cards/reload-by-number` also has the form of `…/cards/{cardId}`, with the methods of that one.
        left_out.add(checks.unsupported_method)
    return [check for check in CHECKS if check not in left_out]


@pytest.fixture
def schema(request: pytest.FixtureRequest) -> schemathesis.BaseSchema:
    request.node._nodeid = request.node.nodeid  # Schemathesis 4.32 reads it; pytest 9.2 calls it something else
    return schemathesis.openapi.from_dict(document(), config=schemathesis.Config.from_dict(CONFIG))


@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_one_that_the_document_describes(case: schemathesis.Case[Any], open_shop: OpenShop) -> None:
    label, path = case.operation.label, case.operation.path
    is_wrong = case.meta is not None and case.meta.generation.mode is GenerationMode.NEGATIVE
    is_systematic = case.meta is not None and case.meta.phase.name is TestPhase.COVERAGE
    sent = (label, case.path_parameters, case.query, case.headers, case.body)
    if is_wrong and is_systematic and crc32(repr(sent).encode()) % ONE_IN:
        return
    # Set here and not in the call, because some checks send requests of their own.
    case.operation.base_url = open_shop.address
    aim(case, open_shop)
    headers = {"X-Forwarded-For": an_address(), **open_shop.callers.headers(path, case.operation.method)}
    answer = case.call(headers=headers, auth=open_shop.callers.signature if path == OPENING else None)
    ANSWERS[label][answer.status_code] += 1
    case.validate_response(answer, checks=checks_for(path, label, answer.status_code), headers=headers)


def test_generated_requests_get_past_the_door() -> None:
    """Comes last: where nothing ever succeeded, the requests before have shown little."""
    asked = {f"{method.upper()} {path}" for path, methods in document()["paths"].items() for method in methods}
    assert set(ANSWERS) == asked
    never = {label for label, statuses in ANSWERS.items() if not any(200 <= status < 300 for status in statuses)}
    assert {label: dict(ANSWERS[label]) for label in sorted(never - set(OUT_OF_REACH))} == {}
