"""The container file, read instruction by instruction: nothing unlocked comes in, nobody is root, nothing secret stays.

No container engine runs here; docs/how-to/container.md says what was tried by hand.
"""

import re
import shlex
from pathlib import Path, PurePosixPath

import pytest
from tests.tidy.test_sbom import for_pip

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy" / "container" / "Containerfile"


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^\s*#.*\n", "", FILE.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line.strip()]


def stages() -> list[list[tuple[str, str]]]:
    """The instructions from each FROM to the next one."""
    found: list[list[tuple[str, str]]] = []
    for word, rest in instructions():
        if word == "FROM":
            found.append([])
        if found:
            found[-1].append((word, rest))
    return found


def said(stage: list[tuple[str, str]], word: str) -> list[str]:
    return [rest for one, rest in stage if one == word]


def ignored() -> list[str]:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_the_base_is_pinned_by_its_digest() -> None:
    (base,) = [rest for word, rest in instructions() if word == "ARG"]
    assert re.fullmatch(r"PYTHON_IMAGE=docker\.io/library/python:3\.1[1-9]-slim-[a-z]+@sha256:[0-9a-f]{64}", base)
    assert [said(stage, "FROM") for stage in stages()] == [["${PYTHON_IMAGE} AS build"], ["${PYTHON_IMAGE}"]]


def test_whatever_is_installed_is_locked_with_hashes() -> None:
    installs = re.findall(r"-m pip [^&]*install[^&]*", " ".join(rest for word, rest in instructions() if word == "RUN"))
    assert len(installs) == 3
    for install in installs:
        is_locked = "--require-hashes" in install and "--only-binary :all:" in install
        assert is_locked or ("--no-index" in install and "--no-deps" in install), install
    for command in (rest for word, rest in instructions() if word == "RUN"):
        assert not re.search(r"\b(curl|wget|apt|apt-get|git|npm)\b", command)
    assert "ADD" not in [word for word, _ in instructions()]


def test_the_locks_are_parts_of_the_whole_one() -> None:
    whole = for_pip("requirements.lock")
    for name in ("runtime", "build"):
        part = for_pip(f"deploy/container/{name}.lock")
        assert part
        assert part.items() <= whole.items()
    assert "hatchling" in {name for name, _ in for_pip("deploy/container/build.lock")}
    assert not {"hatchling", "pytest", "mypy"} & {name for name, _ in for_pip("deploy/container/runtime.lock")}


def test_what_is_copied_exists_and_reaches_the_builder() -> None:
    build, final = stages()
    sources = [source for rest in said(build, "COPY") for source in shlex.split(rest)[:-1]]
    assert sorted(sources) == sorted(rule[1:] for rule in ignored() if rule.startswith("!"))
    assert all((ROOT / source).exists() for source in sources)
    assert ignored()[0] == "*"
    # Hatchling needs its read-me and licence; the program itself is the folder src.
    assert {"src", "pyproject.toml", "README.md", "LICENSE"} <= set(sources)
    assert said(final, "COPY") == ["--from=build /opt/kado /opt/kado"]


def test_nobody_is_root() -> None:
    final = stages()[-1]
    (user,) = said(final, "USER")
    assert re.fullmatch(r"[1-9][0-9]{3,}:[1-9][0-9]{3,}", user)
    words = [word for word, _ in final]
    assert all(words.index(one) < words.index("USER") for one in ("RUN", "COPY"))
    (made,) = said(final, "RUN")
    uid, gid = user.split(":")
    assert f"--uid {uid} --gid {gid}" in made
    assert f"--gid {gid} kado" in made
    assert "sudo" not in FILE.read_text()
    assert "setuid" not in FILE.read_text()


def test_the_final_layer_has_no_tools_to_build_or_install_with() -> None:
    build, final = stages()
    assert "--without-pip /opt/kado" in " ".join(said(build, "RUN"))
    (made,) = said(final, "RUN")
    assert "-name pip " in made
    assert "ensurepip" in made


def test_it_writes_to_its_volume_only() -> None:
    final = stages()[-1]
    facts = dict(one.split("=", 1) for rest in said(final, "ENV") for one in shlex.split(rest))
    assert said(final, "VOLUME") == [f'["{facts["KADO_DATA_DIR"]}"]']
    assert facts["PYTHONDONTWRITEBYTECODE"] == "1"
    assert PurePosixPath(facts["PATH"].split(":")[0]) == PurePosixPath("/opt/kado/bin")


def test_it_says_how_it_is_and_stops_by_the_signal_that_kado_knows() -> None:
    final = stages()[-1]
    (health,) = said(final, "HEALTHCHECK")
    (command,) = said(final, "CMD")
    assert "/health/ready" in health
    port = command.replace('"', "").rstrip("]").split(", ")[-1]
    assert f":{port}/" in health
    assert said(final, "EXPOSE") == [port]
    assert said(final, "STOPSIGNAL") == ["SIGTERM"]
    assert said(final, "ENTRYPOINT") == ['["/opt/kado/bin/kado"]']


@pytest.mark.parametrize("word", ["SECRET", "PASSWORD", "TOKEN", "KEY", "DATABASE_URL"])
def test_no_secret_is_built_in(word: str) -> None:
    assert not [rest for one, rest in instructions() if one in ("ENV", "ARG") and word in rest.upper()]


def test_it_is_told_of() -> None:
    page = (ROOT / "docs" / "how-to" / "container.md").read_text()
    for fact in ("Containerfile", "10001", "--read-only", "--tmpfs /tmp", "--cap-drop", "KADO_PUBLIC_URL", "/data"):
        assert fact in page
