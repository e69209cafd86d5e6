"""Signatures are the ones of Standard Webhooks."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from kado.webhooks import sign

BODY = b'{"test": 2432232314}'


def now() -> int:
    """Asked in each test: the reference takes nothing that is older than five minutes."""
    return int(datetime.now(UTC).timestamp())


def test_the_vector_of_the_specification() -> None:
    made = sign.signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY)
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_reference_verifies_what_is_signed_with_a_secret_of_ours() -> None:
    secret = sign.new_secret()
    assert Webhook(secret).verify(BODY, sign.headers([secret], "1", now(), BODY)) == json.loads(BODY)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY + b" ", sign.headers([secret], "1", now(), BODY))
    with pytest.raises(WebhookVerificationError):
        Webhook(sign.new_secret()).verify(BODY, sign.headers([secret], "1", now(), BODY))
    old = now() - int(timedelta(hours=1).total_seconds())
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, sign.headers([secret], "1", old, BODY))


def test_while_a_secret_is_changed_receivers_with_either_of_the_two_verify() -> None:
    before, after = sign.new_secret(), sign.new_secret()
    headers = sign.headers([after, before], "1", now(), BODY)
    for secret in (before, after):
        assert Webhook(secret).verify(BODY, headers) == json.loads(BODY)
    with pytest.raises(WebhookVerificationError):
        Webhook(sign.new_secret()).verify(BODY, headers)


@pytest.mark.parametrize(
    "secret", ["correct horse", "whsec_not base64!", "whsec_ä€🎁", "whsec_==", "whsec_AAAA", "x" * 255]
)
def test_any_text_is_a_secret(secret: str) -> None:
    encoded = base64.b64encode(secret.encode()).decode()
    assert Webhook(encoded).verify(BODY, sign.headers([secret], "1", now(), BODY)) == json.loads(BODY)


def test_secrets_are_long_and_never_the_same() -> None:
    secrets = {sign.new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert {len(sign.key_of(secret)) for secret in secrets} == {32}
