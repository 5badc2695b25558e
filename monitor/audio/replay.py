"""Audio files played as an array, paced like a sound card or as fast as possible."""

from __future__ import annotations

import itertools
import logging
import math
import os
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from monitor import clock
from monitor.audio.headers import cut_off, read_wav
from monitor.audio.sources import ArraySource, Block, Gap, SourceError, select_channels
from monitor.errors import Exit, safe

log = logging.getLogger(__name__)

SUFFIXES = {".wav", ".flac", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".au", ".caf", ".w64", ".rf64"}
"""What is taken from a folder; a file that is named itself may have any name"""
BLOCK_SECONDS = 0.1
RATES = range(4000, 192_001)
"""Sample rates that are believed, hertz"""
_UNFINISHED = "is an unfinished recording: its header {} (repair it, for example with sox)"
_UNKNOWN = (1 << 63) - 1
"""Frames of a FLAC that was written to a pipe"""


class Replay(ArraySource):
    """A file, or the files of a folder in the order of their names, as one array.

    Each file begins right after the one before it on the sample clock, but no window spans two files. A
    single file in a loop has no such break.

    Args:
        path: file or folder.
        sample_rate: rate of the blocks, Hz; files of other rates are resampled (soxr, high quality).
        channels: channels of the array.
        channel_map: channels to take from each file, counted from zero; empty to take all.
        mono_to_all: play a mono file on all channels.
        speed: 1 for real time, `math.inf` for as fast as possible.
        loop: begin again at the end.

    Raises:
        SourceError: exit code 66 if there is no audio, 77 if it may not be read, 65 if it cannot be used.
    """

    def __init__(
        self,
        path: Path,
        sample_rate: int,
        channels: int,
        *,
        channel_map: tuple[int, ...] = (),
        mono_to_all: bool = False,
        speed: float = 1.0,
        loop: bool = False,
    ) -> None:
        self.sample_rate = sample_rate
        self.channels = channels
        self.speed = speed
        self.loop = loop
        self.files = _audio_files(path)
        self._closed = threading.Event()
        self._end = 0
        self._selection = {}
        for file in self.files:
            with _open(file) as audio:
                _warn_if_cut_off(audio, file)
                self._selection[file] = select_channels(
                    safe(file.name), audio.channels, channels, channel_map, mono_to_all=mono_to_all
                )

    def close(self) -> None:
        """End `records` at the next block."""
        self._closed.set()

    def records(self) -> Iterator[Block | Gap]:
        """Blocks of at most 0.1 s; an empty gap `end_of_file` where a window must not go on."""
        began = time.monotonic()
        rounds = itertools.count() if self.loop else range(1)
        for _ in rounds:
            for file in self.files:
                for samples in self._read(file):
                    self._wait_until(began + (self._end + samples.shape[1]) / self.sample_rate / self.speed)
                    if self._closed.is_set():
                        return
                    yield Block(samples, self._end, clock.now(), file.name)
                    self._end += samples.shape[1]
                if not (self.loop and len(self.files) == 1):
                    yield Gap(self._end, self._end, "end_of_file")

    def _read(self, file: Path) -> Iterator[npt.NDArray[np.float32]]:
        """Samples `[channels, n]` of one file at the array's rate, in blocks."""
        with _open(file) as audio:
            chunk = math.ceil(BLOCK_SECONDS * audio.samplerate)
            resampler = None
            if audio.samplerate != self.sample_rate:
                resampler = soxr.ResampleStream(
                    audio.samplerate, self.sample_rate, self.channels, dtype="float32"
                )
            last = False
            while not last:
                try:
                    samples = audio.read(chunk, dtype="float32", always_2d=True)[:, self._selection[file]]
                except (soundfile.LibsndfileError, RuntimeError) as exc:
                    raise SourceError(
                        f"{safe(file.name)} is damaged after {audio.tell()} frames: {exc}"
                    ) from exc
                last = len(samples) < chunk
                if resampler is not None:
                    samples = resampler.resample_chunk(samples, last=last)
                if len(samples):
                    yield np.ascontiguousarray(samples.T)
            if (end := audio.tell()) < audio.frames:
                raise SourceError(f"{safe(file.name)} breaks off after {end} of {audio.frames} frames")

    def _wait_until(self, deadline: float) -> None:
        if math.isfinite(self.speed):
            self._closed.wait(max(0.0, deadline - time.monotonic()))


def _audio_files(path: Path) -> list[Path]:
    shown = safe(str(path))
    try:
        if path.is_dir():
            files = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file())
            if not files:
                raise SourceError(f"no audio files in the folder {shown}", Exit.NO_INPUT)
            return files
        if not stat.S_ISREG(path.stat().st_mode):
            raise SourceError(f"{shown} is neither a file nor a folder", Exit.NO_INPUT)
    except FileNotFoundError as exc:
        raise SourceError(f"no such file or folder: {shown}", Exit.NO_INPUT) from exc
    except PermissionError as exc:
        raise SourceError(f"{shown} may not be read", Exit.NO_PERMISSION) from exc
    return [path]


def _open(file: Path) -> soundfile.SoundFile:
    shown = safe(file.name)
    try:
        if file.stat().st_size == 0:
            raise SourceError(f"{shown} is empty")
        wav = read_wav(file)  # libsndfile does not tell a missing permission from a damaged file
        if wav is not None and wav.contradiction:
            raise SourceError(f"{shown} has a header that contradicts itself: {wav.contradiction}")
        audio = soundfile.SoundFile(os.fsencode(file))  # a name need not be UTF-8
    except PermissionError as exc:
        raise SourceError(f"{shown} may not be read", Exit.NO_PERMISSION) from exc
    except (soundfile.LibsndfileError, RuntimeError, OSError) as exc:
        raise SourceError(f"{shown} is not a usable audio file ({safe(str(exc).split(': ')[-1])})") from exc
    problem = _problem(audio, file)
    if problem:
        audio.close()
        raise SourceError(f"{shown} {problem}")
    return audio


def _problem(audio: soundfile.SoundFile, file: Path) -> str | None:
    """What makes an opened file unusable, though libsndfile accepts it."""
    if audio.samplerate not in RATES:
        return f"claims a sample rate of {audio.samplerate} Hz"
    wav = read_wav(file)
    if wav is not None and wav.declared == 0 < wav.present:
        return _UNFINISHED.format("says that it is empty")
    if audio.frames == _UNKNOWN:  # libsndfile then loses its place with every read
        return _UNFINISHED.format("does not say how long it is")
    if audio.frames == 0:
        return "holds no audio"
    return None


def _warn_if_cut_off(audio: soundfile.SoundFile, file: Path) -> None:
    if reason := cut_off(file, audio.extra_info):
        log.warning("%s %s: playing the %d frames that are there", safe(file.name), reason, audio.frames)
