"""`kado database distribute`: what it says where there is no cluster, and what it does where there is one."""

import json
from typing import Any

import pytest
from tests import cluster
from tests.database.doors.conftest import Kado

from kado.storage.distribution import DISTRIBUTED, REFERENCE


@cluster.needs_one_machine
@pytest.mark.parametrize("option", [[], ["--dry-run"]])
async def test_without_citus_it_says_what_is_missing_and_changes_nothing(
    kado: Kado, superuser: Any, option: list[str]
) -> None:
    ran = await kado("database", "distribute", *option)
    assert ran.code == 1
    assert "has no Citus" in ran.err
    assert await superuser.fetchval("SELECT count(*) FROM audit_log WHERE action = 'database:distributed'") == 0


@cluster.needs_one_machine
async def test_the_embedded_database_is_one_machine(kado: Kado) -> None:
    ran = await kado("database", "distribute", KADO_DATABASE_URL="")
    assert ran.code == 1
    assert "KADO_DATABASE_URL has to name the coordinator" in ran.err


@cluster.needs_a_cluster
async def test_on_a_cluster_it_says_what_it_does_and_the_audit_log_knows(undistributed: str, kado: Kado) -> None:
    planned = await kado("database", "distribute", "--dry-run", KADO_DATABASE_URL=undistributed)
    assert "card: spread by program_id" in planned.out
    done = await kado("database", "distribute", KADO_DATABASE_URL=undistributed)
    assert done.code == 0, done.err
    assert f"{len(REFERENCE) + len(DISTRIBUTED)} tables are in their places on" in done.out
    listed = await kado("audit", "list", "--json", KADO_DATABASE_URL=undistributed)
    assert "database:distributed" in json.dumps(listed.json)
