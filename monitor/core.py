"""The loop: windows and gaps of every array -> labels -> journal, so that every second is accounted for."""

from __future__ import annotations

import logging
import math
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from functools import partial

import numpy as np

from monitor import choices, clock
from monitor.array import Array
from monitor.audio.backlog import Backlog
from monitor.audio.health import levels_dbfs
from monitor.audio.sources import Block, Gap, GapReason
from monitor.audio.windows import Window, windows
from monitor.config import Settings, slug
from monitor.episodes import Episode, Episodes, Event, Moment
from monitor.errors import safe
from monitor.inference.graph import ModelError
from monitor.inference.recognise import Recogniser, Recognition
from monitor.load import Load, resident_bytes
from monitor.outlet import Outlet, Sink
from monitor.stream.doorbell import Doorbell
from monitor.stream.journal import Journal
from monitor.stream.messages import (
    SILENT_DBFS,
    ChannelHealth,
    ChannelUse,
    EventMessage,
    GapMessage,
    HealthMessage,
    LabelMessage,
    State,
)
from monitor.verdict import verdict

log = logging.getLogger(__name__)

TICK = 0.2
"""Seconds between looks at the publisher, the arrays' states and a request to stop"""
HEALTH_INTERVAL = 10.0
"""Seconds between health messages of an array"""
HEALTH_PAUSE = 1.0
"""A label brings a health message, with the levels of its window, unless there was one so few seconds ago"""


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
        self.outlet = Outlet(settings.node or slug(socket.gethostname()), journal, doorbell, sinks)
        self.max_windows = settings.max_windows or math.inf
        self.hop = choices.hop(settings, self.manifest)
        self.rules = choices.rules(settings, self.manifest)
        for array in arrays:
            array.episodes = Episodes(self.rules)
        self.backlog: Backlog[Array] = Backlog(self.hop)
        self.load = Load()
        self.wall_clock = clock.WallClock()
        self.stopping = False

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
        self.outlet.publish(self._label(array, window, used, recognition, start=start, episode=episode))
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
        return LabelMessage(
            **self.outlet.common(array.name),
            **verdict(recognition, self.manifest.labels, self.rules.unknown_below),
            start=start,
            end=self._utc(array, window.end),
            stable=episode.activity,
            since=episode.began.utc,
            level_dbfs=round(_mean_dbfs([array.levels[channel] for channel in used]), 2),
            valid_fraction=window.valid_fraction,
            channels=ChannelUse(used, {str(channel): fault for channel, fault in array.faults.items()}),
            latency_ms=round(1000.0 * (clock.now() - window.time), 3),
            model=self.recogniser.bundle.model_id,
            file=None if window.file is None else safe(window.file),
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
        self.outlet.publish(
            GapMessage(
                **self.outlet.common(array.name),
                start=self._utc(array, start),
                end=self._utc(array, end),
                reason=reason,
                lost_samples=lost,
            )
        )

    def _publish_events(self, array: Array, events: list[Event]) -> None:
        for event in events:
            self.outlet.publish(EventMessage(**self.outlet.common(array.name), **event))

    def _moment(self, array: Array, index: int) -> Moment:
        return Moment(array.captured(index), self._utc(array, index))

    def _utc(self, array: Array, index: int) -> datetime:
        return self.wall_clock.utc(array.captured(index))

    def _tick(self) -> None:
        self.wall_clock.follow()
        self.outlet.tick()
        for array in self.arrays:
            state = self._state(array)
            if state != array.state or time.monotonic() >= array.health_due:
                self._health(array, state)

    def _state(self, array: Array) -> State:
        if array.ended:
            return "stopped"
        if not array.source.connected:
            return "reconnecting"
        if array.anchor is None:
            return "starting"
        return "listening" if self.journal.writable and not array.faults else "degraded"

    def _health(self, array: Array, state: State) -> None:
        drift = array.source.drift_ppm
        array.state, array.health_due = state, time.monotonic() + HEALTH_INTERVAL
        self.outlet.publish(
            HealthMessage(
                **self.outlet.common(array.name),
                state=state,
                channels=[
                    ChannelHealth(round(level, 2), array.faults.get(channel))
                    for channel, level in enumerate(array.levels)
                ],
                windows=array.windows,
                gaps=array.gaps,
                queue=self.backlog.waiting(array),
                uptime_s=round(self.load.uptime(), 3),
                cpu_percent=round(self.load.cpu_percent(), 1),
                rss_mb=round(resident_bytes() / 1e6, 1),
                durable=self.journal.writable,
                unjournalled=self.journal.unstored,
                skipped=self.backlog.skipped(array),
                drift_ppm=None if drift is None else round(drift, 1),
            )
        )


def _mean_dbfs(levels: list[float]) -> float:
    """Of the power."""
    return float(10.0 * np.log10(np.mean([10.0 ** (level / 10.0) for level in levels])))
