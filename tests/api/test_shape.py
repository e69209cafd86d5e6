"""The check of shapes sees what it is there to see."""

from typing import Any

import pytest
from tests.api.shape import faults

DOCUMENT: dict[str, Any] = {
    "components": {
        "schemas": {
            "Id": {"type": "string", "minLength": 2, "maxLength": 2, "pattern": "^[0-9a-f]{2}$"},
            "Thing": {
                "type": "object",
                "properties": {
                    "id": {"$ref": "#/components/schemas/Id"},
                    "at": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
                    "url": {"type": "string", "format": "uri"},
                    "kind": {"type": "string", "enum": ["a", "b"]},
                    "many": {"type": "array", "items": {"type": "integer"}},
                    "yes": {"type": "boolean"},
                    "named": {"type": "object", "additionalProperties": {"type": "integer"}},
                },
                "required": ["id", "at"],
            },
        }
    }
}
GOOD: dict[str, Any] = {"id": "0f", "at": "2026-01-02T03:04:05.000006Z"}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"at": None},
        {"at": "2026-01-02T03:04:05Z"},
        {"url": "https://x.example/y"},
        {"kind": "b"},
        {"many": [1]},
        {"named": {"x": 1}},
    ],
)
def test_what_fits_has_no_faults(more: dict[str, Any]) -> None:
    assert faults(DOCUMENT, "Thing", GOOD | more) == []


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        None,
        {"id": "0f"},
        GOOD | {"extra": 1},
        GOOD | {"id": "0F"},
        GOOD | {"id": "0ff"},
        GOOD | {"id": 15},
        GOOD | {"at": "2026-01-02T03:04:05+00:00"},
        GOOD | {"at": "2026-01-02"},
        GOOD | {"at": "2026-13-02T03:04:05Z"},
        GOOD | {"at": 1767322996},
        GOOD | {"url": "x.example/y"},
        GOOD | {"kind": "c"},
        GOOD | {"many": [True]},
        GOOD | {"many": {"0": 1}},
        GOOD | {"yes": 1},
        GOOD | {"yes": None},
        GOOD | {"named": {"x": "1"}},
        GOOD | {"named": []},
    ],
)
def test_what_does_not_fit_has_faults(wrong: object) -> None:
    assert faults(DOCUMENT, "Thing", wrong)
