"""Does a bundle say what the run says that it was made of? Real clips, both ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import track
from rich.table import Table
from torch import nn

from export.clips import some_clips
from export.reference import Reference
from export.system import as_bundled
from monitor.errors import MonitorError, safe
from monitor.inference.bundle import Bundle
from monitor.inference.recognise import Recogniser, Recognition
from trainer.features import Channels, read_window
from trainer.system import System
from trainer.tables import Column, percent, terminal

PUBLISHED = "published"
"""Instead of a member: the scores that the daemon publishes"""
CHANNELS: dict[Channels, str] = {"mono": "the mean of the channels", "each": "every channel"}
COLUMNS = (
    Column("scores", "scores"),
    Column("difference", "largest difference", "{:.2g}".format, number=True),
)


@dataclass(frozen=True)
class Comparison:
    """What came out."""

    clips: int
    differences: dict[str, float]
    """Member, or `PUBLISHED` -> the largest difference between two probabilities"""
    other: tuple[str, ...]
    """Clips that get another label"""
    channels: str
    """What it changes that members hear other channels than they learnt from; empty if none does"""

    @property
    def summary(self) -> str:
        """One line, or two."""
        same = percent(1 - len(self.other) / self.clips)
        heard = f"\n{self.channels}" if self.channels else ""
        return f"{self.clips} clips, {same} % with the label of the run's own models{heard}"

    def check(self) -> None:
        """Make sure that every clip has the same label.

        Raises:
            MonitorError: one has not.
        """
        if self.other:
            raise MonitorError(
                f"{len(self.other)} of {self.clips} clips get another label than by the run's own models, "
                f"such as {safe(self.other[0])}"
            )


def compare(
    bundle: Bundle, learnt: System, networks: Mapping[str, nn.Module], data: Path | None, clips: int
) -> Comparison:
    """Recognise clips by the daemon's code with a bundle, and by the trainer's with the run.

    Both hear the channels that the bundle's members hear. Where these are not those that they learnt from,
    the trainer also recognises the clips with those.

    Args:
        bundle: made of the run.
        learnt: the run, with the channels that it learnt from.
        networks: its own, as for `Reference`.
        data: where its data set is; None: where it was when the run was made.
        clips: how many, from all over the data set.

    Raises:
        MonitorError: the bundle is of another run, or machines or data are missing or damaged.
    """
    _check_same(bundle, learnt)
    system = as_bundled(learnt, bundle.manifest)
    daemon, trainer = Recogniser(bundle, provider="cpu"), Reference(system, networks)
    before = None if system == learnt else Reference(learnt, networks)
    chosen = some_clips(system.run.config, data, clips)
    largest: dict[str, float] = {}
    other, kept = [], []
    for clip in track(chosen, "comparing with the run", transient=True):
        window = read_window(clip.path, bundle.manifest.sample_rate, bundle.manifest.window_seconds)
        if window is None:
            raise MonitorError(f"clip {safe(str(clip.path))} is shorter than a window")
        found, wanted = daemon.recognise(window), trainer.recognise(clip)
        for name, difference in _differences(found, wanted).items():
            largest[name] = max(largest.get(name, 0.0), difference)
        if found.scores.argmax() != wanted.scores.argmax():
            other.append(clip.path.name)
        if before and len(window) > 1:
            kept.append(before.recognise(clip).scores.argmax() == wanted.scores.argmax())
    channels = _channels(learnt, system, kept) if before else ""
    return Comparison(len(chosen), largest, tuple(other), channels)


def table(found: Comparison) -> Table:
    """How far probabilities are apart, for a terminal."""
    rows = [{"scores": name, "difference": largest} for name, largest in found.differences.items()]
    return terminal(COLUMNS, rows, "")


def _differences(found: Recognition, wanted: Recognition) -> dict[str, float]:
    pairs = {name: (found.members[name], wanted.members[name]) for name in wanted.members}
    pairs[PUBLISHED] = (found.scores, wanted.scores)
    return {name: float(np.abs(ours - theirs).max()) for name, (ours, theirs) in pairs.items()}


def _channels(learnt: System, system: System, kept: Sequence[bool]) -> str:
    """Which members hear other channels than they learnt from, and how many clips keep their label."""
    changed: dict[Channels, list[str]] = {}
    for was, now in zip(learnt.parts, system.parts, strict=True):
        if was != now:
            changed.setdefault(now.recipe.channels, []).append(now.name)
    heard = " and ".join(f"{', '.join(names)} on {CHANNELS[each]}" for each, names in changed.items())
    if kept:
        same = f"{percent(sum(kept) / len(kept))} % of {len(kept)} clips keep their label"
    else:
        same = "the clips have one channel, so they cannot tell what that changes"
    return f"other channels than in training: {heard}; {same}"


def _check_same(bundle: Bundle, system: System) -> None:
    manifest = bundle.manifest
    found = (manifest.labels, [member.name for member in manifest.members], manifest.stack is not None)
    if found != (system.run.config.labels, [part.name for part in system.parts], system.fused):
        raise MonitorError(
            f"bundle {safe(manifest.name)} was not made of {safe(str(system.run.folder))}: "
            "it has other classes or members"
        )
