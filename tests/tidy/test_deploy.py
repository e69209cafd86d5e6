"""The files in `deploy/ha/`: what makes them safe stands there, and they fit together."""

import re
from pathlib import Path

HA = Path(__file__).resolve().parent.parent.parent / "deploy" / "ha"


def settings(name: str) -> dict[str, str]:
    """The plain settings of a file, whatever section they are in."""
    text = (HA / name).read_text()
    return dict(re.findall(r"^\s*([a-zA-Z_]+)(?:: |=)'?([^'#\n]+?)'?\s*$", text, re.MULTILINE))


def test_a_commit_that_was_acknowledged_has_a_second_copy() -> None:
    said = settings("patroni.yml")
    assert (said["synchronous_mode"], said["synchronous_mode_strict"]) == ("true", "true")
    assert said["synchronous_commit"] == "on"
    assert said["use_pg_rewind"] == "true"
    assert "data-checksums" in (HA / "patroni.yml").read_text()


def test_a_leader_in_good_health_keeps_its_office_when_etcd_is_slow() -> None:
    said = settings("patroni.yml")
    assert int(said["loop_wait"]) + 2 * int(said["retry_timeout"]) <= int(said["ttl"])


def test_no_statement_and_no_value_reaches_the_log() -> None:
    said = settings("patroni.yml")
    assert (said["log_statement"], said["log_min_error_statement"]) == ("none", "panic")
    assert (said["log_parameter_max_length"], said["log_parameter_max_length_on_error"]) == ("0", "0")
    assert said["log_error_verbosity"] == "terse"


def test_no_password_is_shipped() -> None:
    secrets = {name: value for name, value in settings("node.env").items() if name.endswith("_PASSWORD")}
    assert secrets == {}


def test_every_file_is_told_of() -> None:
    page = (HA / "README.md").read_text()
    for file in HA.iterdir():
        assert f"`{file.name}`" in page or file.name == "README.md", file.name
