"""Dashboard and alerts ask for what there is, and each alert says what to do."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.tidy.test_docs import _anchors

from kado.observability.meters import METERS
from kado.observability.tally import Histogram

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "observability"
DASHBOARD = json.loads((FOLDER / "grafana-dashboard.json").read_text())
RULES = [rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]

LABELS_OF_PROMETHEUS = {"job", "instance", "le"}
# What a selector asks for: the name, and the labels by which it narrows.
_SELECTOR = re.compile(r"\b(kado_[a-z_]+)(?:\{([^}]*)\})?")
_LABEL = re.compile(r"([a-z_]+)(?:=~|!~|!=|=)\"")
_GROUPED = re.compile(r"\bby \(([^)]*)\)")


def expressions() -> Iterator[tuple[str, str]]:
    for panel in PANELS:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for rule in RULES:
        yield rule["alert"], rule["expr"]


def series() -> dict[str, set[str]]:
    """Every name that Prometheus knows, with its labels."""
    found: dict[str, set[str]] = {}
    for meter in METERS.values():
        ends = ("_bucket", "_count", "_sum") if isinstance(meter, Histogram) else ("",)
        found |= {meter.name + end: {*meter.labels, *LABELS_OF_PROMETHEUS} for end in ends}
    return found


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_what_is_asked_for_is_there(where: str, expression: str) -> None:
    known = series()
    asked = _SELECTOR.findall(expression)
    assert asked or "up{" in expression, where
    grouped = {label.strip() for labels in _GROUPED.findall(expression) for label in labels.split(",")}
    for name, labels in asked:
        assert name in known, f"{where} asks for {name}"
        assert {*_LABEL.findall(labels), *grouped} <= known[name], f"{where}: labels of {name}"


def test_every_metric_that_calls_for_somebody_is_drawn_or_rings() -> None:
    asked = {name for _, expression in expressions() for name, _ in _SELECTOR.findall(expression)}
    shown = {
        meter.name for meter in METERS.values() if {meter.name, f"{meter.name}_bucket", f"{meter.name}_sum"} & asked
    }
    # What a person looks up beside a picture.
    unseen = {"kado_info", "kado_processes", "kado_process_open_files", "kado_reading_seconds", "kado_task_runs_total"}
    unseen |= {"kado_jobs", "kado_jobs_done_total", "kado_messages_sent_total", "kado_events_sent_total"}
    unseen |= {"kado_wallets_told_total"}
    assert METERS.keys() - shown == unseen


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_it_means_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"].endswith(".")
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert anchor == rule["alert"].lower()
    assert anchor in _anchors(ROOT / page)


def test_the_dashboard_is_one_that_grafana_reads() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        area = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not area & taken, f"{panel['title']} lies on another panel"
        taken |= area
    for panel in PANELS:
        assert panel["title"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
