"""The loop: windows and gaps of every array -> labels -> journal, so that every second is accounted for."""

from __future__ import annotations

import logging
import math
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from monitor import clock
from monitor.audio.backlog import Backlog
from monitor.audio.health import Health, levels_dbfs
from monitor.audio.sources import ArraySource, Block, Gap, GapReason
from monitor.audio.symptoms import Fault
from monitor.audio.windows import Window, windows
from monitor.config import ConfigError, Settings, nearest, slug
from monitor.episodes import Episode, Episodes, Event, Moment
from monitor.errors import safe
from monitor.inference.graph import ModelError
from monitor.inference.manifest import Manifest
from monitor.inference.recognise import Recogniser, Recognition
from monitor.inference.smooth import UNKNOWN, Rules, rules
from monitor.stream.doorbell import Doorbell
from monitor.stream.journal import Journal
from monitor.stream.messages import (
    SILENT_DBFS,
    AudioTag,
    ChannelHealth,
    ChannelUse,
    EventMessage,
    GapMessage,
    HealthMessage,
    LabelMessage,
    MemberVote,
    Message,
    State,
)

log = logging.getLogger(__name__)

TICK = 0.2
"""Seconds between looks at the publisher, the arrays' states and a request to stop"""
CLOCK_STEP = 0.5
"""Seconds by which the wall clock must jump against `clock.now` to be followed"""
MAX_SLEW = 500e-6
"""Most by which the sample clock is corrected, seconds per second"""
HEALTH_INTERVAL = 10.0
"""Seconds between health messages of an array"""
DECIMALS = 6
"""Of probabilities; more would be noise that fills the journal"""
TAGS = 5
"""Classes of AudioSet that a label tells, of 527"""
HEALTH_PAUSE = 1.0
"""A label brings a health message, with the levels of its window, unless there was one so few seconds ago"""

Sink = Callable[[Message | None], None]
"""Takes every message once it is in the journal; None says that there is nothing new for now"""


@dataclass(eq=False)
class Array:
    """An array and what is known of it. The reader thread writes `error` and the first `anchor`."""

    name: str
    source: ArraySource
    live: bool
    """A sound card, which cannot wait"""
    anchor: tuple[int, float] | None = None
    """An index of the sample clock, and when its sample was captured (`clock.now`, seconds)"""
    error: Exception | None = None
    """Why the array ended early"""
    ended: bool = False
    covered: int = 0
    """Every sample before it was published in a label or gap"""
    labelled: int = 0
    """Index after the last sample that is in a label"""
    heard: int = 0
    """Every sample before it was in a window or gap of the source"""
    reason: GapReason = "overload"
    """Why the last window without a label has none"""
    episodes: Episodes = field(init=False)
    """Made by the core, which knows the rules"""
    windows: int = 0
    gaps: int = 0
    levels: list[float] = field(default_factory=list)
    faults: dict[int, Fault] = field(default_factory=dict)
    state: State = "starting"
    health_due: float = 0.0
    """CLOCK_MONOTONIC, seconds"""
    microphones: Health = field(init=False)

    def __post_init__(self) -> None:
        self.microphones = Health(self.source.sample_rate)

    def captured(self, index: int) -> float:
        """When the sample at `index` was captured, by the sample clock from the anchor (`clock.now`)."""
        start, moment = self.anchor or (0, clock.now())
        return moment + (index - start) / self.source.sample_rate

    def follow(self, index: int, moment: float) -> None:
        """Take note that the sample at `index` was captured at `moment`.

        A card's clock is off by some ppm, which is minutes in a month. The sample clock follows slowly, so
        that a sound server's changes of latency do not bend the length of a window by more than 0.05 %.
        """
        expected = self.captured(index)
        most = MAX_SLEW * (index - (self.anchor or (0, 0.0))[0]) / self.source.sample_rate
        self.anchor = (index, min(max(moment, expected - most), expected + most))


class Core:
    """Item from the backlog -> recognise -> journal -> publisher and sinks, until every array has ended."""

    def __init__(
        self,
        settings: Settings,
        *,
        recogniser: Recogniser,
        arrays: list[Array],
        journal: Journal,
        doorbell: Doorbell | None,
        sinks: Sequence[Sink],
    ) -> None:
        self.recogniser = recogniser
        self.manifest = recogniser.bundle.manifest
        self.arrays = arrays
        self.journal = journal
        self.doorbell = doorbell
        self.sinks = sinks
        self.node = settings.node or slug(socket.gethostname())
        self.max_windows = settings.max_windows or math.inf
        self.hop = _hop(settings, self.manifest)
        self.unknown_below = _unknown_below(settings, self.manifest)
        activities = _rules(settings, self.manifest)
        for array in arrays:
            array.episodes = Episodes(activities)
        self.boot_id = uuid.uuid4().hex
        self.backlog: Backlog[Array] = Backlog(self.hop)
        self.started = time.monotonic()
        self.wall_offset = time.time() - clock.now()
        self.stopping = False
        self._cpu = (self.started, time.process_time())
        self._cpu_percent = 0.0

    def run(self, stop: threading.Event) -> None:
        """Run until every array has ended; `stop` ends them."""
        threads = [threading.Thread(target=self._read, args=(array,), daemon=True) for array in self.arrays]
        for array in self.arrays:
            self._health(array, "starting")
        for thread in threads:
            thread.start()
        try:
            while not all(array.ended for array in self.arrays):
                entry = self.backlog.get(TICK)
                if stop.is_set() and not self.stopping:
                    self._stop()
                if entry is not None:
                    self._handle(*entry)
                self._tick()
        finally:
            self._stop()

    # Reader threads: one per array.

    def _read(self, array: Array) -> None:
        try:
            with closing(windows(self._stamped(array), self.manifest.window, self.hop)) as items:
                count = 0
                for item in items:
                    self.backlog.put(array, item, live=array.live)
                    count += isinstance(item, Window)
                    if count >= self.max_windows:
                        break
        except Exception as exc:  # noqa: BLE001 - to be raised by the main thread
            array.error = exc
        array.source.close()
        self.backlog.put(array, None, live=array.live)

    def _stamped(self, array: Array) -> Iterator[Block | Gap]:
        for record in array.source.records():
            if array.anchor is None and isinstance(record, Block):
                array.anchor = (record.end, record.time)
            yield record

    # Main thread.

    def _stop(self) -> None:
        self.stopping = True
        self.backlog.stop()
        for array in self.arrays:
            array.source.close()

    def _handle(self, array: Array, item: Window | Gap | None) -> None:
        if item is None:
            self._fill_hole(array, array.heard)
            self._publish_events(array, array.episodes.end(array.labelled, partial(self._moment, array)))
            array.ended = True
            self._health(array, "stopped")
            return
        array.heard = max(array.heard, item.end)
        if isinstance(item, Gap):
            self._gap(array, item.start, item.end, item.reason)
        elif self.stopping:
            self._unlabelled(array, item, "stopped")
        else:
            self._window(array, item)

    def _window(self, array: Array, window: Window) -> None:
        """Recognise the healthy channels of a window and publish a label, or a gap if there is none."""
        received = window.samples[:, : window.end - window.start]
        array.faults = array.microphones.update(received, window.start)
        array.levels = levels_dbfs(received).tolist()
        used = [channel for channel in range(len(received)) if channel not in array.faults]
        if not used:
            self._unlabelled(array, window, "no_healthy_channel")
            return
        if all(array.levels[channel] == SILENT_DBFS for channel in used):  # muted, or cut by a noise gate
            self._unlabelled(array, window, "digital_silence")
            return
        try:
            recognition = self.recogniser.recognise(window.samples[used])
        except ModelError as exc:
            log.error("%s: %s", array.name, exc)
            self._unlabelled(array, window, "model_error")
            return
        self._fill_hole(array, window.start)
        array.covered = array.labelled = window.end
        array.windows += 1
        start = self._utc(array, window.start)
        when = partial(self._moment, array)
        episode, events = array.episodes.hear(recognition.scores, window.start, window.end, when)
        if array.live:
            array.follow(window.received, window.time)
        self._publish_events(array, events)
        self._publish(self._label(array, window, used, recognition, start=start, episode=episode))
        if time.monotonic() >= array.health_due - HEALTH_INTERVAL + HEALTH_PAUSE:
            self._health(array, self._state(array))

    def _label(
        self,
        array: Array,
        window: Window,
        used: list[int],
        recognition: Recognition,
        *,
        start: datetime,
        episode: Episode,
    ) -> LabelMessage:
        labels = self.manifest.labels
        best = int(recognition.scores.argmax())
        confidence = float(recognition.scores[best])
        label = UNKNOWN if confidence < self.unknown_below else labels[best]
        power = np.mean([10.0 ** (array.levels[channel] / 10.0) for channel in used])
        return LabelMessage(
            **self._common(array),
            start=start,
            end=self._utc(array, window.end),
            label=label,
            confidence=round(confidence, DECIMALS),
            scores=dict(zip(labels, _rounded(recognition.scores), strict=True)),
            stable=episode.activity,
            since=episode.began.utc,
            level_dbfs=round(float(10.0 * np.log10(power)), 2),
            valid_fraction=window.valid_fraction,
            channels=ChannelUse(used, {str(channel): fault for channel, fault in array.faults.items()}),
            members={
                name: MemberVote(labels[int(scores.argmax())], round(float(scores.max()), DECIMALS))
                for name, scores in recognition.members.items()
            },
            latency_ms=round(1000.0 * (clock.now() - window.time), 3),
            model=self.recogniser.bundle.model_id,
            file=None if window.file is None else safe(window.file),
            tags=_tags(recognition),
        )

    def _unlabelled(self, array: Array, window: Window, reason: GapReason) -> None:
        # With overlapping windows, what follows the first hop may still get a label from the next window.
        self._gap(array, window.start, min(window.start + self.hop, window.end), reason)

    def _gap(self, array: Array, start: int, end: int, reason: GapReason) -> None:
        self._fill_hole(array, start)
        array.reason = reason
        self._publish_gap(array, end, reason)

    def _fill_hole(self, array: Array, start: int) -> None:
        """Account for the rest of a window without a label that no later window covers."""
        self._publish_gap(array, start, array.reason)

    def _publish_gap(self, array: Array, end: int, reason: GapReason) -> None:
        lost = end - array.covered
        if lost <= 0:
            return
        start, array.covered = array.covered, end
        array.gaps += 1
        events = array.episodes.miss(array.labelled, end, partial(self._moment, array))
        self._publish_events(array, events)
        self._publish(
            GapMessage(
                **self._common(array),
                start=self._utc(array, start),
                end=self._utc(array, end),
                reason=reason,
                lost_samples=lost,
            )
        )

    def _publish_events(self, array: Array, events: list[Event]) -> None:
        for event in events:
            self._publish(EventMessage(**self._common(array), **event))

    def _moment(self, array: Array, index: int) -> Moment:
        return Moment(array.captured(index), self._utc(array, index))

    def _utc(self, array: Array, index: int) -> datetime:
        return datetime.fromtimestamp(array.captured(index) + self.wall_offset, UTC)

    def _tick(self) -> None:
        self._follow_wall_clock()
        if self.doorbell is not None:
            self.doorbell.supervise()
        for array in self.arrays:
            state = self._state(array)
            if state != array.state or time.monotonic() >= array.health_due:
                self._health(array, state)
        for sink in self.sinks:
            sink(None)

    def _follow_wall_clock(self) -> None:
        """Adopt a wall clock that was set: by hand, or at boot without a battery."""
        offset = time.time() - clock.now()
        if abs(offset - self.wall_offset) > CLOCK_STEP:
            log.warning("the wall clock was set by %+.1f s; labels follow it", offset - self.wall_offset)
            self.wall_offset = offset

    def _state(self, array: Array) -> State:
        if array.ended:
            return "stopped"
        if not array.source.connected:
            return "reconnecting"
        if array.anchor is None:
            return "starting"
        return "listening" if self.journal.writable and not array.faults else "degraded"

    def _health(self, array: Array, state: State) -> None:
        now, drift = time.monotonic(), array.source.drift_ppm
        array.state, array.health_due = state, now + HEALTH_INTERVAL
        self._publish(
            HealthMessage(
                **self._common(array),
                state=state,
                channels=[
                    ChannelHealth(round(level, 2), array.faults.get(channel))
                    for channel, level in enumerate(array.levels)
                ],
                windows=array.windows,
                gaps=array.gaps,
                queue=self.backlog.waiting(array),
                uptime_s=round(now - self.started, 3),
                cpu_percent=self._measured_cpu_percent(now),
                rss_mb=round(_resident_bytes() / 1e6, 1),
                durable=self.journal.writable,
                unjournalled=self.journal.unstored,
                skipped=self.backlog.skipped(array),
                drift_ppm=None if drift is None else round(drift, 1),
            )
        )

    def _measured_cpu_percent(self, now: float) -> float:
        """Of one core, over the time since the measurement before, at least a second ago."""
        elapsed, cpu = now - self._cpu[0], time.process_time()
        if elapsed >= 1.0:
            self._cpu_percent = round(100.0 * (cpu - self._cpu[1]) / elapsed, 1)
            self._cpu = (now, cpu)
        return self._cpu_percent

    def _common(self, array: Array) -> dict[str, Any]:
        seq = self.journal.last_seq + 1
        return {
            "id": f"{self.boot_id}-{seq}",
            "boot_id": self.boot_id,
            "seq": seq,
            "node": self.node,
            "array": array.name,
            "published": datetime.now(UTC),
        }

    def _publish(self, message: Message) -> None:
        entry = self.journal.append(message)
        if self.doorbell is not None:
            self.doorbell.ring(None if self.journal.writable else entry)
        for sink in self.sinks:
            sink(message)


def _rounded(scores: npt.NDArray[np.floating]) -> list[float]:
    return [round(score, DECIMALS) for score in scores.tolist()]


def _tags(recognition: Recognition) -> list[AudioTag] | None:
    if recognition.tags is None:
        return None
    best = (-recognition.tags).argsort(kind="stable")[:TAGS].tolist()
    return [AudioTag(index, round(float(recognition.tags[index]), DECIMALS)) for index in best]


def _hop(settings: Settings, manifest: Manifest) -> int:
    hop = manifest.window if settings.hop is None else round(settings.hop * manifest.sample_rate)
    if not 0 < hop <= manifest.window:
        limit = f"{manifest.window_seconds:g} s, the window of bundle {safe(manifest.name)}"
        raise ConfigError(f"a hop of {settings.hop:g} s is not within {limit}")
    return hop


def _unknown_below(settings: Settings, manifest: Manifest) -> float:
    if settings.unknown_below and UNKNOWN in manifest.labels:
        raise ConfigError(
            f"bundle {safe(manifest.name)} has a class called {UNKNOWN!r} itself, so it cannot be used with "
            "--unknown-below; leave that out"
        )
    return settings.unknown_below


def _rules(settings: Settings, manifest: Manifest) -> Rules:
    known = [*manifest.labels, *([UNKNOWN] if settings.unknown_below else [])]
    durations = {}
    for name, seconds in settings.min_duration:
        if name not in known:
            text = f"min_duration: bundle {safe(manifest.name)} has no activity {safe(name)}"
            raise ConfigError(text + nearest(name, known))
        durations[name] = round(seconds * manifest.sample_rate)
    return rules(manifest.labels, manifest.window, unknown_below=settings.unknown_below, durations=durations)


def _resident_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:  # not Linux
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
