"""Does a bundle still say on this machine what it said where it was made?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from monitor.inference.manifest import BundleError, Manifest
from monitor.inference.recognise import Recogniser

CHANNELS = 4
SEED = 20200919
LOWEST, HIGHEST = 50.0, 0.4
"""Ends of the sweep: hertz, and share of the sample rate"""
NOISE = 0.01
TOLERANCE = 1e-3
"""Largest difference allowed between two probabilities: processors round differently"""
DIGITS = 6
"""To which scores are rounded where they are kept"""


def signal(manifest: Manifest) -> npt.NDArray[np.float32]:
    """A window that is the same everywhere: float32 `[CHANNELS, window]` in [-1, 1].

    A rising tone, later on each channel, in noise: something in every band.
    """
    window = manifest.window
    # Raw numbers, since NumPy promises their sequence for ever, but not that of its distributions.
    raw = np.random.PCG64(SEED).random_raw(CHANNELS * window).reshape(CHANNELS, window)
    noise = (raw >> 11) / 2.0**52 - 1.0
    time = np.arange(window) / window
    octaves = np.log2(HIGHEST * manifest.sample_rate / LOWEST)
    phase = LOWEST * manifest.window_seconds * (2.0 ** (octaves * time) - 1.0) / (octaves * np.log(2.0))
    late = np.arange(CHANNELS)[:, None] * window // (2 * CHANNELS)
    tone = np.sin(2.0 * np.pi * phase)[(np.arange(window) - late) % window]
    mixed: npt.NDArray[np.float32] = (0.5 * tone + NOISE * noise).astype(np.float32)
    return mixed


def scores(recogniser: Recogniser) -> tuple[float, ...]:
    """What a bundle says about the signal: a probability for each label, rounded.

    Raises:
        ModelError: a member's output cannot be used.
    """
    found = recogniser.recognise(signal(recogniser.bundle.manifest)).scores
    return tuple(round(score, DIGITS) for score in found.tolist())


def check(recogniser: Recogniser) -> float:
    """Compare what a bundle says about the signal with what its manifest tells.

    Returns:
        The largest difference between two probabilities.

    Raises:
        BundleError: it is above `TOLERANCE`, or the manifest does not tell.
        ModelError: a member's output cannot be used.
    """
    wanted = recogniser.bundle.manifest.self_test
    if wanted is None:
        raise BundleError("it has no scores to compare with; export it again")
    difference = float(np.abs(np.subtract(scores(recogniser), wanted.scores)).max())
    if difference > TOLERANCE:
        raise BundleError(
            f"on this machine its scores for the test signal are off by {difference:.2g}, more than "
            f"{TOLERANCE:g}; do not trust it here"
        )
    return difference
