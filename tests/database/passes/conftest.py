"""A shop whose cards are in wallets, with certificates of its own and the services that wallets belong to."""

import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fastapi import FastAPI
from tests.database.cards.builders import Shop, open_shop
from tests.database.delivery.servers import Certificate, self_signed
from tests.serving.push_server import PushServer, pushing
from tests.serving.wallet_api import WalletApi, keeping
from tests.serving.wallet_files import apple_settings

from kado.crypto import Keyring
from kado.doors.api import answers
from kado.doors.api.gate import Gate
from kado.doors.wallet import routes
from kado.fraud.blocked import Blocks
from kado.passes import development
from kado.passes.apns import Pusher
from kado.passes.teller import WAITS, Teller
from kado.passes.wallets import Wallets, wallets
from kado.settings import load
from kado.settings.wallets import WalletSettings
from kado.storage.database import Database

PUBLIC_URL = "https://cards.example.com"
SOON = tuple(timedelta(seconds=0.01) for _ in WAITS)


@pytest.fixture(scope="session")
def of_apple(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The settings that name a development certificate."""
    return apple_settings(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def certificates(of_apple: dict[str, str]) -> Path:
    """The folder that it is in."""
    return Path(of_apple["KADO_APPLE_WWDR"]).parent


@pytest.fixture(scope="session")
def server_certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return self_signed(tmp_path_factory.mktemp("server"))


@pytest.fixture
def settings(of_apple: dict[str, str], tmp_path: Path) -> WalletSettings:
    return load(of_apple | {"KADO_DATA_DIR": str(tmp_path / "data")}).wallets


@pytest.fixture
def apple(settings: WalletSettings, keyring: Keyring) -> Wallets:
    """Apple Wallet alone."""
    return wallets(settings, keyring, PUBLIC_URL)


@pytest.fixture
async def shop(database: Database, keyring: Keyring) -> AsyncIterator[Shop]:
    made = await open_shop(database, keyring)
    yield made
    await made.ledger.close()


@pytest.fixture
async def browser(database: Database, apple: Wallets) -> AsyncIterator[httpx2.AsyncClient]:
    """Whoever calls the door, behind the gate as on a server."""
    async with caller(database, apple) as client:
        yield client


def caller(database: Database, made: Wallets) -> httpx2.AsyncClient:
    app = FastAPI(openapi_url=None)
    answers.install(app)
    app.router.routes.extend(routes(database, Blocks(database), made))
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(Gate(app)), base_url="http://kado.test")


@pytest.fixture
async def push_server(certificates: Path, server_certificate: Certificate) -> AsyncIterator[PushServer]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificates / development.AUTHORITY)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(server_certificate.file, server_certificate.file.with_name("key.pem"))
    async with pushing(context) as service:
        yield service


@pytest.fixture
async def teller(
    database: Database, keyring: Keyring, apple: Wallets, push_server: PushServer, server_certificate: Certificate
) -> AsyncIterator[Teller]:
    pusher = Pusher(push_server.url, apple.certificates, server_certificate.file)
    yield Teller(database, keyring, apple, pusher, SOON)
    await pusher.close()


@pytest.fixture(scope="session")
def account_key() -> Any:
    return generate_private_key(65537, 2048)


@pytest.fixture
async def wallet_api(account_key: Any) -> AsyncIterator[WalletApi]:
    async with keeping(account_key.public_key()) as service:
        yield service


@pytest.fixture
def account_file(account_key: Any, wallet_api: WalletApi, tmp_path: Path) -> Path:
    pem = account_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    file = tmp_path / "account.json"
    said = {
        "type": "service_account",
        "client_email": "kado@example.iam.gserviceaccount.com",
        "token_uri": wallet_api.token_url,
        "private_key": pem,
        "private_key_id": "key-1",
    }
    file.write_text(json.dumps(said))
    return file


@pytest.fixture
async def google(
    settings: WalletSettings, keyring: Keyring, wallet_api: WalletApi, account_file: Path
) -> AsyncIterator[Wallets]:
    """Both wallets."""
    there = replace(settings.google, issuer="3388", service_account=account_file, url=wallet_api.url)
    made = wallets(replace(settings, google=there), keyring, PUBLIC_URL)
    assert made.complaints == ()
    yield made
    await made.close()
