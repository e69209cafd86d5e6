"""Counts of several processes: added up, monotonic, and never lost or doubled when one ends."""

from prometheus_client.parser import text_string_to_metric_families

from kado.observability.exposition import exposed
from kado.observability.tally import Counter, Gauge, Histogram, Meter, Snapshot, Totals


def test_a_value_on_a_step_belongs_to_it() -> None:
    sizes = Histogram("size", "How large.", steps=(1, 2, 4))
    for value in (1, 2, 3, 4, 5):
        sizes.note(value)
    assert sizes.cells == {(): [1, 1, 2, 1, 15]}


def test_readers_are_asked_when_somebody_looks() -> None:
    gauge = Gauge("now", "What is now.", ("what",))
    gauge.show({("a",): 1})
    waiting = [3]
    gauge.read_from(lambda: {("a",): waiting[0], ("b",): 1})
    assert gauge.look() == {("a",): [4], ("b",): [1]}
    waiting[0] = 5
    assert gauge.look() == {("a",): [6], ("b",): [1]}
    assert gauge.cells == {("a",): [1]}


def test_processes_add_up_and_the_dead_stay_counted() -> None:
    meters = _meters()
    totals = Totals(meters)
    totals.hear("first", {"done_total": {(): [2]}, "open": {(): [7]}, "size": {(): [1, 0, 1]}})
    totals.hear("second", {"done_total": {(): [5]}, "open": {(): [1]}, "size": {(): [0, 1, 9]}})
    totals.hear("first", {"done_total": {(): [3]}, "open": {(): [8]}, "size": {(): [2, 0, 2]}})
    own: Snapshot = {"done_total": {(): [10]}}
    assert totals.together_with(own) == {"done_total": {(): [18]}, "open": {(): [9]}, "size": {(): [2, 1, 11]}}

    totals.has_ended("first")
    assert totals.together_with(own) == {"done_total": {(): [18]}, "open": {(): [1]}, "size": {(): [2, 1, 11]}}

    totals.hear("its successor", {"done_total": {(): [1]}})
    assert totals.together_with(own)["done_total"] == {(): [19]}
    totals.has_ended("one that never said a word")
    assert totals.together_with(own)["done_total"] == {(): [19]}
    assert own == {"done_total": {(): [10]}}, "what a process goes on counting is left alone"


def test_prometheus_reads_what_is_shown() -> None:
    meters = _meters()
    total: Snapshot = {"done_total": {(): [3]}, "size": {(): [2, 1, 2_500_000_000]}, "asked": {('a "b"\n',): [1]}}
    content_type, text = exposed(meters, total, "text/plain")
    assert content_type.startswith("text/plain")
    families = {family.name: family for family in text_string_to_metric_families(text.decode())}
    assert [(s.name, s.value) for s in families["done"].samples] == [("done_total", 3)]
    assert [(s.name, s.labels.get("le"), s.value) for s in families["size"].samples] == [
        ("size_bucket", "1", 2),
        ("size_bucket", "+Inf", 3),
        ("size_count", None, 3),
        ("size_sum", None, 2.5),
    ]
    assert families["asked"].samples[0].labels == {"who": 'a "b"\n'}


def test_what_has_not_happened_yet_is_none() -> None:
    text = exposed(_meters(), {}, "")[1].decode()
    assert "done_total 0.0" in text
    assert "open 0.0" not in text, "nobody knows yet how many there are"


def _meters() -> dict[str, Meter]:
    made = (
        Counter("done_total", "What was done."),
        Gauge("open", "What is open."),
        Gauge("asked", "Who asked.", ("who",)),
        Histogram("size", "How large.", steps=(1_000_000_000,), scale=1_000_000_000),
    )
    return {one.name: one for one in made}
