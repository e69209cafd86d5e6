"""A shop on a running server, with cards in every state, made over the API; their mails come by real SMTP."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import unquote

import httpx2
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.database.delivery.servers import Listening, MailServer
from tests.serving.server import Server, serving, until
from tests.serving.wallet_api import WalletApi, keeping_beside
from tests.serving.wallet_files import apple_settings

from kado.access.signatures import HEADER, sign

SHOP: Final = "Blumen & Bücher"
_THEME: Final = {"primary": "#9d174d", "background": "#fdf6f3", "foreground": "#2b1620", "muted": "#7a6169"}
_ABOUT: Final = {"phone": "+49 30 1234567", "email": "hallo@blumen.example", "website": "https://blumen.example"}
_WORDS: Final = "Alles Gute zum Geburtstag, liebe Ada!\nSuch dir etwas Schönes aus, am liebsten mit Dornen."


@dataclass(frozen=True)
class Card:
    """A card, and what its mail says."""

    id: str
    link: str
    """To its page, as the mail has it."""
    address: str
    number: str
    code: str

    @property
    def grouped(self) -> str:
        return " ".join(re.findall("....", self.number))


@dataclass
class World:
    """A running server with a shop on it."""

    server: Server
    mail: MailServer
    http: httpx2.Client
    google: WalletApi
    merchant_id: str
    program: str = ""
    cards: dict[str, Card] = field(default_factory=dict)

    @property
    def balance_page(self) -> str:
        return f"{self.server.base_url}/balance/{self.program}"

    def post(self, path: str, body: object, **headers: str) -> dict[str, Any]:
        answer = self.http.post(path, json=body, headers=headers)
        assert answer.status_code < 300, answer.text
        return dict(answer.json())

    def open_program(self, **rules: object) -> str:
        made = self.post("/v2/programs", {"name": "Geschenkkarten", "currency": "EUR", **_ABOUT, **rules})
        return str(made["id"])

    def card(self, value: str = "50.00", **more: object) -> Card:
        """A card that waits for its code, which has come by mail."""
        receiver = f"ada{len(self.mail.received)}.{time.monotonic_ns()}@mail.example"
        people = {"customerEmail": receiver, "customerName": "Ada", "senderName": "Ben & Kim", "customMessage": _WORDS}
        body = {"initialValue": value, "merchantId": self.merchant_id, **people, **more}
        made = self.post(f"/v2/giftcards/programs/{self.program}/cards", body)
        sid = made["card"]["serialNumber"]
        mail = self.mail_to(receiver)
        # The code is the only free-standing group of six digits in it; of a link a digit may be written in per cent.
        (code,), (link,) = re.findall(r"(?<![0-9])[0-9]{6}(?![0-9])", mail), re.findall(r"http://\S+/cards/\S+", mail)
        address = f"{self.server.base_url}/cards/{sid}"
        assert unquote(link) == address
        return Card(made["id"], link, address, made["cardNumber"], code)

    def mail_to(self, receiver: str) -> str:
        """The text of the newest mail to this address, once it has come."""

        def found() -> list[EmailMessage]:
            return [one for one in self.mail.received if receiver in str(one["To"])]

        until(found, 15, f"no mail to {receiver}")
        part = found()[-1].get_body(("plain",))
        assert part is not None
        return str(part.get_content())

    def act(self, card: Card, what: str, **body: object) -> dict[str, Any]:
        """An operation of a till."""
        return self.post(f"/v2/giftcards/programs/{self.program}/cards/{card.id}/{what}", body)

    def active(self, value: str = "50.00", **more: object) -> Card:
        card = self.card(value, **more)
        self.act(card, "activate")
        return card

    def in_every_state(self) -> None:
        """One card for each screen."""
        soon = datetime.now(UTC) + timedelta(seconds=3)
        expired = self.active(expiresAt=soon.isoformat())
        self.cards["pending"] = self.card()
        self.cards["bare"] = self.card(customerName=None, senderName=None, customMessage=None)
        self.cards["design"] = self.active("75.00", designTemplate="birthday")
        used = self.cards["active"] = self.active("120.00")
        for amount in ("12.50", "8.90", "31.00"):
            self.act(used, "redeem", amount=amount)
        self.act(used, "reload", amount="20.00")
        for _ in range(8):
            self.act(used, "redeem", amount="2.20")
        spent = self.cards["depleted"] = self.active()
        self.act(spent, "redeem", amount="50.00")
        paused = self.cards["suspended"] = self.active()
        self.act(paused, "suspend", reason="asked for", expiresAt=(soon + timedelta(days=20)).isoformat())
        ended = self.cards["voided"] = self.active()
        self.act(ended, "void", reason="returned")
        self.cards["expired"] = expired

        def is_over() -> bool:
            return (
                "expired" in self.http.get(expired.address, headers={"Authorization": ""}).text.split("<body")[1][:60]
            )

        until(is_over, 15, "the card does not expire")


@contextmanager
def world(**settings: str) -> Iterator[World]:
    """The server, with the shop's look and program. It is removed afterwards."""
    mail = MailServer()
    listening = Listening(mail)
    listening.start()
    mail.port = listening.port
    mailing = {"KADO_MAIL_URL": mail.url}
    try:
        with _wallets() as (google, of_wallets), serving(settings=mailing | of_wallets | settings) as server:
            merchant_id = server.merchant(SHOP, owner="owner@blumen.example")
            bearer = {"Authorization": f"Bearer {server.key(SHOP)}"}
            with httpx2.Client(base_url=server.base_url, headers=bearer, timeout=20, trust_env=False) as http:
                made = World(server, mail, http, google, merchant_id)
                made.program = made.open_program()
                _dress(made)
                yield made
    finally:
        listening.stop()


@contextmanager
def _wallets() -> Iterator[tuple[WalletApi, dict[str, str]]]:
    """Both wallets: a development certificate for one, and what stands for Google, with what tells the server so."""
    account = generate_private_key(65537, 2048)
    with TemporaryDirectory() as name, keeping_beside(account.public_key()) as google:
        folder = Path(name)
        folder.chmod(0o711)  # whoever runs PostgreSQL for root goes through it, too
        pem = account.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        said = {"client_email": "kado@example.iam.gserviceaccount.com", "token_uri": google.token_url}
        said |= {"type": "service_account", "private_key": pem, "private_key_id": "key-1"}
        (folder / "google.json").write_text(json.dumps(said))
        yield (
            google,
            {
                **apple_settings(folder),
                "KADO_GOOGLE_ISSUER": "3388",
                "KADO_GOOGLE_SERVICE_ACCOUNT": str(folder / "google.json"),
                "KADO_GOOGLE_URL": google.url,
            },
        )


def _dress(made: World) -> None:
    """Give the shop its colours, as its till platform does."""
    key = made.server.made("key", "create", "--merchant", SHOP, "--signing")
    path = "/v2/giftcards/merchants/session"
    body = {"appToken": "app-of-a-browser-test", "merchantId": "shop-1", "role": "owner", "programId": made.program}
    content = json.dumps(body).encode()
    signature = sign(key["secret"], key["keyId"], "POST", path, content, time.time())
    opened = made.http.post(path, content=content, headers={HEADER: signature, "Content-Type": "application/json"})
    assert opened.status_code == 200, opened.text
    token = opened.json()["sessionToken"]
    saved = made.http.put("/v2/giftcards/merchants/theme", json=_THEME, headers={"X-Eposn-Merchant-Token": token})
    assert saved.status_code == 200, saved.text
