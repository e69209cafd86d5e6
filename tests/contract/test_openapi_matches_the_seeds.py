"""The served OpenAPI document holds the five published operations leaf by leaf.

`seed_operations.json` is their structure without any prose. Beside it the document may have more optional header
parameters and more documented error statuses, nothing else.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kado.doors.api import application_document

SEEDS: dict[str, Any] = json.loads((Path(__file__).parent / "seed_operations.json").read_text())
MISSING = object()


def served_document() -> dict[str, Any]:
    # Through JSON and back: what counts is what goes over the wire.
    document: dict[str, Any] = json.loads(json.dumps(application_document()))
    return document


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return served_document()


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


@pytest.mark.parametrize("expected", SEEDS["operations"], ids=lambda operation: operation["operationId"].split("_")[0])
def test_operation_is_served_as_published(expected: dict[str, Any], document: dict[str, Any]) -> None:
    path, method = expected["path"], expected["method"]
    served = without_prose(document["paths"].get(path, {}).get(method))
    assert served is not None, f"{method} {path} is not served"
    rest = {key: value for key, value in expected.items() if key not in ("path", "method")}
    report(differences(rest, comparable(served, expected), f"{method} {path}"))


@pytest.mark.parametrize("name", SEEDS["schemas"])
def test_schema_is_served_as_published(name: str, document: dict[str, Any]) -> None:
    served = without_prose(document["components"]["schemas"].get(name, {}))
    report(differences(SEEDS["schemas"][name], served, name))


def test_security_is_declared_as_published(document: dict[str, Any]) -> None:
    report(differences(SEEDS["security"], document["security"], "security"))
    schemes = without_prose(document["components"]["securitySchemes"])
    report(differences(SEEDS["securitySchemes"], schemes, "securitySchemes"))


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    names = set(document["components"]["schemas"])
    text = json.dumps(document)
    prefix = '"#/components/schemas/'
    used = {part.split('"', 1)[0] for part in text.split(prefix)[1:]}
    assert used <= names


@pytest.mark.parametrize(
    ("expected", "served", "count"),
    [
        ({"a": 1}, {"a": 1.0}, 0),
        ({"a": 1}, {"a": True}, 1),
        ({"a": True}, {"a": True}, 0),
        ({"a": [1, 2]}, {"a": [1]}, 1),
        ({"a": 1}, {}, 1),
        ({}, {"a": 1}, 1),
        ({"properties": {"a": 1, "b": 2}}, {"properties": {"b": 2, "a": 1}}, 1),
        ({"x": {"properties": {"description": 1}}}, {"x": {"properties": {"description": 2}}}, 1),
    ],
)
def test_the_comparison_sees(expected: Any, served: Any, count: int) -> None:
    assert len(list(differences(without_prose(expected), without_prose(served)))) == count
