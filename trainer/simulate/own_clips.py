"""A user's own clips as sounds of an activity: `<label>/<clip>.wav|flac|ogg|mp3`, of any format."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile
import soxr

from monitor.errors import Exit, MonitorError, nearest, safe
from trainer.datasets.dcase import FOLDS
from trainer.simulate.activities import LABELS
from trainer.simulate.dice import Dice
from trainer.simulate.scene import RATE, Sound, Source, Spot, at_level

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")
USUAL: dict[str, tuple[Spot, float, float]] = {
    "absence": (Spot.OUTSIDE, 30.0, 55.0),
    "cooking": (Spot.STOVE, 48.0, 68.0),
    "dishwashing": (Spot.SINK, 50.0, 70.0),
    "eating": (Spot.TABLE, 38.0, 62.0),
    "other": (Spot.FLOOR, 40.0, 75.0),
    "social_activity": (Spot.SOFA, 50.0, 72.0),
    "vacuum_cleaner": (Spot.FLOOR, 62.0, 80.0),
    "watching_tv": (Spot.TELEVISION, 48.0, 70.0),
    "working": (Spot.DESK, 36.0, 60.0),
}
"""Where an activity goes on, and between which levels, dB SPL at 1 m"""
LONGEST_PAUSE = 5.0
"""Seconds between two clips"""
SHORTEST = 0.1
"""Seconds of a clip"""
FADE = RATE // 100
"""Samples in which a clip begins and ends, because it may be cut anywhere"""

Clips = Mapping[str, Sequence[Path]]
"""Clips of every label that has some"""


def find(folder: Path) -> dict[str, list[Path]]:
    """The clips of a folder of labels, in the order of their names.

    Raises:
        MonitorError: exit code 66 if there are none, 65 for a folder that is no label or holds no clip, or
            for a clip that cannot be read or is very short.
    """
    shown = safe(str(folder))
    if not folder.is_dir():
        raise MonitorError(f"there is no folder of sounds {shown}", Exit.NO_INPUT)
    clips = {path.name: _clips_in(path) for path in sorted(folder.iterdir()) if path.is_dir()}
    if not clips:
        raise MonitorError(f"{shown} holds no folder of an activity, such as {shown}/cooking", Exit.NO_INPUT)
    return clips


def _clips_in(folder: Path) -> list[Path]:
    shown = safe(str(folder))
    if folder.name not in LABELS:
        hint = nearest(folder.name, LABELS) or f"; there are {', '.join(LABELS)}"
        raise MonitorError(f"{shown} is named after no activity{hint}")
    clips = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not clips:
        raise MonitorError(f"{shown} holds no clip ({', '.join(SUFFIXES)}); add some, or remove it")
    for clip in clips:
        with _open(clip) as file:
            seconds = file.frames / file.samplerate
        if seconds < SHORTEST:
            raise MonitorError(
                f"clip {safe(str(clip))} lasts {seconds:g} s; at least {SHORTEST:g} s are needed"
            )
    return clips


def fingerprint(clips: Clips) -> str:
    """Changes when a clip is added, removed, renamed or replaced by one of another size."""
    listed = [[label, path.name, path.stat().st_size] for label in clips for path in clips[label]]
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()


def of_fold(clips: Sequence[Path], fold: int) -> Sequence[Path]:
    """Every fifth clip: each is in one fold only, or in the evaluation partition."""
    return clips[(fold - 1) % (len(FOLDS) + 1) :: len(FOLDS) + 1]


def played(dice: Dice, clips: Sequence[Path], label: str, samples: int) -> Source:
    """Clips one after the other, as one source at the usual place of an activity.

    Args:
        dice: which clips, how far apart, how loud.
        clips: one or more.
        label: of the activity.
        samples: length of the source; longer clips are cut from any place.

    Raises:
        MonitorError: a clip cannot be read.
    """
    sound = np.zeros(samples)
    pause = dice.between(0.0, LONGEST_PAUSE) if dice.chance(0.5) else 0.0
    at = 0
    while at < samples:
        clip = _excerpt(dice, dice.one_of(clips), samples)
        end = min(at + len(clip), samples)
        sound[at:end] = clip[: end - at]
        at += len(clip) + int(dice.between(0.0, pause) * RATE)
    spot, low, high = USUAL[label]
    return Source(at_level(sound, dice.between(low, high)), spot)


def _excerpt(dice: Dice, path: Path, samples: int) -> Sound:
    """A clip of at most `samples`, mono at our rate."""
    with _open(path) as file:
        frames = min(file.frames, samples * file.samplerate // RATE)
        start = dice.whole(0, file.frames - frames)
        try:
            file.seek(start)
            mixed = file.read(frames, always_2d=True).mean(axis=1)
        except (soundfile.SoundFileError, RuntimeError) as exc:
            raise _unreadable(path, exc) from exc
        sound: Sound = soxr.resample(mixed, file.samplerate, RATE)
    if not np.isfinite(sound).all():
        raise MonitorError(f"clip {safe(str(path))} holds samples that are not finite numbers")
    ramp = min(FADE, len(sound) // 2)
    sound[:ramp] *= np.linspace(0.0, 1.0, ramp)
    sound[len(sound) - ramp :] *= np.linspace(1.0, 0.0, ramp)
    return sound


def _open(path: Path) -> soundfile.SoundFile:
    try:
        return soundfile.SoundFile(path)
    except (soundfile.SoundFileError, OSError) as exc:
        raise _unreadable(path, exc) from exc


def _unreadable(path: Path, exc: Exception) -> MonitorError:
    return MonitorError(f"clip {safe(str(path))} cannot be read: {safe(str(exc))}")
