"""What a bundle calls sounds that it was not made for: any data set, label by label."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soundfile
import soxr
from rich.progress import track

from monitor.errors import MonitorError, safe
from monitor.inference.bundle import Bundle
from monitor.inference.recognise import Recogniser
from trainer.datasets import Clip, DataSet
from trainer.tables import Column, Row, percent

COLUMNS = (
    Column("label", "sound"),
    Column("clips", "clips", number=True),
    Column("confidence", "mean confidence, %", percent, number=True),
    Column("called", "called"),
)


@dataclass(frozen=True)
class Heard:
    """What came out."""

    name: str
    """Of the data set"""
    rows: list[Row]
    """Of `COLUMNS`, one for each label, in alphabetical order: how many clips, mean largest probability, and
    what they were called, the most frequent first"""


def listen(bundle: Bundle, data: DataSet) -> Heard:
    """What the daemon's code makes of clips; their labels need not be the bundle's.

    Args:
        bundle: verified bundle.
        data: clips of any length, rate and number of channels.

    Raises:
        MonitorError: a clip cannot be read.
    """
    recogniser, labels = Recogniser(bundle, provider="cpu"), bundle.manifest.labels
    heard: defaultdict[str, list[npt.NDArray[np.floating]]] = defaultdict(list)
    for clip in track(data.clips, "listening", transient=True):
        heard[clip.label].append(recogniser.recognise(_window(clip, bundle)).scores)
    return Heard(data.name, [_row(label, np.stack(heard[label]), labels) for label in sorted(heard)])


def _window(clip: Clip, bundle: Bundle) -> npt.NDArray[np.float32]:
    """The first window of a clip `[channels, window]`; one that is shorter is repeated until it is full."""
    manifest = bundle.manifest
    try:
        samples, rate = soundfile.read(clip.path, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as exc:
        raise MonitorError(f"clip {safe(str(clip.path))} cannot be read: {safe(str(exc))}") from exc
    if not (len(samples) and np.isfinite(samples).all()):
        raise MonitorError(f"clip {safe(str(clip.path))} is empty or holds samples that are no numbers")
    if rate != manifest.sample_rate:
        samples = soxr.resample(samples, rate, manifest.sample_rate)
    return np.ascontiguousarray(np.resize(samples, (manifest.window, samples.shape[1])).T)


def _row(label: str, scores: npt.NDArray[np.floating], labels: tuple[str, ...]) -> Row:
    called = Counter(labels[best] for best in scores.argmax(axis=1))
    return {
        "label": label,
        "clips": len(scores),
        "confidence": float(scores.max(axis=1).mean()),
        "called": ", ".join(f"{name} {count}" for name, count in called.most_common()),
    }
