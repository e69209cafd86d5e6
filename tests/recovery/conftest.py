"""Folders that every user can pass through, and a shop that sells."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="kado-recovery-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made, ignore_errors=True)
