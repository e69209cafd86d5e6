"""The served OpenAPI document holds the five published operations leaf by leaf.

`seed_operations.json` is their structure without any prose. Beside it the document may have more optional header
parameters and more documented error statuses, nothing else.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.contract.comparison import comparable, differences, report, served_document, without_prose

SEEDS: dict[str, Any] = json.loads((Path(__file__).parent / "seed_operations.json").read_text())


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return served_document()


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
