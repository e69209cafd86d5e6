"""`make setup` on machines that lack something: interpreters and package index are stand-ins that fail as real ones do.

The PATH holds nothing but the few programs that the script may use.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("sh", "dirname", "cksum", "cat", "head", "tail", "grep")

SHIM = "#!/bin/sh\necho 'pyenv: python3.14: command not found' >&2\nexit 127\n"
OLD = """#!/bin/sh
case "$*" in *print*) echo "3.9 at $0" ;; *version_info*) exit 1 ;; esac
"""
BARE = """#!/bin/sh
case "$*" in *print*) echo "3.12 at $0" ;; *ensurepip*) exit 1 ;; esac
"""
# Makes an environment whose python is this same stand-in; installing then ends as the test wants it to.
GOOD = """#!/bin/sh
case "$*" in
*print*) echo "3.13 at $0" ;;
*"-m venv"*) "$TOOLBOX/mkdir" -p .venv/bin && "$TOOLBOX/cp" "$0" .venv/bin/python ;;
*requirements.lock*) [ -z "$PIP_SAYS" ] || { echo "$PIP_SAYS" >&2; exit 1; } ;;
*"-e ."*) echo "#!$PWD/.venv/bin/python" >.venv/bin/kado ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the script looks at, with a PATH that has no Python at all."""
    place = tmp_path / "a checkout"
    (place / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "setup.sh", place / "scripts")
    for name in ("pyproject.toml", "uv.lock", "requirements.lock"):
        (place / name).write_text(name)
    for folder, tools in (("path", TOOLS), ("toolbox", ("mkdir", "cp"))):
        (tmp_path / folder).mkdir()
        for tool in tools:
            found = shutil.which(tool)
            assert found is not None
            (tmp_path / folder / tool).symlink_to(found)
    return place


def provide(checkout: Path, name: str, text: str) -> None:
    program = checkout.parent / "path" / name
    program.write_text(text)
    program.chmod(0o755)


def setup(checkout: Path, pip_says: str = "", python: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["sh", "scripts/setup.sh"],
        cwd=checkout,
        env={
            "PATH": str(checkout.parent / "path"),
            "TOOLBOX": str(checkout.parent / "toolbox"),
            "PIP_SAYS": pip_says,
            "PYTHON": python,
            "HOME": os.environ.get("HOME", "/"),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def sentence(done: "subprocess.CompletedProcess[str]") -> str:
    """The one line that says why; fails when there is another, or when the script was content."""
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_without_python_it_says_what_to_install(checkout: Path) -> None:
    assert "needs Python 3.11 or later, and there is none on the PATH" in sentence(setup(checkout))


def test_an_old_python_is_named(checkout: Path) -> None:
    provide(checkout, "python3", OLD)
    assert "found only 3.9 at" in sentence(setup(checkout))


def test_a_python_without_venv_is_named_with_what_brings_it(checkout: Path) -> None:
    provide(checkout, "python3", BARE)
    assert "3.12 at" in sentence(setup(checkout))
    assert "apt install python3-venv" in setup(checkout).stderr


def test_shims_that_only_fail_are_passed_over(checkout: Path) -> None:
    provide(checkout, "python3", OLD)
    provide(checkout, "python3.14", SHIM)
    provide(checkout, "python3.12", GOOD)
    done = setup(checkout)
    assert (done.returncode, done.stderr) == (0, "")
    assert "3.13 at" in done.stdout


def test_the_named_interpreter_comes_first(checkout: Path) -> None:
    provide(checkout, "python3", OLD)
    provide(checkout, "mine", GOOD)
    assert setup(checkout, python="mine").returncode == 0


def test_a_second_run_says_and_does_nothing(checkout: Path) -> None:
    provide(checkout, "python3", GOOD)
    assert setup(checkout).stdout != ""
    again = setup(checkout, pip_says="must not be asked")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


@pytest.mark.parametrize("changed", ["pyproject.toml", "uv.lock", "requirements.lock"])
def test_a_changed_lock_is_installed(checkout: Path, changed: str) -> None:
    provide(checkout, "python3", GOOD)
    setup(checkout)
    (checkout / changed).write_text("other")
    done = setup(checkout)
    assert "Installing" in done.stdout
    assert "Making" not in done.stdout


def test_an_environment_that_was_moved_is_made_anew(checkout: Path) -> None:
    provide(checkout, "python3", GOOD)
    setup(checkout)
    moved = checkout.rename(checkout.with_name("elsewhere"))
    assert "Making" in setup(moved).stdout


@pytest.mark.parametrize(
    ("pip_says", "we_say"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "the disk is full"),
        ("WARNING: Retrying ... NewConnectionError(...)\nERROR: No matching distribution found for x", "network"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "not the one that"),
        ("ERROR: [Errno 13] Permission denied: '/x'", "cannot be written by this user"),
    ],
)
def test_what_stops_pip_becomes_one_sentence(checkout: Path, pip_says: str, we_say: str) -> None:
    provide(checkout, "python3", GOOD)
    assert we_say in sentence(setup(checkout, pip_says))
    assert setup(checkout).returncode == 0


def test_anything_else_is_shown_as_it_is(checkout: Path) -> None:
    provide(checkout, "python3", GOOD)
    done = setup(checkout, "something nobody thought of")
    assert done.returncode == 1
    assert "something nobody thought of" in done.stderr
