"""The OpenAPI document of the code as it is, made once: a hundred operations take a second, and many tests read it."""

from functools import cache
from typing import Any

from kado.doors.api import application_document


@cache
def document() -> dict[str, Any]:
    """What `/openapi.json` serves. Whoever changes it works on a copy."""
    return application_document()
