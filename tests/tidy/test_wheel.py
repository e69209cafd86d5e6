"""What is published can be made again: the same source makes the same wheel, byte for byte, and is all in there."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def build(source: Path, place: Path, **environment: str) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(place)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, env={**os.environ, **environment})
    (built,) = place.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("dist"))


def test_the_same_source_makes_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    """In another folder, at another time, in another zone and language, with other rights on the files."""
    copy = tmp_path / "elsewhere"
    copy.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(ROOT / name, copy / name)
    shutil.copytree(ROOT / "src", copy / "src", copy_function=shutil.copyfile)
    again = build(copy, tmp_path / "dist", TZ="Asia/Kathmandu", LC_ALL="C", PYTHONHASHSEED="7")
    assert again.name == wheel.name
    assert again.read_bytes() == wheel.read_bytes()


def test_everything_is_in_it_and_nothing_else(wheel: Path) -> None:
    source = ROOT / "src"
    files = {str(file.relative_to(source)) for file in source.rglob("*") if file.is_file() and file.suffix != ".pyc"}
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == files
    assert "kado/delivery/templates/letter.mjml" in files
