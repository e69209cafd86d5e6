"""`kado merchant`."""

import asyncio
import os
import pty
import sys
import tempfile
from pathlib import Path

import pytest
from tests.database.doors.conftest import PASSWORD, SECRET_KEY, Kado, environment_with

from kado.access import sign_in
from kado.crypto import Keyring
from kado.ids import is_id
from kado.storage.database import Database


async def signs_in(database: Database, email: str, password: str) -> bool:
    return bool(await sign_in.with_password(database, Keyring([SECRET_KEY]), email, password, "203.0.113.9"))


async def test_create_prints_one_line_of_json_and_the_owner_can_sign_in(
    kado: Kado, database: Database, flower_shop: dict[str, str]
) -> None:
    assert flower_shop.keys() == {"merchantId", "ownerId"}
    assert all(is_id(value) for value in flower_shop.values())
    assert await signs_in(database, "anna@flowers.example", PASSWORD)
    async with database.read() as connection:
        actors = await connection.fetch("SELECT DISTINCT actor FROM audit_log WHERE action LIKE '%:created'")
    assert [row["actor"] for row in actors] == ["operator:cli"]


async def test_create_says_what_to_do_next(kado: Kado, database: Database) -> None:
    ran = await kado("merchant", "create", "Book Shop", "--owner", "bo@books.example", "--password", PASSWORD)
    assert ran.code == 0
    assert ran.err == ""
    assert 'kado key create --merchant "Book Shop"' in ran.out
    assert PASSWORD not in ran.out
    assert await signs_in(database, "bo@books.example", PASSWORD)


async def test_the_password_is_asked_for_twice_and_not_shown(kado: Kado, database: Database) -> None:
    terminal, other_end = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "kado", "merchant", "create", "Book Shop", "--owner", "bo@books.example", "--json",
        env=kado.environment, stdin=other_end, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    os.close(other_end)
    assert process.stderr is not None
    asked = b""
    for _ in range(2):
        asked += await asyncio.wait_for(process.stderr.readuntil(b": "), 60)
        os.write(terminal, PASSWORD.encode() + b"\n")
    out, err = await asyncio.wait_for(process.communicate(), 60)
    os.close(terminal)
    assert process.returncode == 0, err
    assert out.startswith(b'{"merchantId": "')
    assert PASSWORD.encode() not in asked + out + err
    assert await signs_in(database, "bo@books.example", PASSWORD)


async def test_list_shows_name_and_id(kado: Kado, flower_shop: dict[str, str]) -> None:
    ran = await kado("merchant", "list")
    assert ran.code == 0
    assert ran.out.splitlines()[0].split() == ["ID", "NAME", "CREATED"]
    assert ran.out.splitlines()[1].startswith(f"{flower_shop['merchantId']}  Flower Shop  ")
    (facts,) = (await kado("merchant", "list", "--json")).json
    assert (facts["id"], facts["name"]) == (flower_shop["merchantId"], "Flower Shop")


async def test_what_is_refused_is_said_on_stderr_with_exit_code_1(
    kado: Kado, flower_shop: dict[str, str], subtests: pytest.Subtests
) -> None:
    for name, email, password, message in (
        ("Flower Shop", "b@books.example", PASSWORD, "There is a merchant named 'Flower Shop' already."),
        ("Book Shop", "Anna@Flowers.example", PASSWORD, "Someone with this email address exists already."),
        ("Book Shop", "b@books.example", "too short", "A password has 12 to 256 characters."),
        ("Book Shop", "bo", PASSWORD, "This is not an email address"),
        ("", "b@books.example", PASSWORD, "A merchant's name has 1 to 255 printable characters."),
    ):
        with subtests.test(message):
            ran = await kado("merchant", "create", name, "--owner", email, "--password", password, "--json")
            assert (ran.code, ran.out) == (1, "")
            assert ran.err.startswith(f"kado: {message}")


async def test_wrong_usage_is_exit_code_2(kado: Kado, subtests: pytest.Subtests) -> None:
    for arguments in (
        ("merchant", "create"),
        ("merchant", "create", "Shop"),
        ("merchant", "create", "Shop", "--owner", "a@b.example"),
        ("merchant", "create", "Shop", "--owner", "a@b.example", "--password", PASSWORD, "--password-stdin"),
        ("merchant", "remove", "Shop"),
        ("nonsense",),
    ):
        with subtests.test(arguments=arguments):
            ran = await kado(*arguments)
            assert (ran.code, ran.out) == (2, "")
            assert "Error: " in ran.err


async def test_settings_and_databases_that_cannot_be_used_are_explained(kado: Kado, subtests: pytest.Subtests) -> None:
    for environment, message in (
        ({"KADO_SECRET_KEY": "short"}, "KADO_SECRET_KEY must have at least 32 characters"),
        ({"KADO_DATABASE_URL": "mysql://x"}, "KADO_DATABASE_URL must begin with"),
        ({"KADO_DATABASE_URL": "postgresql://127.0.0.1:1/x"}, "The database cannot be reached"),
    ):
        with subtests.test(message):
            ran = await kado("merchant", "list", **environment)
            assert (ran.code, ran.out) == (1, "")
            assert ran.err.startswith(f"kado: {message}")


async def test_without_a_database_url_the_command_brings_its_own_database() -> None:
    with tempfile.TemporaryDirectory(prefix="kado-test-") as directory:
        Path(directory).chmod(0o711)
        kado = Kado(environment_with(KADO_DATA_DIR=f"{directory}/data", KADO_SECRET_KEY=""))
        made = await kado("merchant", "create", "Shop", "--owner", "a@b.example", "--json", "--password", PASSWORD)
        assert is_id(made.json["merchantId"])
        listed = await kado("merchant", "list")
        assert made.json["merchantId"] in listed.out
        assert (Path(directory) / "data/secret.key").stat().st_mode & 0o777 == 0o600
