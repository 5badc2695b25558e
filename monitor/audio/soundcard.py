"""The core's side of a sound card: starts, watches and replaces the capture process."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import IO, cast

import numpy as np
import numpy.typing as npt
import soxr

from monitor.audio.capture import HEADER
from monitor.audio.devices import last_line
from monitor.audio.sources import ArraySource, Block, CaptureLost, Gap, GapReason, SourceError
from monitor.errors import Exit, safe

log = logging.getLogger(__name__)

START_LIMIT = 10.0
"""Seconds until a capture process must have opened its device; PortAudio tries a busy one for a second"""
STALL_LIMIT = 1.0
"""Seconds without a block after which capture counts as stalled; blocks are 0.1 s"""
POLL = 0.1
"""Seconds between looks at `close`"""
FIRST_BACKOFF, LAST_BACKOFF = 0.25, 10.0
"""Seconds between attempts to reopen: soon after a hiccup, seldom while a device is unplugged"""
GAP_INTERVAL = 10.0
"""Seconds after which a gap that goes on is told again, as often as labels would come"""
TOLERANCE = 0.25
"""Seconds by which blocks may be late before samples count as lost. PortAudio periods do not fit our blocks,
which is worth 0.1 s, and a sound server may change its latency by 0.16 s while it runs (both measured)."""
CONFIRM = 1.0
"""Seconds that blocks must stay late: a queue that was only delayed catches up sooner"""
KEPT_WORDS = 4096
"""Bytes kept of what the capture process says on stderr"""
MAX_DRIFT = 500e-6
"""Most that a card's clock may be slower than CLOCK_MONOTONIC; cheap crystals are within 0.01 %"""


class SoundCard(ArraySource):
    """An array on a sound card, read by a process that is replaced whenever it fails.

    Frames are counted against CLOCK_MONOTONIC, since PortAudio does not report lost ones.

    Args:
        device: device string (`devices.py`).
        sample_rate: rate of the blocks, Hz; another device rate is resampled.
        channels: channels of the array.
        channel_map: channels of the device to take, counted from zero; empty to take all.

    Raises:
        SourceError: the device cannot be opened; exit codes 65, 69 or 77. Later it is retried for ever.
    """

    def __init__(
        self, device: str, sample_rate: int, channels: int, channel_map: tuple[int, ...] = ()
    ) -> None:
        self.device = device
        self.sample_rate = sample_rate
        self.channels = channels
        self._command = [sys.executable, "-m", "monitor.audio.capture", "--device", device]
        self._command += ["--sample-rate", str(sample_rate), "--channels", str(channels)]
        self._command += ["--channel-map", json.dumps(channel_map)]
        self._closed = threading.Event()
        self._capture = _Capture(self._command, self._closed)
        self._ledger = Ledger(sample_rate)

    def close(self) -> None:
        """End `records` and the capture process."""
        self._closed.set()
        self._capture.kill()

    def records(self) -> Iterator[Block | Gap]:
        """Blocks while audio arrives; a gap as soon as it is lost, and again until it is back."""
        reason: GapReason = "device_lost"
        while not self._closed.is_set():
            try:
                yield from self._ledger.account(self._received(), reason)
            except CaptureLost as exc:
                if self._closed.is_set():
                    return
                log.warning("%s: %s; reconnecting", safe(self.device), exc)
                reason = exc.reason
                self.connected = False
                self._capture.discard()
                yield from self._ledger.missing(time.monotonic(), reason)
                yield from self._reopen(reason)

    def _received(self) -> Iterator[tuple[float, npt.NDArray[np.float32]]]:
        capture, resampler = self._capture, None
        if capture.sample_rate != self.sample_rate:
            resampler = soxr.ResampleStream(
                capture.sample_rate, self.sample_rate, self.channels, dtype="float32"
            )
        while True:
            moment, frames = capture.block()
            if not self.connected:
                log.info("%s: listening again", safe(self.device))
                self.connected = True
            if resampler is not None:
                frames = resampler.resample_chunk(frames)
            yield moment, np.ascontiguousarray(frames.T)

    def _reopen(self, reason: GapReason) -> Iterator[Block | Gap]:
        """A fresh process has a fresh device list, so a card that was plugged in again is found."""
        backoff, told = FIRST_BACKOFF, time.monotonic()
        while not self._closed.wait(backoff):
            try:
                self._capture = _Capture(self._command, self._closed)
            except SourceError as exc:
                log.debug("%s: %s", safe(self.device), exc)
                if time.monotonic() - told >= GAP_INTERVAL:
                    told = time.monotonic()
                    yield from self._ledger.missing(told, reason)
                backoff = min(2 * backoff, LAST_BACKOFF)
            else:
                return


class Ledger:
    """Accounts for every sample, and tells lost ones from late ones by CLOCK_MONOTONIC.

    Blocks that come late are held until either later ones have caught up (a queue was delayed: nothing is
    lost) or `CONFIRM` seconds have passed (samples are lost before the first late block).

    Args:
        sample_rate: nominal rate, Hz. The true one may be up to `MAX_DRIFT` lower, or any higher.
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.end = 0  # index after the last sample that was accounted for
        self._due: float | None = None  # when that sample was captured, as the earliest blocks have shown
        self._held: list[tuple[float, npt.NDArray[np.float32]]] = []
        self._lateness: list[float] = []  # of each held block, seconds

    def account(
        self, received: Iterator[tuple[float, npt.NDArray[np.float32]]], reason: GapReason
    ) -> Iterator[Block | Gap]:
        """Blocks of one capture process on the sample clock, and gaps where samples are missing.

        Args:
            received: time of arrival (CLOCK_MONOTONIC, seconds) and samples `[channels, n]`.
            reason: why audio was missing before the first block, if it was.
        """
        started = False
        for moment, samples in received:
            if not started:
                began = moment - samples.shape[1] / self.sample_rate
                yield from self.missing(began, reason)
                self._due, started = began, True
            self._held.append((moment, samples))
            self._lateness.append(moment - self._due_after_held())
            if self._lateness[-1] <= TOLERANCE or moment - self._held[0][0] >= CONFIRM:
                yield from self._settle()

    def missing(self, until: float, reason: GapReason) -> Iterator[Block | Gap]:
        """What is held, then a gap up to the moment `until` (CLOCK_MONOTONIC, seconds)."""
        yield from self._settle()
        if self._due is not None and until > self._due:
            yield self._gap(until - self._due, reason)

    def _settle(self) -> Iterator[Block | Gap]:
        lost = min(self._lateness, default=0.0)
        if lost > TOLERANCE:
            yield self._gap(lost, "overflow")
        for moment, samples in self._held:
            duration = samples.shape[1] / self.sample_rate
            # The earliest arrivals show the clock; it may creep later by no more than a card's drift.
            self._due = min(moment, (self._due or 0.0) + duration * (1 + MAX_DRIFT))
            yield Block(samples, self.end, self._due)
            self.end += samples.shape[1]
        self._held, self._lateness = [], []

    def _gap(self, seconds: float, reason: GapReason) -> Gap:
        lost = round(seconds * self.sample_rate)
        gap = Gap(self.end, self.end + lost, reason)
        self.end = gap.end
        self._due = (self._due or 0.0) + lost / self.sample_rate
        return gap

    def _due_after_held(self) -> float:
        held = sum(int(samples.shape[1]) for _, samples in self._held)
        return (self._due or 0.0) + held / self.sample_rate


class _Capture:
    """One capture process and the pipe from it.

    Raises:
        SourceError: it did not open the device.
    """

    def __init__(self, command: list[str], closed: threading.Event) -> None:
        self._closed = closed
        self._buffer = bytearray()
        # A session of its own: Ctrl-C in the terminal is the core's business.
        try:
            self._process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as exc:  # out of processes, memory or files: for a while, let us hope
            raise SourceError(
                f"the capture process cannot be started: {exc.strerror}", Exit.UNAVAILABLE
            ) from exc
        self._stdout = cast("IO[bytes]", self._process.stdout)
        self._stderr = cast("IO[bytes]", self._process.stderr)
        os.set_blocking(self._stderr.fileno(), False)
        self._words = b""
        try:
            header = json.loads(self._line(START_LIMIT))
        except CaptureLost as exc:
            code = self._process.poll() or 0
            self.discard()
            known = {Exit.DATA, Exit.NO_PERMISSION}
            raise SourceError(str(exc), Exit(code) if code in known else Exit.UNAVAILABLE) from exc
        self.sample_rate = int(header["sample_rate"])
        self._channels = int(header["channels"])
        self._limit = START_LIMIT

    def block(self) -> tuple[float, npt.NDArray[np.float32]]:
        """The next block: time of arrival (CLOCK_MONOTONIC, seconds) and frames `[n, channels]`.

        Raises:
            CaptureLost: the process ended, or no block came in time.
        """
        moment, frames = HEADER.unpack(self._take(HEADER.size, self._limit))
        data = self._take(frames * self._channels * 4, self._limit)
        self._limit = STALL_LIMIT
        return moment, np.frombuffer(data, dtype=np.float32).reshape(frames, self._channels)

    def kill(self) -> None:
        """End the process, whatever state it is in; its pipe then reads as closed. From any thread."""
        self._process.kill()

    def discard(self) -> None:
        """Kill the process and release its pipes. Only from the thread that reads."""
        self.kill()
        self._process.wait()
        self._stdout.close()
        self._stderr.close()

    def _line(self, limit: float) -> bytes:
        while b"\n" not in self._buffer:
            self._fill(limit)
        length = self._buffer.index(b"\n") + 1
        return self._take(length, limit)

    def _take(self, size: int, limit: float) -> bytes:
        while len(self._buffer) < size:
            self._fill(limit)
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _fill(self, limit: float) -> None:
        pipe, deadline = self._stdout.fileno(), time.monotonic() + limit
        self._listen()
        while not select.select([pipe], [], [], POLL)[0]:
            if self._closed.is_set():
                raise CaptureLost("closed", "stopped")
            if time.monotonic() > deadline:
                raise CaptureLost(f"no samples for {limit:.0f} s", "stalled")
        data = os.read(pipe, 1 << 16)
        if not data:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
            self.kill()
            self._listen()
            words = last_line(self._words) or f"the capture process ended ({self._process.wait()})"
            raise CaptureLost(words, "device_lost")
        self._buffer += data

    def _listen(self) -> None:
        """Take what is on stderr: ALSA talks at times, and a full pipe would halt the process."""
        self._words = (self._words + (self._stderr.read() or b""))[-KEPT_WORDS:]
