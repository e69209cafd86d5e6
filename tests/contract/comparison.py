"""Two OpenAPI documents, compared leaf by leaf: the contract's and the one that is served."""

import json
from collections.abc import Iterator
from typing import Any

from tests.document import document

MISSING = object()


def served_document() -> dict[str, Any]:
    # Through JSON and back: what counts is what goes over the wire.
    served: dict[str, Any] = json.loads(json.dumps(document()))
    return served


def without_prose(node: Any, *, names: bool = False) -> Any:
    """The node without descriptions; with `names`, the keys are names that somebody chose, `description` included."""
    if isinstance(node, dict):
        return {
            key: without_prose(value, names=key == "properties" and not names)
            for key, value in node.items()
            if names or key != "description"
        }
    if isinstance(node, list):
        return [without_prose(item) for item in node]
    return node


def differences(expected: Any, served: Any, at: str = "") -> Iterator[str]:
    """Every leaf that differs, and every map of properties whose order does."""
    if isinstance(expected, dict) and isinstance(served, dict):
        for key in [*expected, *(key for key in served if key not in expected)]:
            yield from differences(expected.get(key, MISSING), served.get(key, MISSING), f"{at}/{key}")
        if at.endswith("/properties") and list(expected) != list(served) and set(expected) == set(served):
            yield f"{at}: order {list(served)}, expected {list(expected)}"
    elif isinstance(expected, list) and isinstance(served, list) and len(expected) == len(served):
        for index, pair in enumerate(zip(expected, served, strict=True)):
            yield from differences(*pair, f"{at}/{index}")
    elif expected is MISSING:
        yield f"{at}: {served!r} is not in the contract"
    elif served is MISSING:
        yield f"{at}: {expected!r} is not served"
    elif expected != served or (type(expected) is not type(served) and bool in (type(expected), type(served))):
        yield f"{at}: {served!r}, expected {expected!r}"


def comparable(served: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """The served operation without what may stand beside the contract."""
    known = {(parameter["in"], parameter["name"]) for parameter in expected["parameters"]}
    parameters = [
        parameter
        for parameter in served.get("parameters", [])
        if (parameter["in"], parameter["name"]) in known or parameter["in"] != "header" or parameter["required"]
    ]
    responses = {
        status: answer
        for status, answer in served["responses"].items()
        if status in expected["responses"] or not status.startswith(("4", "5"))
    }
    return {**served, "parameters": parameters, "responses": responses}


def report(found: Iterator[str]) -> None:
    lines = list(found)
    assert not lines, "\n".join([f"{len(lines)} differences", *lines])
