"""Numbers for Prometheus: as its own parser reads them, from messages and from a whole run."""

from __future__ import annotations

import json
import math
import re
import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from monitor import daemon
from monitor.config import Settings
from monitor.errors import Exit, MonitorError
from monitor.metrics import Metrics
from monitor.stream.messages import ChannelHealth, HealthMessage, Message
from tests.toys import gap_message, health_message, label_message, tone, write_audio

GRAFANA = Path(__file__).parents[2] / "monitor" / "docs" / "grafana.json"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scrape(port: int) -> Samples:
    """(name, labels) -> value, as Prometheus sees them."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    return {
        (sample.name.removeprefix("activity_monitor_"), tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def metrics(port: int) -> Iterator[Metrics]:
    """Served on `port`."""
    with closing(Metrics(port)) as metrics:
        yield metrics


def health(seq: int, **fields: object) -> HealthMessage:
    """A health message with some fields changed."""
    message = health_message(seq)
    assert isinstance(message, HealthMessage)
    return replace(message, **fields)  # type: ignore[arg-type]


def test_every_message_is_counted(metrics: Metrics, port: int) -> None:
    """Labels with their latency, gaps with their reason and length; None is nothing."""
    for message in (label_message(1), label_message(2), gap_message(3), None):
        metrics(message)
    samples = scrape(port)
    array, gap = label_message(1).array, gap_message(3)
    by_reason = (("array", array), ("reason", gap.reason))
    assert samples["windows_total", (("array", array),)] == 2
    assert samples["publish_latency_seconds_count", (("array", array),)] == 2
    seconds = 2 * label_message(1).latency_ms / 1000.0
    assert samples["publish_latency_seconds_sum", (("array", array),)] == pytest.approx(seconds)
    assert samples["gaps_total", by_reason] == 1
    assert samples["gap_seconds_total", by_reason] == (gap.end - gap.start).total_seconds()


def test_the_newest_health_of_each_array_stands(metrics: Metrics, port: int) -> None:
    """States are one of all, faults 0 or 1, drift a ratio; the journal is one for all arrays."""
    channels = [ChannelHealth(-41.5, None), ChannelHealth(-120.0, "dead")]
    metrics(health(1, array="hall", state="starting"))
    metrics(health(2, array="hall", state="degraded", channels=channels, drift_ppm=-35.0, unjournalled=4))
    metrics(health(3, array="attic", state="listening", queue=3, skipped=7))
    samples = scrape(port)
    states = {key[1][1][1]: value for key, value in samples.items() if key[0] == "array_state"}
    assert set(states) == {"starting", "listening", "degraded", "reconnecting", "stopped"}
    assert [
        samples["array_state", (("array", "hall"), ("state", state))] for state in ("degraded", "starting")
    ] == [1, 0]
    assert samples["microphone_level_dbfs", (("array", "hall"), ("channel", "0"))] == -41.5
    assert samples["microphone_faulty", (("array", "hall"), ("channel", "0"))] == 0
    assert samples["microphone_faulty", (("array", "hall"), ("channel", "1"))] == 1
    assert samples["clock_drift_ratio", (("array", "hall"),)] == pytest.approx(-35e-6)
    assert ("clock_drift_ratio", (("array", "attic"),)) not in samples
    assert samples["queue_windows", (("array", "attic"),)] == 3
    assert samples["windows_skipped_total", (("array", "attic"),)] == 7
    assert samples["messages_unjournalled_total", ()] == 4


def test_a_run_answers_while_it_lasts_and_says_no_activity(
    toy_bundle: Path, tmp_path: Path, port: int
) -> None:
    """Two windows are replayed, counted and asked for; afterwards the port is free."""
    recording = write_audio(tmp_path / "a.wav", tone("low", 2.0))
    settings = Settings(
        replay=(str(recording),), bundle=toy_bundle, publish="none", speed=math.inf, metrics=port
    )
    seen: list[Samples] = []

    def sink(message: Message | None) -> None:
        if isinstance(message, HealthMessage) and message.state == "stopped":
            seen.append(scrape(port))

    daemon.run(settings, [sink], threading.Event())
    assert seen[0]["windows_total", (("array", "a"),)] == 2
    assert ("process_resident_memory_bytes", ()) in seen[0]
    assert "low" not in repr(seen[0])
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))


def test_a_port_in_use_is_said_in_one_line(metrics: Metrics, port: int) -> None:
    """Another monitor's metrics are there already."""
    with pytest.raises(MonitorError, match=rf"127.0.0.1:{port} \(.*\); choose another --metrics") as error:
        Metrics(port)
    assert error.value.exit_code == Exit.UNAVAILABLE
    assert metrics is not None


def test_the_dashboard_for_grafana_asks_for_what_there_is(metrics: Metrics, port: int) -> None:
    """Every name in its queries is served."""
    for message in (label_message(1), gap_message(2), health(3, drift_ppm=1.0)):
        metrics(message)
    served = {name for name, _ in scrape(port)}
    panels = json.loads(GRAFANA.read_text())["panels"]
    queries = " ".join(target["expr"] for panel in panels for target in panel["targets"])
    asked = set(re.findall(r"\b(?:activity_monitor|process)_\w+", queries))
    assert len(asked) > 8
    assert {name.removeprefix("activity_monitor_") for name in asked} <= served
