"""`activity-trainer weights verify`: a network for sound with its real weights on a real sound.

Without weights, only shapes and hand-made cases can be tested. This is what is left: do the published numbers
mean what our layers make of them?
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import nn

from monitor.errors import Exit, MonitorError, safe
from trainer import audio_weights
from trainer.features import read_window
from trainer.models.audio import AUDIO_BACKBONES
from trainer.models.openl3 import Frames

FRONT_ENDS = ("speclayer.", "spectrogram_extractor.", "logmel_extractor.")
"""Before the names of what is computed and not learnt"""
TOLERANCE = 1e-3
"""Largest difference between a front end that was published and ours, as a share of its largest number"""
LONGEST_SECONDS = 10.0
"""Of a sound, as in AudioSet"""
SHOWN = 10
"""Tags"""


def verify(name: str, source: str, audio: Path) -> list[str]:
    """What a network says of a sound, in lines for people, once its weights have passed.

    Args:
        name: key of `AUDIO_BACKBONES`.
        source: of the weights, as for `audio_weights.load`.
        audio: any sound; its first ten seconds count.

    Raises:
        MonitorError: as `audio_weights.load` and `read_window`; the front end in the file is not the one that
            we compute, or the embedding is of no use.
    """
    facts = AUDIO_BACKBONES[name]
    network = audio_weights.load(name, source, Frames())
    lines = [f"{name}: {len(network.state_dict())} entries, every name and shape as expected"]
    apart = _front_end(network, facts.network(Frames()))
    lines.append(f"front end: {apart:.2g} of its largest number from ours, at most {TOLERANCE:g} is allowed")
    _check(apart <= TOLERANCE, f"{name} has another front end than ours: {lines[-1]}")
    with torch.inference_mode():
        embedding = network(torch.from_numpy(_sound(audio, facts.rate)))
        spread = float(embedding.std())
        _check(0.0 < spread < float("inf"), f"{name} gives an embedding of no use: its spread is {spread}")
        lines.append(
            f"embedding: {facts.embedding} numbers from {embedding.min():.4g} to {embedding.max():.4g}"
        )
        if facts.kind == "pann":
            tags = network.get_submodule("fc_audioset")(embedding).sigmoid()[0]
            best = tags.argsort(descending=True)[:SHOWN].tolist()
            lines.append(
                "AudioSet's most probable classes (names: its class_labels_indices.csv); do they fit?"
            )
            lines += [f"  {index:3d}  {tags[index]:.3f}" for index in best]
    return lines


def _front_end(network: nn.Module, ours: nn.Module) -> float:
    """The largest difference of an entry that is not learnt, as a share of the entry's largest number."""
    found, wanted = network.state_dict(), ours.state_dict()
    # Of sines only the square counts, whatever their sign.
    return max(
        float((found[key].abs() - wanted[key].abs()).abs().max() / wanted[key].abs().max())
        for key in wanted
        if key.startswith(FRONT_ENDS)
    )


def _sound(path: Path, rate: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """The mean of the channels `[1, samples]`."""
    try:
        seconds = float(soundfile.info(path).duration)
    except (soundfile.SoundFileError, OSError) as exc:
        raise MonitorError(
            f"{safe(str(path))} cannot be read as sound: {safe(str(exc))}", Exit.NO_INPUT
        ) from exc
    window = read_window(path, rate, min(seconds, LONGEST_SECONDS))
    if window is None or not window.size:
        raise MonitorError(f"{safe(str(path))} holds no sound")
    mixed: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = window.mean(axis=0, keepdims=True)
    return mixed


def _check(right: bool, complaint: str) -> None:
    if not right:
        raise MonitorError(f"{complaint}; do not use these weights")
