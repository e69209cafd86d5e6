"""The served OpenAPI document holds every operation on cards, customers, merchants and webhooks, leaf by leaf.

`wider_operations.json` is the structure of the published contract beyond its five most exact pages, without any prose.
Where the contract leaves something open, so does this test: the order of parameters, the names of the schemas listed
under `unnamed` (the one in the fixture stands for any, or for the schema written in place), and what an operation of
the fixture does not mention (summary and tags of the webhooks, the form of their ids and answers).
"""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.contract.comparison import comparable, differences, report, served_document, without_prose

HERE = Path(__file__).parent
WIDER: dict[str, Any] = json.loads((HERE / "wider_operations.json").read_text())
SEEDS: dict[str, Any] = json.loads((HERE / "seed_operations.json").read_text())

_PAGES = frozenset({"page", "limit", "offset"})
OURS = {
    "/v2/giftcards/programs/{programId}/reports/business": frozenset({"asOf"}),
    "/v2/giftcards/programs/{programId}/reports/expiration-warnings": _PAGES,
    "/v2/giftcards/programs/{programId}/reports/escheatment": _PAGES,
    "/v2/giftcards/programs/{programId}/compliance/aml": _PAGES,
}
"""Optional parameters of ours, without which these answer as published."""

PREFIX = "#/components/schemas/"
UNNAMED = frozenset(WIDER["unnamed"])
NAMED = (set(WIDER["schemas"]) | set(SEEDS["schemas"])) - UNNAMED
# The schemas of both fixtures, for references that are followed.
EXPECTED_SCHEMAS = SEEDS["schemas"] | WIDER["schemas"]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return served_document()


def spelled_out(node: Any, schemas: dict[str, Any]) -> Any:
    """The node with every reference to a schema that the contract does not name replaced by that schema."""
    if isinstance(node, list):
        return [spelled_out(item, schemas) for item in node]
    if not isinstance(node, dict):
        return node
    name = str(node.get("$ref", "")).removeprefix(PREFIX)
    if name and name not in NAMED:
        return spelled_out({key: value for key, value in schemas[name].items() if key != "title"}, schemas)
    return {key: spelled_out(value, schemas) for key, value in node.items()}


def parameters_of(operation: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """By place and name; an id that may not be null is written in place by some versions of FastAPI."""
    found = {}
    for parameter in operation.get("parameters", []):
        schema = parameter.get("schema", {})
        if "$ref" in schema:
            schema = schemas[schema["$ref"].removeprefix(PREFIX)] | {"title": parameter["name"].title()}
        found[f"{parameter['in']} {parameter['name']}"] = parameter | {"schema": schema}
    return found


def narrowed(served: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """The served operation as far as the contract speaks about it."""
    kept = {key: value for key, value in served.items() if key not in ("summary", "tags") or key in expected}
    for name, parameter in kept["parameters"].items():
        if expected["parameters"].get(name, {}).get("schema") == {}:
            parameter["schema"] = {}
    kept["responses"] = {
        status: {} if expected["responses"].get(status) == {} else answer
        for status, answer in served["responses"].items()
    }
    return kept


def title(operation: dict[str, Any]) -> str:
    return f"{operation['method'].upper()} {operation['path']}"


@pytest.mark.parametrize("expected", WIDER["operations"], ids=title)
def test_operation_is_served_as_published(expected: dict[str, Any], document: dict[str, Any]) -> None:
    served = without_prose(document["paths"].get(expected["path"], {}).get(expected["method"]))
    assert served is not None, f"{title(expected)} is not served"
    known = {"parameters": [], **{key: value for key, value in expected.items() if key not in ("path", "method")}}
    served = comparable(served, known)
    ours = OURS.get(expected["path"], frozenset())
    served["parameters"] = [one for one in served["parameters"] if one["in"] != "query" or one["name"] not in ours]
    schemas = without_prose(document["components"]["schemas"])
    wanted = spelled_out(known | {"parameters": parameters_of(known, EXPECTED_SCHEMAS)}, EXPECTED_SCHEMAS)
    got = spelled_out(served | {"parameters": parameters_of(served, schemas)}, schemas)
    report(differences(wanted, narrowed(got, wanted), title(expected)))


@pytest.mark.parametrize("name", sorted(set(WIDER["schemas"]) - UNNAMED))
def test_schema_is_served_as_published(name: str, document: dict[str, Any]) -> None:
    schemas = without_prose(document["components"]["schemas"])
    assert name in schemas, f"{name} is not served"
    report(
        differences(spelled_out(WIDER["schemas"][name], EXPECTED_SCHEMAS), spelled_out(schemas[name], schemas), name)
    )


def test_the_fixtures_agree_about_the_operations_they_share() -> None:
    wider = {title(operation): operation for operation in WIDER["operations"]}
    for seed in SEEDS["operations"]:
        assert wider[title(seed)] == seed
    assert not set(WIDER["schemas"]) & set(SEEDS["schemas"])


def test_a_schema_without_a_name_is_compared_by_its_form() -> None:
    served = {"Anything": {"properties": {"a": {"type": "string"}}, "type": "object", "title": "Anything"}}
    reference = {"$ref": f"{PREFIX}Anything"}
    in_place = {"properties": {"a": {"type": "string"}}, "type": "object"}
    assert spelled_out([reference], served) == [in_place]
    assert spelled_out({"$ref": f"{PREFIX}GiftCardStatus"}, {}) == {"$ref": f"{PREFIX}GiftCardStatus"}


def test_parameters_are_compared_by_name_and_not_by_place_in_the_list() -> None:
    one, two = {"in": "query", "name": "q", "schema": {}}, {"in": "query", "name": "page", "schema": {}}
    there, back = parameters_of({"parameters": [one, two]}, {}), parameters_of({"parameters": [two, one]}, {})
    assert there == back
    assert len(list(differences(there, parameters_of({"parameters": [one]}, {})))) == 1
