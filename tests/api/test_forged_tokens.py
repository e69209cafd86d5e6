"""No forged token opens anything, by whatever trick: the whole list over the wire, at a door that a good one opens."""

from collections.abc import Callable

import httpx2
import pytest
import pytest_asyncio
from tests.api.shop import UNKNOWN, Shop, good
from tests.forged_tokens import HEADER, Forger, b64

from kado.access import tokens
from kado.access.permissions import Role
from kado.crypto import Keyring

OPEN_TO_ALL_PEOPLE = "/v2/token"

# Known before there is a server, so that each has a test of its own; what they hold is filled in then.
NAMES = list(
    Forger(
        Keyring(["x" * 40]),
        "x" * 40,
        {
            "exp": 3600,
            "nbf": 0,
            "iat": 0,
            "iss": tokens.ISSUER,
            "aud": tokens.AUDIENCE,
            "sub": f"staff:{UNKNOWN}",
            "jti": UNKNOWN,
            "merchant": UNKNOWN,
            "role": "owner",
        },
    ).all()
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def forger(shop: Shop) -> Forger:
    """Knows the server's secret and all about somebody who is signed in."""
    token = await shop.person()
    settings = shop.api.services.settings
    claims = tokens.verify(settings.keyring, token)
    said = {
        "exp": claims.expires_at,
        "nbf": claims.not_before,
        "iat": claims.issued_at,
        "iss": tokens.ISSUER,
        "aud": tokens.AUDIENCE,
        "sub": f"staff:{claims.staff_id}",
        "jti": claims.token_id,
        "merchant": claims.merchant_id,
        "role": claims.role.value,
    }
    return Forger(settings.keyring, "the-operators-secret-is-never-a-key-itself", said, ahead=1800)


async def look(shop: Shop, token: str) -> httpx2.Response:
    header = b"Bearer " + token.encode("utf-8", "surrogatepass")
    return await shop.api.client.get(OPEN_TO_ALL_PEOPLE, headers=[(b"Authorization", header)])


async def test_the_forgers_tools_do_work(shop: Shop, forger: Forger) -> None:
    good(await look(shop, forger.good()))


@pytest.mark.parametrize("name", NAMES)
async def test_a_forged_token_opens_nothing(shop: Shop, forger: Forger, name: str) -> None:
    token = forger.all()[name]
    if not token or "\n" in token or "\0" in token:
        # No client can be brought to send these; what the server says to such a head is shown in test_bad_requests.
        with pytest.raises((httpx2.ProtocolError, ValueError)):
            await look(shop, token)
        return
    answer = await look(shop, token)
    if answer.status_code in (400, 431):
        assert not token.isprintable() or len(token) > 8000, "only what is no header is refused before it is looked at"
        return
    assert answer.status_code == 401
    assert answer.json()["code"] in ("invalid_token", "token_expired")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_there_are_more_than_ninety() -> None:
    print(f"\nforged tokens: {len(NAMES)}")
    assert len(NAMES) > 90


PERSONS: dict[str, Callable[[Forger], str]] = {
    "nobody": lambda forger: forger.signed(HEADER, forger.claims(sub=f"staff:{UNKNOWN}")),
    "somebody of another merchant": lambda forger: forger.signed(HEADER, forger.claims(merchant=UNKNOWN)),
    "another role": lambda forger: f"{'.'.join(forger.good().split('.')[:2])}.{b64(bytes(32))}",
}


@pytest.mark.parametrize("name", PERSONS)
async def test_a_right_signature_about_the_wrong_person_opens_nothing(shop: Shop, forger: Forger, name: str) -> None:
    answer = await look(shop, PERSONS[name](forger))
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")


async def test_the_role_in_the_token_is_not_believed(shop: Shop, forger: Forger) -> None:
    _, cashier = await shop.somebody(Role.CASHIER)
    claims = tokens.verify(forger.keyring, cashier)
    raised = forger.signed(
        HEADER,
        forger.claims(sub=f"staff:{claims.staff_id}", jti=claims.token_id, role="owner"),
    )
    good(await look(shop, raised))
    answer = await shop.post("/v2/programs", {"name": "Mine"}, token=raised)
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
