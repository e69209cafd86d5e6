"""What pip gets: one package, typed, that needs httpx and nothing else."""

import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import kado_client

CLIENT = Path(__file__).parents[2] / "clients" / "python"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    place = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(place)]
    subprocess.run(build, cwd=CLIENT, check=True, capture_output=True)
    (built,) = place.glob("*.whl")
    return zipfile.ZipFile(built)


def test_it_needs_httpx_only(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith("METADATA")]
    facts = Parser().parsestr(wheel.read(name).decode())
    assert facts.get_all("Requires-Dist") == ["httpx<1,>=0.28"]
    assert (facts["Name"], facts["Version"]) == ("kado-client", kado_client.__version__)
    assert (facts["Requires-Python"], facts["License-Expression"]) == (">=3.11", "Apache-2.0")


def test_it_is_complete_and_typed(wheel: zipfile.ZipFile) -> None:
    source = CLIENT / "src"
    files = {str(file.relative_to(source)) for file in source.rglob("*") if file.suffix in (".py", ".typed")}
    assert {name for name in wheel.namelist() if not name.startswith("kado_client-")} == files
    assert "kado_client/py.typed" in files
