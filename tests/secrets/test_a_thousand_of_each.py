"""A thief who has the database has none of a thousand numbers, codes, tokens and webhook secrets, in any spelling."""

import os
import subprocess
from typing import Any

from tests.database.cards.builders import Shop, open_shop
from tests.secrets.collected import Collected, found_in, readable

from kado.access import keys, otp
from kado.access.customer_store import Desk, Target
from kado.cards.bulk import download
from kado.cards.bulk.order import place_order
from kado.cards.bulk.task import Order
from kado.cards.bulk.work import issue_next_batch
from kado.cards.posting import Answer
from kado.crypto import Keyring
from kado.rotation.rotate import rotate
from kado.storage.database import Database
from kado.storage.embedded.binaries import find_binaries
from kado.webhooks import endpoints
from kado.webhooks.post import Poster
from kado.webhooks.webhook import Wanted

MANY = 1000
A_MERCHANTS_WEBHOOKS = 20
OLD, NEW = "old-secret-of-the-operator-0123456789", "new-secret-of-the-operator-0123456789"


async def cards(shop: Shop, collected: Collected) -> None:
    """In bulk, with their codes in a file that was fetched."""
    order = Order(
        program_id=shop.program_id,
        caller=shop.caller,
        key=collected.secret("idempotency key", "key-of-a-thousand-cards"),
        render=lambda ordered: Answer(200, ordered.task.id.encode()),
        initial_value=2000,
        expires_at=None,
        is_physical=True,
        design_template=None,
        count=MANY,
        recipients=None,
    )
    task_id = (await place_order(shop.database, shop.keyring, order, sync_max=0)).body.decode()
    while await issue_next_batch(shop.database, shop.keyring):
        pass
    _, token, _ = await download.fresh_link(shop.database, shop.keyring, shop.program_id, task_id, shop.caller)
    collected.secret("link", token)
    begun = await download.begin(shop.database, shop.keyring, shop.program, task_id, token, shop.caller)
    text = b"".join([part async for part in download.lines(shop.database, shop.keyring, begun)]).decode()
    for line in text.splitlines()[1:]:
        number, code, *_ = line.split(",")
        collected.secret("card number", number)
        collected.secret("security code", code)


async def tokens(shop: Shop, collected: Collected) -> None:
    """Keys of tills, keys to sign with, and sessions of customers."""
    merchant_id = shop.program.merchant_id
    for _ in range(MANY):
        key = await keys.create_key(shop.database, merchant_id, "operator:test")
        collected.secret("key", key.secret)
    for _ in range(100):
        key = await keys.create_signing_key(shop.database, shop.keyring, merchant_id, "operator:test")
        collected.secret("signing secret", key.secret)
    desk = Desk(merchant_id, is_test=True, subject="key:test")
    for at in range(50):
        target = Target("email", f"eva{at}@example.com")
        code = await otp.send(shop.database, shop.keyring, desk, target, "192.0.2.1")
        assert code is not None
        signed_in = await otp.verify(shop.database, shop.keyring, desk, target, code, None)
        collected.secret("session token", signed_in.token)


async def webhooks(shop: Shop, collected: Collected) -> None:
    """Of fifty merchants, each as many as it may have, with the secrets that Kado made."""
    poster = Poster()
    for _ in range(MANY // A_MERCHANTS_WEBHOOKS):
        other = await open_shop(shop.database, shop.keyring)
        for _ in range(A_MERCHANTS_WEBHOOKS):
            wanted = Wanted("https://93.184.215.14/hook")
            _, secret = await endpoints.create(shop.database, shop.keyring, poster, other.caller, wanted)
            assert secret is not None
            collected.secret("webhook secret", secret.removeprefix("whsec_"))


def dump_of(url: str) -> str:
    """The whole database as text, and what its bytea columns hold where that is text."""
    command = [find_binaries().program("pg_dump"), "--format=plain", "--inserts", "--no-owner", url]
    done = subprocess.run(command, capture_output=True, check=True, env={"PATH": os.defpath, "LC_ALL": "C"})
    return readable(done.stdout.decode())


async def test_a_dump_holds_none_of_a_thousand_of_each(database: Database, database_url: str, superuser: Any) -> None:
    collected = Collected()
    shop = await open_shop(database, Keyring([OLD]))
    await cards(shop, collected)
    await tokens(shop, collected)
    await webhooks(shop, collected)
    kinds = list(collected.secrets.values())
    assert kinds.count("card number") == kinds.count("key") == kinds.count("webhook secret") == MANY
    assert kinds.count("security code") > MANY - 10, "of a million codes some may come twice"
    for secret in (OLD, NEW):
        collected.secret("the secret key", secret)
    dump = dump_of(database_url)
    assert dump.count("INSERT INTO public.card VALUES") == MANY
    assert found_in(dump, {shop.program_id: "something that is there"}), "the search finds nothing at all"
    assert found_in(dump, collected.secrets) == []

    # Under a new secret key neither, nor anything of what was there before that is said to be moved.
    before = await superuser.fetch("SELECT number_index, number_sealed, state_seal FROM card")
    before += await superuser.fetch("SELECT secret FROM webhook UNION ALL SELECT secret FROM signing_key")
    done = await rotate(database, Keyring([NEW, OLD]), actor="operator:test", tell=lambda _: None)
    assert (done.cards, done.secrets) == (MANY, MANY + 100)
    dump = dump_of(database_url)
    assert found_in(dump, collected.secrets) == []
    assert not [value for row in before for value in row if value.hex() in dump]
    await shop.ledger.close()
