"""Bodies of requests and answers, one file per subject. Field names are the ones on the wire."""

from typing import Any

from pydantic import BaseModel, ConfigDict


def _without_docstring(schema: dict[str, Any]) -> None:
    schema.pop("description", None)


class Body(BaseModel):
    """Base of every body. Unknown members are ignored; docstrings stay out of the published document.

    Errors of a body never carry what was sent: some members are secret.
    """

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True, json_schema_extra=_without_docstring)
