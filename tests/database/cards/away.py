"""A till without a line: what it was granted, what it writes down, and how it settles; as its script does."""

import base64
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.database.cards.builders import Shop

from kado.access import pins, staff, terminals, till_sessions
from kado.access.permissions import Role
from kado.access.till_store import Place, Terminal
from kado.cards.numbers import show_number
from kado.cards.offline import allowance
from kado.cards.offline.settle import Claim, Settled, Settling, settle
from kado.programs.program import WantedLimits

PIN = "2580"
LIMITS = WantedLimits(max_offline_take=Decimal("25.00"), max_offline_total=Decimal("60.00"))


@dataclass
class Device:
    """An enrolled till at which somebody is signed in, and what it does without a line."""

    shop: Shop
    settling: Settling
    token: str
    terminal: Terminal
    person: str
    session: str = ""
    allowance: str = ""

    async def sign_in(self) -> None:
        opened = await pins.sign_in(self.shop.database, self.shop.keyring, self.terminal, self.person, PIN)
        self.session = opened.token

    async def ask(self) -> str:
        """For an allowance; what the device keeps of it."""
        standing = await till_sessions.find(self.shop.database, self.token, self.session)
        assert standing is not None
        reach = await self.settling.reaches.reach(self.terminal.program_id, self.terminal.merchant_id)
        caller = till_sessions.caller_of(standing)
        made = await allowance.grant(self.shop.database, self.shop.keyring, standing, caller, reach)
        self.allowance = "" if made is None else made.token
        return self.allowance

    @property
    def facts(self) -> dict[str, Any]:
        return facts_of(self.allowance)

    def take(self, seq: int, amount: int, scanned: str, **facts: Any) -> Claim:
        key, at = facts.get("key", secrets.token_hex(16)), facts.get("at", self.facts["granted"] + 1000 * seq)
        beside = allowance.bound_to(self.facts["id"], seq, key, amount, at)
        return Claim(seq, key, amount, at, facts.get("sealed") or sealed(self.facts["box"], scanned, beside))

    async def settle(self, *claims: Claim, **other: Any) -> list[Settled]:
        terminal = await terminals.find_even_revoked(self.shop.database, self.token)
        assert terminal is not None
        return await settle(other.get("on", self.settling), terminal, other.get("token", self.allowance), claims)


def facts_of(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))


def sealed(box: str, text: str, beside: bytes) -> str:
    """As the device's script does with WebCrypto."""
    own = ec.generate_private_key(ec.SECP256R1())
    theirs = base64.b64decode(box)
    point = own.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = own.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs))
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"kado:till-box" + point + theirs).derive(shared)
    nonce = secrets.token_bytes(12)
    return base64.b64encode(point + nonce + AESGCM(key).encrypt(nonce, text.encode(), beside)).decode()


async def a_device(shop: Shop, settling: Settling, email: str = "bo@flowers.example") -> Device:
    merchant_id = shop.program.merchant_id
    place = Place(shop.program_id, "Till 1", "Market Street", 5)
    code = await terminals.make_code(shop.database, merchant_id, place, "operator:test")
    made = await terminals.enrol(shop.database, shop.keyring, code.code, "203.0.113.9")
    terminal = await terminals.find_by_token(shop.database, made.token)
    assert terminal is not None
    person = await staff.add(
        shop.database, merchant_id, email, "correct horse battery", Role.CASHIER, "Bo", "operator:test"
    )
    await pins.set_pin(shop.database, shop.keyring, merchant_id, person, PIN, "operator:test")
    device = Device(shop, settling, made.token, terminal, person)
    await device.sign_in()
    await device.ask()
    return device


async def number_of(shop: Shop, card_id: str) -> str:
    card = await shop.look(card_id)
    return show_number(shop.keyring, card.program_id, card.id, card.number_sealed)


async def balance(shop: Shop, card_id: str) -> int:
    return (await shop.look(card_id)).balance


def codes(settled: Sequence[Settled]) -> list[str]:
    return [one.code or one.state for one in settled]
