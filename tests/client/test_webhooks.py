"""A receiver believes what Kado sent lately, and nothing else."""

import base64
import hmac

import pytest

from kado_client import NotGenuine, verify_webhook

KEY = b"0123456789abcdef0123456789abcdef"
SECRET = "whsec_" + base64.b64encode(KEY).decode()
BODY = b'{"type": "giftcard.redeemed", "data": {"amount": "12.50", "rate": 0.10}}'
NOW = 1_800_000_000


def signed(body: bytes = BODY, key: bytes = KEY, sent: object = NOW, event_id: str = "evt-1") -> dict[str, str]:
    digest = base64.b64encode(hmac.digest(key, f"{event_id}.{sent}.".encode() + body, "sha256")).decode()
    return {"Webhook-Id": event_id, "webhook-timestamp": str(sent), "WEBHOOK-SIGNATURE": f"v1,{digest}"}


def test_a_genuine_event_is_read() -> None:
    event = verify_webhook(SECRET, signed(), BODY, now=NOW + 299)
    assert (event.id, event.type, event.data["amount"]) == ("evt-1", "giftcard.redeemed", "12.50")
    assert event.sent_at.timestamp() == NOW
    assert str(event.data["rate"]) == "0.10"


def test_a_secret_of_ones_own_is_used_as_it_is() -> None:
    assert verify_webhook("correct horse", signed(key=b"correct horse"), BODY, now=NOW).id == "evt-1"


def test_while_a_secret_is_replaced_one_of_the_signatures_fits() -> None:
    headers = signed()
    headers["WEBHOOK-SIGNATURE"] = "v1a,AAAA v1,AAAA " + headers["WEBHOOK-SIGNATURE"]
    assert verify_webhook(SECRET, headers, BODY, now=NOW).id == "evt-1"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (signed(), BODY + b" "),
        (signed(key=b"another"), BODY),
        (signed() | {"Webhook-Id": "evt-2"}, BODY),
        (signed() | {"webhook-timestamp": str(NOW + 1)}, BODY),
        (signed() | {"webhook-timestamp": "1e9"}, BODY),
        (signed() | {"webhook-timestamp": ""}, BODY),
        (signed() | {"WEBHOOK-SIGNATURE": ""}, BODY),
        (signed() | {"WEBHOOK-SIGNATURE": "v1,é"}, BODY),
        (signed() | {"WEBHOOK-SIGNATURE": signed()["WEBHOOK-SIGNATURE"].replace("v1,", "v2,")}, BODY),
        ({}, BODY),
        (signed(sent=NOW - 301), BODY),
        (signed(sent=NOW + 301), BODY),
        (signed(body=b"not json"), b"not json"),
    ],
)
def test_anything_else_is_not_believed(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(NotGenuine):
        verify_webhook(SECRET, headers, body, now=NOW)


def test_the_clock_is_this_computers_unless_said_otherwise() -> None:
    with pytest.raises(NotGenuine, match="too old"):
        verify_webhook(SECRET, signed(sent=1_000_000_000), BODY)
