"""Whether a body has exactly the shape that the served OpenAPI document gives it: nothing missing, nothing extra."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

Document = dict[str, Any]

# A time as Kado writes it: UTC, up to microseconds, with a Z.
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?Z")
_KNOWN = {
    "$ref", "anyOf", "type", "properties", "required", "items", "enum", "format", "pattern", "minLength", "maxLength",
    "default", "title", "description", "example", "additionalProperties",
}  # fmt: skip


def faults(document: Document, name: str, value: object) -> list[str]:
    """Everything in which the value is not a `name` of the document's schemas."""
    return list(_faults(document, {"$ref": f"#/components/schemas/{name}"}, value, name))


def _faults(document: Document, schema: Document, value: object, at: str) -> Iterator[str]:
    assert schema.keys() <= _KNOWN, f"{at}: this check does not understand {schema.keys() - _KNOWN}"
    if "$ref" in schema:
        target = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        yield from _faults(document, target, value, at)
    if "anyOf" in schema:
        choices = [list(_faults(document, choice, value, at)) for choice in schema["anyOf"]]
        if all(choices):
            yield from min(choices, key=len)
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is not one of {schema['enum']}"
    match schema.get("type"):
        case "object":
            yield from _object_faults(document, schema, value, at)
        case "array":
            yield from _array_faults(document, schema, value, at)
        case "string":
            yield from _string_faults(schema, value, at)
        case "boolean" if not isinstance(value, bool):
            yield f"{at}: {value!r} is no boolean"
        case "integer" if type(value) is not int:
            yield f"{at}: {value!r} is no integer"
        case "null" if value is not None:
            yield f"{at}: {value!r} is not null"


def _object_faults(document: Document, schema: Document, value: object, at: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at}: {value!r} is no object"
        return
    properties = schema.get("properties")
    if properties is None:
        members = schema.get("additionalProperties")
        if isinstance(members, dict):
            for name, member in value.items():
                yield from _faults(document, members, member, f"{at}.{name}")
        return  # otherwise declared as an object of whatever members
    yield from (f"{at}.{name} is missing" for name in schema.get("required", ()) if name not in value)
    yield from (f"{at}.{name} is not in the contract" for name in value if name not in properties)
    for name, member in value.items():
        if name in properties:
            yield from _faults(document, properties[name], member, f"{at}.{name}")


def _array_faults(document: Document, schema: Document, value: object, at: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{at}: {value!r} is no array"
        return
    for index, member in enumerate(value):
        yield from _faults(document, schema["items"], member, f"{at}[{index}]")


def _string_faults(schema: Document, value: object, at: str) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{at}: {value!r} is no string"
        return
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        yield f"{at}: {value!r} has the wrong length"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{at}: {value!r} does not match {schema['pattern']}"
    match schema.get("format"):
        case "date-time" if not _is_time(value):
            yield f"{at}: {value!r} is no time in UTC with a Z"
        case "uri" if not (urlsplit(value).scheme and urlsplit(value).netloc):
            yield f"{at}: {value!r} is no address"


def _is_time(text: str) -> bool:
    if not _TIME.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
