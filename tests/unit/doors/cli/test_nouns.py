"""The list of commands, which is all that the help reads, says what the files say."""

from pathlib import Path

from kado.doors import cli
from kado.doors.cli.nouns import NOUNS, read

BESIDE = {"__init__", "nouns", "output", "printing", "session"}
"""Files of the folder that hold no noun; `printing` holds a command of the cards."""


def test_the_help_says_of_each_command_what_the_command_says_itself() -> None:
    for name, noun in NOUNS.items():
        command = read(name)
        assert command.name == name
        assert (command.get_short_help_str(1000), command.hidden) == (noun.about, noun.is_hidden), name


def test_every_file_of_commands_is_named() -> None:
    files = {file.stem for file in Path(cli.__path__[0]).glob("*.py")}
    assert {noun.file for noun in NOUNS.values()} == files - BESIDE
