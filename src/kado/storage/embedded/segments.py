"""The write-ahead log as files of 16 MB: their names, their order, and where a row of them ends."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

SEGMENT_BYTES: Final = 2**24
PARTIAL: Final = ".partial"
_A_LOG: Final = 2**32 // SEGMENT_BYTES
_NAME: Final = re.compile(r"[0-9A-F]{24}")


def is_segment(name: str) -> bool:
    """Whether a file of this name is a segment, complete or not."""
    return _NAME.fullmatch(name.removesuffix(PARTIAL)) is not None


def following(name: str) -> str:
    """The name of the segment after this one, on the same timeline."""
    timeline, log, segment = name[:8], int(name[8:16], 16), int(name[16:24], 16)
    log, segment = (log, segment + 1) if segment + 1 < _A_LOG else (log + 1, 0)
    return f"{timeline}{log:08X}{segment:08X}"


def archived(folders: Iterable[Path]) -> dict[str, Path]:
    """The segments in these folders by name. A complete one is preferred, then one of a later folder."""
    found: dict[str, Path] = {}
    for folder in folders:
        for file in _files(folder):
            name = file.name.removesuffix(PARTIAL)
            if name not in found or file.name == name or found[name].name != name:
                found[name] = file
    return found


def row_from(first: str, segments: Iterable[str]) -> list[str]:
    """The names from `first` on, for as long as none is missing."""
    there, row, name = set(segments), [], first
    while name in there:
        row.append(name)
        name = following(name)
    return row


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in sorted(folder.iterdir()) if is_segment(file.name))
