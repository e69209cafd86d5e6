"""A card to change at will."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from kado.cards.card import Card
from kado.cards.chain import GENESIS

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
MakeCard = Callable[..., Card]


@pytest.fixture
def make_card() -> MakeCard:
    """An active card of 100.00 with the given facts in place of its own."""

    def make(**facts: Any) -> Card:
        usual: dict[str, Any] = {
            "program_id": "aa" * 12,
            "id": "bb" * 12,
            "merchant_id": "cc" * 12,
            "merchant_name": "Flower Shop",
            "is_test": False,
            "balance": 10_000,
            "held": 0,
            "initial_value": 10_000,
            "max_balance": 1_000_000,
            "recorded_status": "active",
            "seq": 2,
            "head_hash": GENESIS,
            "created_at": NOW,
            "updated_at": NOW,
            "activated_at": NOW,
            "expires_at": datetime(2027, 5, 4, 12, 0, tzinfo=UTC),
            "suspended_at": None,
            "suspended_until": None,
            "suspended_reason": None,
            "voided_at": None,
            "state_seal": b"",
            "number_index": bytes(32),
            "number_sealed": b"",
            "last_four": "1234",
            "key_version": bytes(4),
            "code_hash": None,
            "code_version": None,
            "codes_sent_at": [],
            "pass_sid": "aa" * 28,
            "customer_id": None,
            "customer_email": None,
            "customer_phone": None,
            "customer_name": None,
            "sender_name": None,
            "custom_message": None,
            "design_template": None,
            "is_physical": False,
            "deliver_at": None,
            "delivered_at": None,
            "successor_id": None,
            "succession": None,
            "has_reversals": False,
        }
        assert facts.keys() <= usual.keys()
        return Card(**(usual | facts))

    return make
