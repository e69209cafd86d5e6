"""`kado status`: what it shows, and when it calls for somebody."""

import json
from pathlib import Path
from typing import Any

from tests.database.cards.builders import open_shop
from tests.database.doors.conftest import Kado

from kado.crypto import Keyring
from kado.storage.backup.last import note_backup
from kado.storage.database import Database


async def test_it_says_what_is_owed_and_what_waits(
    kado: Kado, tmp_path: Path, database: Database, superuser: Any, keyring: Keyring
) -> None:
    shop = await open_shop(database, keyring)
    await shop.card(1234)
    await shop.issue(500)
    await shop.ledger.close()
    note_backup(tmp_path)
    done = await kado("status", "--json")
    said = json.loads(done.out)
    assert done.code == 0, said
    assert said["owed"] == {shop.program.currency.code: "12.34"}
    assert said["cards"] == {"active": 1, "pending": 1}
    assert said["complaints"] == []
    assert said["backupHours"] == 0
    await superuser.execute(
        "INSERT INTO message (program_id, id, card_id, kind, channel, recipient, state, created_at, next_attempt_at)"
        " SELECT program_id, id, id, 'security_code', 'email', 'ada@mail.example', 'failed', now(), NULL FROM card"
        " LIMIT 1"
    )
    done = await kado("status")
    assert done.code == 1
    assert "! Messages were given up" in done.out


async def test_a_server_without_a_backup_is_told_so(kado: Kado) -> None:
    done = await kado("status")
    assert done.code == 1
    assert "No backup" in done.out
