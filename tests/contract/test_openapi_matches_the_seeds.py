"""The served OpenAPI document holds the five published operations leaf by leaf.

`seed_operations.json` is their structure without any prose. Beside it the document may have more optional header
parameters and more documented error statuses, nothing else.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
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


def test_the_document_is_of_the_published_version(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"


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


def leaves(node: Any, *path: str | int) -> Iterator[tuple[str | int, ...]]:
    """The way to every value that holds no others."""
    inside = list(node.items()) if isinstance(node, dict) else list(enumerate(node)) if isinstance(node, list) else []
    if not inside:
        yield path
    for key, value in inside:
        yield from leaves(value, *path, key)


def changed(node: Any, path: tuple[str | int, ...], value: object = None) -> Any:
    """A copy in which this leaf is another one; without a value it is gone."""
    copy = deepcopy(node)
    holder = copy
    for key in path[:-1]:
        holder = holder[key]
    if value is None:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return copy


def as_published() -> dict[str, Any]:
    """The operations and all that belongs to them, as one tree."""
    operations = {one["operationId"]: one for one in SEEDS["operations"]}
    return {**SEEDS, "operations": operations}


@pytest.mark.parametrize("part", ["operations", "schemas", "security", "securitySchemes"])
def test_no_leaf_is_overlooked(part: str) -> None:
    """Each of them, changed or gone, is a difference; and so is what is there beside them."""
    published = as_published()[part]
    ways = list(leaves(published))
    for way in ways:
        for other in (changed(published, way, "another"), changed(published, way)):
            assert list(differences(published, without_prose(other), part)), way
    if isinstance(published, dict):
        assert list(differences(published, without_prose(published | {"beside": 1}), part))


def test_there_are_as_many_leaves_as_ever() -> None:
    """The figure of guarantee 49; it changes only where somebody changes what was published."""
    assert len(list(leaves(as_published()))) == 418


@pytest.mark.parametrize("expected", SEEDS["operations"], ids=lambda operation: operation["operationId"].split("_")[0])
def test_what_may_stand_beside_an_operation_hides_none_of_its_leaves(expected: dict[str, Any]) -> None:
    rest = {key: value for key, value in expected.items() if key not in ("path", "method")}
    for way in leaves(rest):
        served = comparable(changed(rest, way, "another"), expected)
        assert list(differences(rest, served)), way
