"""`kado status`: how a server is, in a screen, for whoever has no Grafana before them."""

import asyncio
from typing import Final

from kado import __version__
from kado.cards.owed import Owed, count_cards, look_once
from kado.doors.cli.output import AsJson, example, print_state
from kado.doors.cli.session import CANNOT_TELL, in_one_sentence, session
from kado.money import currency
from kado.passes.wallets import wallets
from kado.readings.figures import Figures, complaints, look
from kado.settings import Settings
from kado.storage.backup.last import seconds_since_backup
from kado.storage.database import Database
from kado.storage.servers import list_servers
from kado.storage.undelivered import Count

EXAMPLE: Final = example("kado status || echo 'somebody should look'")

_HOUR: Final = 3600


def status(as_json: AsJson = False) -> None:
    """Show what is owed, what waits and what looks wrong.

    Exit code 0: nothing needs anybody. 1: something does, and it says what. 2: it could not be found out.
    """
    with in_one_sentence(CANNOT_TELL):
        facts, wrong = asyncio.run(_facts())
    print_state(facts, wrong, _text, as_json=as_json)


async def _facts() -> tuple[dict[str, object], list[str]]:
    async with session(make_secret=False) as (database, settings):
        figures = await look(database)
        backup = seconds_since_backup(settings.data_dir)
        left = wallets(settings.wallets, settings.keyring, settings.public_url).seconds_left()
        has_archive = settings.archive is not None
        wrong = complaints(figures, backup, has_archive=has_archive, certificate_seconds=left)
        return await _shown(database, settings, figures, backup), wrong


async def _shown(database: Database, settings: Settings, figures: Figures, backup: int | None) -> dict[str, object]:
    return {
        "version": __version__,
        "servers": len(await list_servers(database)),
        "owed": _owed(await look_once(database)),
        "cards": await count_cards(database),
        "messages": _undelivered(figures.messages),
        "events": _undelivered(figures.events) | {"new": figures.unheard},
        "wallets": _undelivered(figures.wallets),
        "jobs": {name: queue.waiting for name, queue in sorted(figures.jobs.items())},
        "bulkIssues": {"unfinished": figures.bulk.tasks, "cardsLeft": figures.bulk.cards_left},
        "fraudAlerts": dict(figures.fraud_alerts),
        "anomalies": dict(figures.anomalies),
        "sealSeconds": figures.seal_seconds,
        "replicas": figures.copies.replicas,
        "archiveRuns": figures.copies.archive_runs if settings.archive is not None else None,
        "backupHours": None if backup is None else backup // _HOUR,
    }


def _owed(owed: Owed) -> dict[str, str]:
    sums: dict[str, int] = {}
    for program_id, minor in owed.sums.items():
        code = owed.currencies[program_id]
        sums[code] = sums.get(code, 0) + minor
    return {code: currency(code).text(minor) for code, minor in sorted(sums.items())}


def _undelivered(count: Count) -> dict[str, int]:
    return {
        "waiting": count.waiting,
        "retrying": count.retrying,
        "overdue": count.overdue,
        "failed": count.failed,
    }


def _text(value: object) -> str:
    match value:
        case None:
            return "-"
        case dict():
            return ", ".join(f"{name} {one}" for name, one in value.items()) or "none"
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)
