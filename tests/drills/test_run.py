"""The runner of the drills: goes on whatever becomes of one, says what came of each, and touches nobody's data."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from drills.alone import table
from drills.line import Line
from drills.run import DRILLS, Ran, run, write_down

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60


def toy(folder: Path, name: str, body: str) -> str:
    """A module with a drill of its own."""
    (folder / f"{name}.py").write_text(
        "import os, time\nfrom drills.line import Line\n\ndef drill(tell, scale):\n" + textwrap.indent(body, "    ")
    )
    return name


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_what_a_drill_tells_and_says_arrives(folder: Path) -> None:
    module = toy(folder, "fine_toy", "tell('half way')\nreturn [Line(1, 'a promise', f'{scale}', True)]")
    told: list[str] = []
    ran = run("fine", module, PATIENCE_SECONDS, 0.5, told.append)
    assert (told, ran.lines) == (["half way"], [Line(1, "a promise", "0.5", held=True)])


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("raise AssertionError('two cents are missing')", "AssertionError: two cents are missing"),
        ("os._exit(3)", "its process died"),
        ("return []", "the drill said nothing"),
    ],
)
def test_a_drill_that_fails_is_a_line_that_is_not_held(folder: Path, body: str, says: str) -> None:
    ran = run("toy", toy(folder, f"toy_{len(says)}", body), PATIENCE_SECONDS, 1, print)
    assert [(line.held, says in line.figure) for line in ran.lines] == [(False, True)]


def test_a_drill_that_hangs_is_ended_and_cleans_up_after_itself(folder: Path) -> None:
    trace = folder / "cleaned up"
    body = f"tell('begun')\ntry:\n    time.sleep(600)\nfinally:\n    open({str(trace)!r}, 'w').close()"
    module = toy(folder, "slow_toy", body)
    for seconds in (3, 12, 48):  # on a busy machine it may not have begun before it is too late
        ran = run("slow", module, seconds, 1, print)
        assert [line.held for line in ran.lines] == [False]
        assert "took too long" in ran.lines[0].figure
        if trace.exists():
            return
    raise AssertionError("it was not allowed to clean up")


def test_settings_of_the_environment_reach_no_drill(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KADO_DATA_DIR", "/var/lib/kado")
    monkeypatch.setenv("KADO_DATABASE_URL", "postgresql://localhost/kado")
    seen = "[name for name in os.environ if name.startswith('KADO_')]"
    ran = run("toy", toy(folder, "curious_toy", f"return [Line(1, '', str({seen}), True)]"), PATIENCE_SECONDS, 1, print)
    assert [line.figure for line in ran.lines] == ["[]"]


def test_results_are_written_with_the_machine(tmp_path: Path) -> None:
    ran = Ran("toy", 61.4, [Line(13, "nothing is lost", "0 lost", held=True)])
    written = json.loads(write_down([ran], 0.5, 61.4, {"processors": 2}, tmp_path / "results").read_text())
    assert written["machine"] == {"processors": 2}
    assert written["scale"] == 0.5
    assert written["drills"]["toy"] == {
        "seconds": 61,
        "lines": [{"guarantee": 13, "what": "nothing is lost", "figure": "0 lost", "held": True}],
    }


def test_the_table_says_what_was_not_held() -> None:
    shown = table([Line(24, "fair", "9 s", held=False), Line(1, "exact", "0", held=True)]).splitlines()
    assert [line.split()[0] for line in shown] == ["1", "24"]
    assert ["NOT HELD" in line for line in shown] == [False, True]


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")
def test_a_real_drill_runs_unattended_and_leaves_other_data_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    done = subprocess.run(
        [sys.executable, "drills/run.py", "--only", "one-card", "--scale", "0.02", "--results", str(tmp_path / "out")],
        cwd=ROOT,
        env=os.environ | {"KADO_DATA_DIR": str(data), "KADO_SECRET_KEY": "x"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    (file,) = (tmp_path / "out").glob("*.json")
    lines = json.loads(file.read_text())["drills"]["one-card"]["lines"]
    assert {line["guarantee"] for line in lines} == {1, 4, 24}, done.stdout + done.stderr
    assert all(line["held"] for line in lines if line["guarantee"] != 24)  # how fast it is, is the machine's affair
    assert done.returncode == (0 if all(line["held"] for line in lines) else 1)
    assert list(data.iterdir()) == []


def test_a_drill_that_does_not_exist_is_refused_with_those_that_do() -> None:
    done = subprocess.run(
        [sys.executable, "drills/run.py", "--only", "kill"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert all(name in done.stderr for name in DRILLS)


def test_every_drill_is_on_the_list() -> None:
    modules = {f"drills.{file.stem}" for file in (ROOT / "drills").glob("*.py") if "\ndef drill(" in file.read_text()}
    assert {how.module for how in DRILLS.values()} == modules
