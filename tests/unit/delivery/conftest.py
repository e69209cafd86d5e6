from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from kado import money
from kado.cards.codes import CodeForDelivery


@pytest.fixture(scope="session")
def a_code() -> Callable[..., CodeForDelivery]:
    """A card ready for its mail, with whatever the test says about it."""

    def build(**facts: Any) -> CodeForDelivery:
        usual: dict[str, Any] = {
            "code": "481516",
            "card_number": "6034123456789012",
            "last_four": "9012",
            "balance": 2500,
            "value": 2500,
            "currency": money.currency("EUR"),
            "expires_at": datetime(2027, 3, 12, 14, 30, tzinfo=UTC),
            "customer_name": "Anna",
            "sender_name": "Bernd",
            "custom_message": "Happy birthday!\nYours, Bernd",
            "merchant_name": "Café Müller",
            "program_name": "Gift cards",
            "url": "https://cards.example.com/cards/" + "ab12" * 14,
        }
        return CodeForDelivery(**(usual | facts))

    return build
