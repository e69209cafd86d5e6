"""Apple's web service, as a phone calls it: who gets in, what is said, what is not."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx2
import pytest
from tests.database.cards.builders import Shop
from tests.database.passes.conftest import PUBLIC_URL, caller
from tests.database.passes.test_apple_pass import a_pass, found, said

from kado.cards.sweep import sweep
from kado.crypto import Keyring
from kado.passes.wallets import Wallets, wallets
from kado.people.forget import forget_on_cards
from kado.settings.wallets import WalletSettings
from kado.storage.database import Database

PUSH_TOKEN = "ab" * 32
DEVICE = "2f1c9d7a5e6b4c3d8a9b0c1d2e3f4a5b"


@dataclass
class Phone:
    """A device that holds one pass."""

    browser: httpx2.AsyncClient
    serial: str
    token: str
    device: str = DEVICE

    @property
    def registrations(self) -> str:
        return f"/wallet/apple/v1/devices/{self.device}/registrations/pass.kado.giftcard"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"ApplePass {self.token}"}

    async def register(self, push_token: str = PUSH_TOKEN) -> int:
        said = {"pushToken": push_token}
        return (
            await self.browser.post(f"{self.registrations}/{self.serial}", json=said, headers=self.headers)
        ).status_code

    async def unregister(self) -> int:
        return (await self.browser.delete(f"{self.registrations}/{self.serial}", headers=self.headers)).status_code

    async def changed(self, tag: str | None = None) -> httpx2.Response:
        return await self.browser.get(self.registrations, params={} if tag is None else {"passesUpdatedSince": tag})

    async def latest(self, since: str | None = None) -> httpx2.Response:
        more = {} if since is None else {"If-Modified-Since": since}
        return await self.browser.get(
            f"/wallet/apple/v1/passes/pass.kado.giftcard/{self.serial}", headers=self.headers | more
        )


@pytest.fixture
async def card_id(shop: Shop) -> str:
    return await shop.card(5000)


@pytest.fixture
async def phone(shop: Shop, apple: Wallets, browser: httpx2.AsyncClient, card_id: str) -> Phone:
    pass_ = said(await a_pass(shop, apple, card_id))
    return Phone(browser, pass_["serialNumber"], pass_["authenticationToken"])


async def test_a_pass_is_fetched_registered_asked_after_and_removed(phone: Phone, shop: Shop, card_id: str) -> None:
    fetched = await phone.browser.get(f"/cards/{phone.serial}/apple.pkpass")
    assert (fetched.status_code, fetched.headers["content-type"]) == (200, "application/vnd.apple.pkpass")
    assert fetched.headers["cache-control"] == "no-store"
    assert not (await shop.look(card_id)).in_wallets
    assert [await phone.register(), await phone.register()] == [201, 200]
    assert (await shop.look(card_id)).in_wallets
    asked = await phone.changed()
    assert asked.json()["serialNumbers"] == [phone.serial]
    latest = await phone.latest()
    assert (latest.status_code, latest.headers["content-type"]) == (200, "application/vnd.apple.pkpass")
    assert [await phone.unregister(), await phone.unregister()] == [200, 200]
    assert not (await shop.look(card_id)).in_wallets
    assert (await phone.changed()).status_code == 204


async def test_whoever_has_no_token_or_asks_for_nothing_learns_nothing(phone: Phone, shop: Shop) -> None:
    own, other = phone.token, await shop.look(await shop.card(100))
    answers: list[httpx2.Response] = []
    for serial, headers in (
        (phone.serial, {}),
        (phone.serial, {"Authorization": f"ApplePass {own[:-1]}x"}),
        (phone.serial, {"Authorization": f"Bearer {own}"}),
        (phone.serial, {"Authorization": "ApplePass "}),
        (other.pass_sid, {"Authorization": f"ApplePass {own}"}),
        (phone.serial[:24] + "0" * 32, {"Authorization": f"ApplePass {own}"}),
        ("x", {"Authorization": f"ApplePass {own}"}),
    ):
        place, body = f"{phone.registrations}/{serial}", {"pushToken": PUSH_TOKEN}
        latest = f"/wallet/apple/v1/passes/pass.kado.giftcard/{serial}"
        answers += [
            await phone.browser.post(place, json=body, headers=headers),
            await phone.browser.delete(place, headers=headers),
            await phone.browser.get(latest, headers=headers),
        ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(401, b"")}
    wrong_type = f"/wallet/apple/v1/passes/pass.other/{phone.serial}"
    assert (await phone.browser.get(wrong_type, headers=phone.headers)).status_code == 401


async def test_a_change_is_in_the_list_once_and_the_pass_is_new(
    phone: Phone, shop: Shop, card_id: str, superuser: Any
) -> None:
    await phone.register()
    await superuser.execute("UPDATE wallet_registration SET changed_at = now() - interval '10 minutes'")
    tag = (await phone.changed()).json()["lastUpdated"]
    assert (await phone.changed(tag)).status_code == 204
    before = await phone.latest()
    assert (await phone.latest(before.headers["last-modified"])).status_code == 304
    await shop.redeem(card_id, 1250)
    again = (await phone.changed(tag)).json()
    assert again["serialNumbers"] == [phone.serial]
    after = await phone.latest(before.headers["last-modified"])
    assert after.status_code == 200
    # While another change may still come to bear the same second, nothing is called unchanged.
    assert (await phone.latest(after.headers["last-modified"])).status_code == 200
    await superuser.execute("UPDATE wallet_registration SET changed_at = changed_at - interval '2 minutes'")
    assert (await phone.changed(again["lastUpdated"])).status_code == 204


async def test_time_alone_changes_a_pass_too(phone: Phone, shop: Shop, card_id: str, superuser: Any) -> None:
    await phone.register()
    await superuser.execute("UPDATE wallet_registration SET state = 'told', changed_at = now() - interval '1 hour'")
    await superuser.execute("UPDATE card SET expires_at = now() - interval '1 second'")
    await sweep(shop.database, answer_days=35)
    row = await superuser.fetchrow(
        "SELECT state, changed_at > now() - interval '1 minute' AS fresh FROM wallet_registration"
    )
    assert tuple(row) == ("queued", True)


@pytest.mark.parametrize(
    "body", [{}, {"pushToken": 1}, {"pushToken": "x" * 64}, {"pushToken": "a" * 401}, ["pushToken"], "pushToken"]
)
async def test_a_push_token_is_hexadecimal(phone: Phone, body: object) -> None:
    place = f"{phone.registrations}/{phone.serial}"
    assert (await phone.browser.post(place, json=body, headers=phone.headers)).status_code == 400


@pytest.mark.parametrize("tag", ["", "x", "9" * 30, "-1", "\u0661", "1.5"])
async def test_a_tag_of_others_is_no_tag(phone: Phone, tag: str) -> None:
    await phone.register()
    assert (await phone.changed(tag)).json()["serialNumbers"] == [phone.serial]


@pytest.mark.parametrize("moment", ["", "yesterday", "Mon, 99 Foo 2026 00:00:00 GMT"])
async def test_a_moment_that_is_none_asks_for_the_pass(phone: Phone, moment: str) -> None:
    assert (await phone.latest(moment)).status_code == 200
    later = datetime.now(UTC) + timedelta(hours=1)
    assert (await phone.latest(format_datetime(later, usegmt=True))).status_code == 304


async def test_a_card_is_on_twenty_devices_at_most(phone: Phone) -> None:
    codes = []
    for number in range(21):
        phone.device = f"{DEVICE}{number}"
        codes.append(await phone.register())
    assert codes == [201] * 20 + [403]


async def test_what_devices_complain_of_is_logged_without_secrets(
    phone: Phone, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [f"Get pass task for {phone.serial}: \x1b[31m error", 5, "x" * 1000] + ["more"] * 20
    answer = await phone.browser.post("/wallet/apple/v1/log", json={"logs": lines})
    assert answer.status_code == 200
    assert (await phone.browser.post("/wallet/apple/v1/log", json={"logs": "x"})).status_code == 200
    printed = capsys.readouterr()
    assert phone.serial not in printed.out + printed.err
    codes = [(await phone.browser.post("/wallet/apple/v1/log", json={})).status_code for _ in range(30)]
    assert codes.count(429) == 2


async def test_a_token_outlives_the_secret_it_was_made_under(
    phone: Phone, database: Database, settings: WalletSettings, keyring: Keyring, shop: Shop, card_id: str
) -> None:
    await phone.register()
    later = wallets(settings, Keyring(["another secret " * 3]), PUBLIC_URL)
    async with caller(database, later) as browser:
        phone.browser = browser
        latest = await phone.latest()
        assert latest.status_code == 200
        stranger = await shop.look(await shop.card(100))
        phone.serial = stranger.pass_sid
        assert (await phone.latest()).status_code == 401
    fetched = said(await a_pass(shop, later, card_id))
    assert fetched["authenticationToken"] != phone.token


async def test_who_is_forgotten_is_not_told_any_more(
    phone: Phone, shop: Shop, card_id: str, keyring: Keyring, superuser: Any
) -> None:
    await phone.register()
    await forget_on_cards(shop.database, keyring, shop.program_id, [card_id], lambda *_: True)
    assert await superuser.fetchval("SELECT count(*) FROM wallet_registration") == 0
    assert not (await shop.look(card_id)).in_wallets


async def test_where_people_take_a_card(phone: Phone, shop: Shop, superuser: Any) -> None:
    assert (await phone.browser.get(f"/cards/{phone.serial}/google-wallet")).status_code == 404
    for address in ("x", "0" * 56, phone.serial[:-1]):
        answer = await phone.browser.get(f"/cards/{address}/apple.pkpass", headers={"Accept-Language": "de"})
        assert (answer.status_code, answer.text[:4]) == (404, "Hier")
        assert answer.headers["x-robots-tag"] == "noindex"
    assert (await found(shop, await shop.card(100))).card.in_wallets is False


async def test_nothing_of_a_device_stands_in_the_database_in_clear(phone: Phone, superuser: Any) -> None:
    await phone.register()
    row = str(dict(await superuser.fetchrow("SELECT * FROM wallet_registration")))
    for secret in (PUSH_TOKEN, DEVICE, phone.token, phone.serial):
        assert secret not in row
        assert secret.encode().hex() not in row
