"""`kado mail`: how mails look, and mails that come back."""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer

from kado.delivery import samples
from kado.delivery.bounces import SIZE_MAX, take_in
from kado.delivery.manner import Manner, manner_of_program
from kado.doors.cli.output import AsJson, example, fail, print_json, wrong_usage
from kado.doors.cli.session import command, explain, session
from kado.languages.choose import Language

app: Final = typer.Typer(
    name="mail",
    help="Mails and text messages: how they look, and mails that come back.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_TRY_LATER: Final = 75
"""What mail servers take for "keep it and try again" (sysexits.h, EX_TEMPFAIL)."""


@app.command("preview", epilog=example("kado mail preview code --language de"))
@command
async def preview(
    kind: Annotated[str, typer.Argument(help=f"One of {', '.join(samples.KINDS)}.")],
    language: Annotated[str, typer.Option(help=f"One of {', '.join(Language)}.")] = "en",
    program: Annotated[
        str | None, typer.Option(help="The id of a program whose colours to show; without it, no database is asked.")
    ] = None,
    directory: Annotated[Path, typer.Option(help="Where to write it.")] = Path(),
    as_json: AsJson = False,
) -> None:
    """Write a mail about a made-up card as KIND.LANGUAGE.html and .txt, the text message as .sms.txt."""
    if kind not in samples.KINDS:
        raise wrong_usage(f"KIND is one of {', '.join(samples.KINDS)}.")
    if language not in list(Language):
        raise wrong_usage(f"--language is one of {', '.join(Language)}.")
    manner = await _manner(Language(language), program)
    text = f"Subject: {samples.subject(kind, manner)}\n\n{samples.text(kind, manner)}"
    written = {"html": samples.html(kind, manner), "txt": text}
    if (short := samples.text_message(kind, manner)) is not None:
        written["sms.txt"] = short + "\n"
    files = []
    for suffix, content in written.items():
        file = directory.joinpath(f"{kind}.{language}.{suffix}")
        file.write_text(content, encoding="utf-8")
        files.append(str(file))
    if as_json:
        print_json({"files": files})
    else:
        print("\n".join(files))


async def _manner(language: Language, program_id: str | None) -> Manner:
    if program_id is None:
        return samples.manner(language)
    async with session() as (database, _):
        return replace(await manner_of_program(database, program_id), language=language)


@app.command("bounce", epilog=example("kado mail bounce < returned.eml"))
def bounce(as_json: AsJson = False) -> None:
    """Read a mail that came back from standard input, and note what it says of one of ours.

    For a mail server that hands over what arrives at the address of KADO_MAIL_FROM. Exit code 0: read, whatever it was.
    75: the database cannot be reached, which mail servers take for "try again later".
    """
    raw = sys.stdin.buffer.read(SIZE_MAX)
    # What a server would answer with a mail of its own, and that with another, is left to the log of the server.
    try:
        outcome = asyncio.run(_taken_in(raw))
    except Exception as error:
        message = explain(error)
        if message is None:
            raise
        fail(message, _TRY_LATER)
    if as_json:
        print_json({"outcome": outcome})
    else:
        print(_SAID[outcome])


_SAID: Final = {
    "failed": "One of our mails came back for good; `kado outbox list` shows it.",
    "tried again": "One of our mails came back and is tried again in six hours.",
    "unknown": "It is about no mail that we know (any more).",
    "nothing": "It reports no mail that did not arrive.",
}


async def _taken_in(raw: bytes) -> str:
    async with session() as (database, settings):
        return await take_in(database, settings.keyring, raw)
