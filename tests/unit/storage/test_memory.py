"""How much of a machine's memory the database that comes along takes for itself."""

from pathlib import Path

import pytest

from kado.storage.embedded.memory import memory_mb
from kado.storage.embedded.postmaster import buffers


@pytest.mark.parametrize(
    ("memory", "own"), [(512, "128MB"), (2048, "128MB"), (4096, "256MB"), (8192, "512MB"), (262144, "512MB")]
)
def test_a_small_machine_gives_little_and_a_large_one_not_too_much(memory: int, own: str) -> None:
    assert buffers(memory) == own


def test_a_container_has_what_it_was_given(tmp_path: Path) -> None:
    given = tmp_path / "memory.max"
    given.write_text(f"{300 * 2**20}\n")
    assert memory_mb(given) == 300


@pytest.mark.parametrize("said", ["max\n", "", None])
def test_without_a_bound_it_is_the_machine(tmp_path: Path, said: str | None) -> None:
    given = tmp_path / "memory.max"
    if said is not None:
        given.write_text(said)
    assert memory_mb(given) == memory_mb(tmp_path / "nothing") > 300
