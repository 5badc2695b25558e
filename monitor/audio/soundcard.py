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

from monitor import clock
from monitor.audio.capture import HEADER, MAGIC
from monitor.audio.cards import Card, read_cards
from monitor.audio.devices import blocked, last_line
from monitor.audio.ledger import Arrival, Ledger
from monitor.audio.mute import Mute
from monitor.audio.sources import ArraySource, Block, CaptureLost, Gap, GapReason, SourceError
from monitor.errors import Exit, safe

log = logging.getLogger(__name__)

START_LIMIT = 10.0
"""Seconds until a capture process must have opened its device; PortAudio tries a busy one for a second"""
STALL_LIMIT = 1.0
"""Seconds without a block after which capture counts as stalled. Blocks are 0.1 s; with a load of 11 on two
cores none of a thousand took longer than 0.21 s, or 1.5 s where the load went first (nice 10)"""
POLL = 0.1
"""Seconds between looks at `close`"""
FIRST_BACKOFF, LAST_BACKOFF = 0.25, 10.0
"""Seconds between attempts to reopen: soon after a hiccup, seldom after a while, since each starts a process
(0.15 s of a core). A card whose obstacle the kernel shows is tried as soon as that has changed"""
BLIND_BACKOFF = 3.0
"""The longest where nobody says that the device is back, as behind a sound server: to be heard within 5 s"""
LOOK = 0.5
"""Seconds between looks at the cards while one is waited for; a look takes less than a millisecond"""
GAP_INTERVAL = 10.0
"""Seconds after which a gap that goes on is told again, as often as labels would come"""
PIPE_BYTES = 1 << 20
"""Room in the pipe for what comes while the core is busy or stopped: four seconds of four channels"""
KEPT_WORDS = 4096
"""Bytes kept of what the capture process says on stderr"""
SILENT = "nothing but zeros; is it muted?"
SOUNDS = "listening again"


class SoundCard(ArraySource):
    """An array on a sound card, read by a process that is replaced whenever it fails.

    What is lost on the way is found by `ledger.py`, a muted card by `mute.py`.

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
        self._mute = Mute(sample_rate)
        self._alive = True
        self._backoff = FIRST_BACKOFF

    @property
    def connected(self) -> bool:
        """Samples are arriving, and not only zeros."""
        return self._alive and not self._mute.muted

    @property
    def drift_ppm(self) -> float | None:
        """How much faster than nominal the card is; None while that is not known."""
        return self._ledger.drift.ppm

    def close(self) -> None:
        """End `records` and the capture process."""
        self._closed.set()
        self._capture.kill()

    def records(self) -> Iterator[Block | Gap]:
        """Blocks while audio arrives; a gap as soon as it is lost, and again until it is back."""
        for record in self._accounted():
            muted = self._mute.muted
            yield from self._mute.filter(record)
            if self._mute.muted != muted:
                log.warning("%s: %s", safe(self.device), SOUNDS if muted else SILENT)

    def _accounted(self) -> Iterator[Block | Gap]:
        reason: GapReason = "device_lost"
        while not self._closed.is_set():
            try:
                yield from self._ledger.account(self._received(), reason)
            except CaptureLost as exc:
                if self._closed.is_set():
                    return
                log.warning("%s: %s; reconnecting", safe(self.device), exc)
                reason = exc.reason
                self._alive = False
                self._capture.discard()
                yield from self._ledger.missing(clock.now(), reason)
                yield from self._reopen(reason)

    def _received(self) -> Iterator[Arrival]:
        capture, resampler = self._capture, None
        if capture.sample_rate != self.sample_rate:
            resampler = soxr.ResampleStream(
                capture.sample_rate, self.sample_rate, self.channels, dtype="float32"
            )
        while True:
            moment, overflow, frames = capture.block()
            if not self._alive:
                log.info("%s: listening again", safe(self.device))
            self._alive, self._backoff = True, FIRST_BACKOFF
            if resampler is not None:
                frames = resampler.resample_chunk(frames)
            yield Arrival(moment, np.ascontiguousarray(frames.T), overflow)

    def _reopen(self, reason: GapReason) -> Iterator[Block | Gap]:
        """A fresh process has a fresh device list, so a card that was plugged in again is found."""
        told, said, seen = time.monotonic(), "", read_cards()
        while self._pause(seen):
            if time.monotonic() - told >= GAP_INTERVAL:
                told = time.monotonic()
                yield from self._ledger.missing(clock.now(), reason)
            seen = read_cards()
            try:
                self._capture = _Capture(self._command, self._closed)
            except SourceError as exc:
                if str(exc) != said and not self._closed.is_set():
                    log.warning("%s: %s; trying again", safe(self.device), exc)
                said = str(exc)
            else:
                return

    def _pause(self, seen: list[Card]) -> bool:
        """Wait for the next attempt, or until the cards are not as `seen` before it; False if closed."""
        longest = LAST_BACKOFF if blocked(self.device, seen) else BLIND_BACKOFF
        deadline = time.monotonic() + min(self._backoff, longest)
        # Not reset by a device that opens but gives nothing.
        self._backoff = min(2 * self._backoff, LAST_BACKOFF)
        while (left := deadline - time.monotonic()) > 0:
            if self._closed.wait(min(left, LOOK)):
                return False
            if read_cards() != seen:
                self._backoff = FIRST_BACKOFF
                break
        return not self._closed.is_set()


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
                pipesize=PIPE_BYTES,
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
            self.sample_rate, self._channels = int(header["sample_rate"]), int(header["channels"])
        except (ValueError, TypeError, KeyError) as exc:
            self.discard()
            raise SourceError("the capture process sent what is no header", Exit.UNAVAILABLE) from exc
        except CaptureLost as exc:
            code = self._process.poll() or 0
            self.discard()
            known = {Exit.DATA, Exit.NO_PERMISSION}
            raise SourceError(str(exc), Exit(code) if code in known else Exit.UNAVAILABLE) from exc
        self._limit = START_LIMIT

    def block(self) -> tuple[float, bool, npt.NDArray[np.float32]]:
        """The next block: time of arrival (`clock.now`, seconds), overflow before it, frames `[n, channels]`.

        Raises:
            CaptureLost: the process ended, no block came in time, or what came is none.
        """
        magic, moment, overflow, frames = HEADER.unpack(self._take(HEADER.size, self._limit))
        if magic != MAGIC:
            raise CaptureLost("the capture process sent what is no block", "device_lost")
        data = self._take(frames * self._channels * 4, self._limit)
        self._limit = STALL_LIMIT
        return moment, overflow, np.frombuffer(data, dtype=np.float32).reshape(frames, self._channels)

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
        left = limit
        while not select.select([pipe], [], [], max(0.0, min(POLL, left)))[0]:
            if self._closed.is_set():
                raise CaptureLost("closed", "stopped")
            if left <= 0:  # and a look after that: that the core was not scheduled is not the card's fault
                raise CaptureLost(f"no samples for {limit:.0f} s", "stalled")
            left = deadline - time.monotonic()
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
