"""What an endpoint is, and what becomes of an event that was sent to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

VERIFY: Final = "webhook.verify"
"""The type of what is sent to an endpoint that shall be enabled; its `data.token` must come back."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address of a merchant that hears of events. The fields stand in the order of `store.COLUMNS`."""

    id: str
    merchant_id: str
    is_test: bool
    url: str
    sealed_secret: bytes = field(repr=False)
    enabled: bool
    hears_all: bool
    events: list[str]
    pass_templates: dict[str, Any]
    created_at: datetime
    updated_at: datetime | None
    last_delivered_at: datetime | None
    last_error: str | None
    disabled_at: datetime | None
    disabled_reason: str | None
    sealed_previous_secret: bytes | None = field(repr=False)
    """Where the secret was changed lately: the one before, which signs too for a while."""

    def hears(self, event_type: str, *, is_test: bool) -> bool:
        """Whether it hears this. Endpoints made with a test key hear of test cards, others of live ones."""
        return self.enabled and self.is_test is is_test and (self.hears_all or event_type in self.events)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an endpoint's owner says about it. None leaves things as they are, or gives a new endpoint the default."""

    url: str
    secret: str | None = field(default=None, repr=False)
    hears_all: bool | None = None
    events: list[str] | None = None
    pass_templates: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to an endpoint, as its owner sees it."""

    id: str
    webhook_id: str
    event_id: str
    event_type: str
    program_id: str
    card_id: str
    state: str
    attempts: int
    last_status: int | None
    last_error: str | None
    created_at: datetime
    next_attempt_at: datetime | None
    delivered_at: datetime | None
