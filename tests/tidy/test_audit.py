"""`make audit` against a server that speaks OSV's protocol, against a copy of OSV's data, and with nobody to ask."""

import asyncio
import json
import runpy
import sys
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "audit.py"
LOCKED: list[tuple[str, str]] = runpy.run_path(str(SCRIPT))["locked"]()
VERSION = dict(LOCKED)["jinja2"]


async def audit(*arguments: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


@asynccontextmanager
async def osv(known: dict[str, list[str]], status: str = "200 OK") -> AsyncIterator[tuple[str, list[Any]]]:
    """Where it listens, and what it is asked."""
    questions: list[Any] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        questions.extend(json.loads(await reader.readexactly(length))["queries"])
        vulns = [[{"id": one} for one in known.get(question["package"]["name"], ())] for question in questions]
        body = json.dumps({"results": [{"vulns": some} if some else {} for some in vulns]}).encode()
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", questions
    server.close()


async def test_every_locked_package_is_asked_about() -> None:
    async with osv({}) as (url, questions):
        code, said = await audit("--url", url, "--strict")
    assert code == 0, said
    assert f"{len(LOCKED)} packages looked up, something is known of 0" in said
    assert [(one["package"]["name"], one["version"]) for one in questions] == LOCKED
    assert {one["package"]["ecosystem"] for one in questions} == {"PyPI"}


async def test_what_is_known_is_named_and_fails() -> None:
    async with osv({"jinja2": ["PYSEC-1", "GHSA-2"]}) as (url, _):
        code, said = await audit("--url", url)
    assert code == 1
    assert f"jinja2 {VERSION}: https://osv.dev/vulnerability/GHSA-2, https://osv.dev/vulnerability/PYSEC-1" in said


async def test_with_nobody_to_ask_it_says_that_it_was_skipped(unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}"
    code, said = await audit("--url", url)
    assert (code, said.startswith("audit: SKIPPED. ")) == (0, True)
    assert f"not one of {len(LOCKED)} packages was looked up" in said
    assert (await audit("--url", url, "--strict"))[0] == 2
    async with osv({}, "500 Oops") as (broken, _):
        assert (await audit("--url", broken, "--strict"))[0] == 2


def weakness(name: str, number: int, **affected: Any) -> dict[str, Any]:
    return {"id": f"W-{number}", "affected": [{"package": {"name": name, "ecosystem": "PyPI"}, **affected}]}


def between(*events: dict[str, str]) -> list[dict[str, Any]]:
    return [{"type": "ECOSYSTEM", "events": list(events)}]


async def test_a_copy_of_the_data_does_without_a_network(tmp_path: Path) -> None:
    copy = tmp_path / "all.zip"
    entries = [
        weakness("Jinja2", 1, versions=["0.1", VERSION]),
        weakness("jinja2", 2, versions=["0.1"]),
        weakness("jinja2", 3, ranges=between({"introduced": "0"}, {"fixed": "9999"})),
        weakness("jinja2", 4, ranges=between({"introduced": "0"}, {"fixed": VERSION})),
        weakness("jinja2", 5, ranges=between({"introduced": "0"}, {"last_affected": VERSION})),
        weakness("jinja2", 6, ranges=between({"introduced": "9998"})),
        weakness("not-ours", 7, versions=[VERSION]),
        weakness("jinja2", 8, versions=[VERSION]) | {"withdrawn": "2026-01-01T00:00:00Z"},
    ]
    with zipfile.ZipFile(copy, "w") as archive:
        for entry in entries:
            archive.writestr(f"{entry['id']}.json", json.dumps(entry))
    code, said = await audit("--database", str(copy))
    assert code == 1
    assert [one for one in ("W-1", "W-2", "W-3", "W-4", "W-5", "W-6", "W-7", "W-8") if one in said] == [
        "W-1",
        "W-3",
        "W-5",
    ]
    code, said = await audit("--database", str(tmp_path / "none.zip"))
    assert (code, "SKIPPED" in said) == (0, True)
