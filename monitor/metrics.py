"""What a run does, in numbers for Prometheus: windows, gaps, latency, microphones. Never an activity.

Names follow https://prometheus.io/docs/practices/naming/: base units, `_total` for what only grows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Histogram, Info, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitor import __version__
from monitor.errors import Exit, MonitorError
from monitor.stream.messages import GapMessage, HealthMessage, LabelMessage, Message, State

ADDRESS = "127.0.0.1"
"""Levels tell when somebody is at home, so they stay on this machine; a proxy may take them further"""
PREFIX = "activity_monitor"
LATENCIES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Bounds of the buckets, seconds: from a fast machine to windows that wait for others"""


class Metrics:
    """A sink: counts every message of the daemon, and answers `http://127.0.0.1:PORT/metrics`.

    Args:
        port: TCP port.

    Raises:
        MonitorError: exit code 69 if the port is in use.
    """

    def __init__(self, port: int) -> None:
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        Info(f"{PREFIX}_build", "Version of the program", registry=registry).info({"version": __version__})
        self._windows = _counter(registry, "windows", "Windows with a label", "array")
        self._gaps = _counter(registry, "gaps", "Stretches of time without a label", "array", "reason")
        self._lost = _counter(registry, "gap_seconds", "Time without a label", "array", "reason")
        self._latency = Histogram(
            "publish_latency_seconds",
            "From the arrival of a window's last sample to its publication",
            ["array"],
            namespace=PREFIX,
            buckets=LATENCIES,
            registry=registry,
        )
        self._health = LastHealth()
        registry.register(self._health)
        try:
            self._server, self._thread = start_http_server(port, ADDRESS, registry)
        except OSError as exc:
            raise MonitorError(
                f"cannot serve metrics on {ADDRESS}:{port} ({exc.strerror}); choose another --metrics PORT",
                Exit.UNAVAILABLE,
            ) from exc

    def __call__(self, message: Message | None) -> None:
        """Take in a message."""
        if isinstance(message, LabelMessage):
            self._windows.labels(message.array).inc()
            self._latency.labels(message.array).observe(message.latency_ms / 1000.0)
        elif isinstance(message, GapMessage):
            self._gaps.labels(message.array, message.reason).inc()
            self._lost.labels(message.array, message.reason).inc(
                (message.end - message.start).total_seconds()
            )
        elif isinstance(message, HealthMessage):
            self._health.latest[message.array] = message

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class LastHealth(Collector):
    """Whatever the newest health message of each array says."""

    def __init__(self) -> None:
        self.latest: dict[str, HealthMessage] = {}
        """Array -> message; one thread writes it, others read"""

    def collect(self) -> Iterator[Metric]:
        """What is asked for with every scrape."""
        latest = list(self.latest.copy().values())
        yield _state(latest)
        yield from _microphones(latest)
        # The journal is one for all arrays: the greatest number is the newest.
        unjournalled = CounterMetricFamily(
            f"{PREFIX}_messages_unjournalled",
            "Messages that could not be written to the journal",
            value=max((message.unjournalled for message in latest), default=0),
        )
        queue = GaugeMetricFamily(
            f"{PREFIX}_queue_windows", "Windows that wait for recognition", labels=["array"]
        )
        skipped = CounterMetricFamily(
            f"{PREFIX}_windows_skipped", "Windows for which there was no time", labels=["array"]
        )
        drift = GaugeMetricFamily(
            f"{PREFIX}_clock_drift_ratio", "How much faster than nominal a card's clock is", labels=["array"]
        )
        for message in latest:
            queue.add_metric([message.array], message.queue)
            skipped.add_metric([message.array], message.skipped)
            if message.drift_ppm is not None:
                drift.add_metric([message.array], message.drift_ppm / 1e6)
        yield from (queue, unjournalled, skipped, drift)


def _counter(registry: CollectorRegistry, name: str, text: str, *labels: str) -> Counter:
    return Counter(name, text, labels, namespace=PREFIX, registry=registry)


def _state(latest: list[HealthMessage]) -> Metric:
    state = GaugeMetricFamily(f"{PREFIX}_array_state", "1 for the state it is in", labels=["array", "state"])
    for message in latest:
        for name in get_args(State):
            state.add_metric([message.array, name], float(message.state == name))
    return state


def _microphones(latest: list[HealthMessage]) -> Iterator[Metric]:
    labels = ["array", "channel"]
    level = GaugeMetricFamily(
        f"{PREFIX}_microphone_level_dbfs", "RMS of the last window; -120 is silence", labels=labels
    )
    faulty = GaugeMetricFamily(f"{PREFIX}_microphone_faulty", "1 if it is left out", labels=labels)
    for message in latest:
        for number, channel in enumerate(message.channels):
            level.add_metric([message.array, str(number)], channel.level_dbfs)
            faulty.add_metric([message.array, str(number)], float(channel.fault is not None))
    yield from (level, faulty)
