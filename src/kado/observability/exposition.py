"""What was counted, as Prometheus reads it. Only the process that is asked for it imports this."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from kado.observability.tally import Cells, Histogram, Meter, Snapshot


def exposed(meters: Mapping[str, Meter], total: Snapshot, accept: str) -> tuple[str, bytes]:
    """The content type and the text, in the form that the `Accept` header prefers."""
    registry = CollectorRegistry()
    registry.register(_Shown(meters, total))
    encode, content_type = choose_encoder(accept)
    return content_type, encode(registry)


class _Shown(Collector):
    """Hands the library what is there."""

    def __init__(self, meters: Mapping[str, Meter], total: Snapshot) -> None:
        self._meters = meters
        self._total = total

    def collect(self) -> Iterator[Metric]:
        for name, meter in self._meters.items():
            yield _family(meter, self._total.get(name, {}))

    def describe(self) -> Iterable[Metric]:
        return ()  # there is one registry for each look, and nothing that could clash


def _family(meter: Meter, cells: Cells) -> Metric:
    if not cells and not meter.labels and meter.kind == "counter":
        cells = {(): [0]}  # what has not happened yet is none, so that the first time is seen as a change
    if isinstance(meter, Histogram):
        return _histogram(meter, cells)
    make = CounterMetricFamily if meter.kind == "counter" else GaugeMetricFamily
    family = make(meter.name, meter.meaning, labels=meter.labels)
    for labels, (value,) in cells.items():
        family.add_metric(labels, value / meter.scale)
    return family


def _histogram(meter: Histogram, cells: Cells) -> Metric:
    family = HistogramMetricFamily(meter.name, meter.meaning, labels=meter.labels)
    bounds = [*(f"{step / meter.scale:.15g}" for step in meter.steps), "+Inf"]
    for labels, (*counts, total) in cells.items():
        family.add_metric(labels, list(zip(bounds, accumulate(counts), strict=True)), total / meter.scale)
    return family
