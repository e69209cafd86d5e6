"""Bodies of requests and answers, one file per subject. Field names are the ones on the wire."""

from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticKnownError


def _without_docstring(schema: dict[str, Any]) -> None:
    schema.pop("description", None)


class Body(BaseModel):
    """Base of every body. Unknown members are ignored; docstrings stay out of the published document.

    Errors of a body never carry what was sent: some members are secret.
    """

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True, json_schema_extra=_without_docstring)

    @model_validator(mode="before")
    @classmethod
    def _no_number(cls, sent: object) -> object:
        # FastAPI reads members off any object's attributes, and numbers come as Decimal, which has none of them.
        if isinstance(sent, Decimal):
            raise PydanticKnownError("model_attributes_type")
        return sent
