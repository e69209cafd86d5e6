"""Every member of every body and query, as the document describes it: what does not fit it is refused by name.

`test_bad_input.py` knows by hand what is dangerous; this file knows nothing and forgets nothing, operations that come
later included. Nothing that it sends changes a byte of the database.
"""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import httpx2
import pytest
import pytest_asyncio
from tests.api.shop import NOTHING, UNKNOWN, Body, Shop, Superuser, fingerprint
from tests.document import document

from kado.doors.api import rights_table

DOCUMENT: Final = document()
SCHEMAS: Final = DOCUMENT["components"]["schemas"]

# They want another proof than a bearer before they look at anything else.
OTHER_PROOF: Final = ("/v2/giftcards/customer/", "/v2/giftcards/merchants/")

WRONG_TYPES: Final[dict[str, tuple[object, ...]]] = {
    "string": (7, True, [], {}),
    "integer": ("x", 1.5, [], {}),
    "number": ("x", True, [], {}),
    "boolean": ("maybe", 7, [], {}),
    "array": ("x", 7, {}),
    "object": ("x", 7, []),
}
WRONG_FORMATS: Final[dict[str, tuple[object, ...]]] = {
    "email": ("", "ada", "a b@example.com"),
    "phone": ("", "030 901820"),
    "date-time": ("", "tomorrow", "1798761600"),
}
CONTROL: Final = ("a\x00b", "a\x1bb", "a\ud800b")
# Compared and never kept, so that one with a control character is just a wrong one.
ANY_TEXT: Final = {"sessionToken", "password", "confirmation"}


def resolved(schema: Body) -> Body:
    """The schema, or the one it refers to."""
    name = schema.get("$ref", "").rsplit("/", 1)[-1]
    found: Body = SCHEMAS[name] if name else schema
    return found


def forms(schema: Body) -> list[Body]:
    """What a value may be, one schema for each form."""
    schema = resolved(schema)
    return [form for one in schema["anyOf"] for form in forms(one)] if "anyOf" in schema else [schema]


def misfits(schema: Body) -> Iterator[object]:
    """Values that are of none of the schema's forms."""
    allowed = forms(schema)
    types = {form.get("type") for form in allowed}
    if None in types:
        return
    for of_type in types & WRONG_TYPES.keys():
        yield from (value for value in WRONG_TYPES[str(of_type)] if not _may_be(value, types))
    if "null" not in types:
        yield None
    texts = [form for form in allowed if form.get("type") == "string"]
    if texts:
        yield from CONTROL
    # With several forms of text, what one refuses another takes.
    if len(texts) == 1 and "number" not in types:
        yield from _wrong_texts(texts[0])
    for form in allowed:
        if form.get("type") in ("integer", "number"):
            yield from _out_of_bounds(form)
        if form.get("type") == "array":
            yield from _wrong_lists(form)


def _may_be(value: object, types: set[Any]) -> bool:
    kinds = {bool: {"boolean"}, int: {"integer", "number"}, float: {"number"}, list: {"array"}, dict: {"object"}}
    return bool(kinds.get(type(value), {"string"}) & types)


def _wrong_texts(form: Body) -> Iterator[object]:
    if "maxLength" in form:
        yield "x" * (form["maxLength"] + 1)
    if form.get("minLength"):
        yield "x" * (form["minLength"] - 1)
    if "pattern" in form or "enum" in form:
        yield "~"
    yield from WRONG_FORMATS.get(form.get("format", ""), ())


def _out_of_bounds(form: Body) -> Iterator[object]:
    if "maximum" in form:
        yield int(form["maximum"]) + 1
    if "minimum" in form:
        yield int(form["minimum"]) - 1
    if "exclusiveMinimum" in form:
        yield int(form["exclusiveMinimum"])


def _wrong_lists(form: Body) -> Iterator[object]:
    likely: tuple[object, ...] = ("x", UNKNOWN, {})
    wrong = list(misfits(form["items"]))
    some = next((value for value in likely if value not in wrong), "x")
    if "maxItems" in form:
        yield [some] * (form["maxItems"] + 1)
    if form.get("minItems"):
        yield [some] * (form["minItems"] - 1)
    yield from ([value] for value in wrong)


# ── what is sent where ─────────────────────────────────────────────────────────────────────────────────────────────


def operations() -> Iterator[tuple[str, Body]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def body_of(operation: Body) -> Body | None:
    """The schema of its JSON body."""
    content = operation.get("requestBody", {}).get("content", {})
    wanted = forms(content["application/json"]["schema"]) if "application/json" in content else []
    return next((form for form in wanted if form.get("type") == "object"), None)


WITH_BODY: Final = {label: body for label, one in operations() if (body := body_of(one)) and body.get("properties")}
WITH_QUERY: Final = {
    label: {one["name"]: one["schema"] for one in operation.get("parameters", []) if one["in"] == "query"}
    for label, operation in operations()
    if any(one["in"] == "query" for one in operation.get("parameters", []))
}


BY_PERSON: Final = {f"{row.method} {row.path}" for row in rights_table() if row.rule and row.rule.person}


def method_of(label: str) -> str:
    return label.partition(" ")[0]


async def bearer(label: str, shop: Shop) -> str:
    """The owner's key, or the owner where it takes a person."""
    return await shop.person() if label in BY_PERSON else shop.owner


def address(label: str, shop: Shop) -> str:
    """Its path, in a program that exists and for a card that does not: who may not be here is told so before that."""
    path = label.partition(" ")[2].replace("{programId}", shop.program_id)
    while "{" in path:
        before, _, rest = path.partition("{")
        path = before + UNKNOWN + rest.partition("}")[2]
    return path


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def _nothing_changes(shop: Shop, thief: Superuser) -> AsyncIterator[None]:
    await shop.person()
    before = await fingerprint(thief)
    yield
    assert await fingerprint(thief) == before


def places(answer: httpx2.Response, sent: object) -> list[list[Any]]:
    """Where a 422 found something wrong."""
    assert answer.status_code == 422, f"{sent!r}: {answer.status_code} {answer.text[:200]}"
    return [error["loc"] for error in answer.json()["detail"]]


@pytest.mark.parametrize("label", WITH_BODY)
async def test_a_member_that_does_not_fit_is_named(shop: Shop, label: str) -> None:
    method, schema, path = method_of(label), WITH_BODY[label], address(label, shop)
    token = await bearer(label, shop)
    if (await shop.call(method, path, [], token=token)).status_code == 401:
        assert path.startswith(OTHER_PROOF)
        return
    required = schema.get("required", [])
    for name, member in schema["properties"].items():
        sent = [{name: value} for value in misfits(member) if name not in ANY_TEXT or value not in CONTROL]
        for body in [*sent, {}] if name in required else sent:
            answer = await shop.call(method, path, content=json.dumps(body).encode(), token=token)
            assert any(loc[:2] == ["body", name] for loc in places(answer, body)), f"{name} {body}: {answer.text}"


# Who asks is refused before anything is looked at: no role of a shop looks over all of them.
FOR_THE_NETWORK: Final = "GET /v2/giftcards/network/overview"


@pytest.mark.parametrize("label", [one for one in WITH_QUERY if one != FOR_THE_NETWORK])
async def test_a_parameter_that_does_not_fit_is_named(shop: Shop, label: str) -> None:
    method, path = method_of(label), address(label, shop)
    if (await shop.call(method, f"{path}?page=~", [] if label in WITH_BODY else NOTHING)).status_code == 401:
        assert path.startswith(OTHER_PROOF)
        return
    for name, schema in WITH_QUERY[label].items():
        each = [form["items"] if form.get("type") == "array" else form for form in forms(schema)]
        if {form.get("type") for form in each} <= {"string", "null"} and "$ref" not in json.dumps(schema):
            continue
        answer = await shop.call(method, f"{path}?{name}=~", {} if label in WITH_BODY else NOTHING)
        assert any(loc[:2] == ["query", name] for loc in places(answer, name)), f"{name}: {answer.text}"


def test_there_is_much_that_does_not_fit() -> None:
    assert sum(len(list(misfits(one))) for body in WITH_BODY.values() for one in body["properties"].values()) > 300
