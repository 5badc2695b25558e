"""What one window says about each microphone: faulty, well, or nothing.

The microphones of an array are close together: what all of them hear is the room, what one of them hears
otherwise is a fault. Hence most checks compare, and neither silence nor a loud source nor a mono recording on
all channels is a fault of any.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from monitor.audio.lags import NEAR, lags

Fault = Literal["non_finite", "dead", "stuck", "duplicate", "dc_offset", "clipped", "too_quiet", "delayed"]
"""non_finite: NaN or infinite samples · dead: silent to the last bit while others have sound · stuck: at one
value · duplicate: another channel's samples · dc_offset: far from zero on average · clipped: overdriven, and
others are not · too_quiet: far below all others · delayed: behind others by more than an array's size"""
FAULTS: tuple[Fault, ...] = get_args(Fault)
"""The graver first"""
UNMISTAKABLE: frozenset[Fault] = frozenset({"non_finite", "dead", "stuck"})

Evidence = npt.NDArray[np.int_]
"""`[channels]`: 1 faulty, -1 well, 0 the window does not tell"""
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

PART = 0.5
"""Seconds of the parts in which a window is looked at: rumble has no mean in them, or one that changes sides
from part to part; and they are several times the longest delay"""
SOUND = 1e-7
"""Power (-70 dBFS) from which a channel has sound. Even a microphone that is 10 dB less sensitive than it is
not silent in 12 bits then."""
CLEAR_SOUND = 1e-5
"""Power (-50 dBFS) that is more than self noise, in which a damped microphone equals the others"""
FLAT = 1e-3
"""A constant up to it is silence: some converters round it to their last bit but one instead of to zero"""
OFFSET = 0.02
"""Mean from which a channel has an offset; converters stay within 0.01 of full scale"""
RAIL = 0.999
"""Full scale, as 12 bits and more have it"""
CLIPPED = 0.01
"""Share of samples at full scale from which a channel is overdriven. A slammed door is 0.1 s of a window, and
few of its samples are at full scale."""
QUIET = 0.01
"""Power (-20 dB) relative to the least of the others. A source 1 cm beside the first of four microphones that
are 5 cm apart is 24 dB weaker at the last, but only 3 dB weaker than at the third."""
PARTS_COMPARED = 4
"""Loudest parts of a window in which delays are looked for"""


def unmistakable(samples: npt.NDArray[np.float32]) -> dict[Fault, Evidence]:
    """Evidence of the faults for which one window is enough.

    Args:
        samples: `[channels, n]`.
    """
    finite, flat = _finite_and_flat(samples)
    silent = flat & (np.abs(samples[:, 0]) <= FLAT)
    heard = bool(silent.any()) and bool((_power(samples[finite & ~flat]) > SOUND).any())
    return {
        "non_finite": _evidence(~finite, finite),
        "dead": _evidence(silent & heard, ~flat),
        "stuck": _evidence(flat & ~silent, ~flat),
    }


def compared(samples: npt.NDArray[np.float32], sample_rate: int) -> dict[Fault, Evidence]:
    """Evidence of the faults that more windows must confirm; of channels without signal there is none.

    Args:
        samples: `[channels, n]`.
        sample_rate: hertz.
    """
    finite, flat = _finite_and_flat(samples)
    alive = np.flatnonzero(finite & ~flat)
    if len(alive) == 0:
        return {}
    signals = samples[alive]
    parts = _parts(signals, sample_rate)
    means = parts.mean(axis=-1, dtype=np.float64)  # [alive, parts]
    power = _power(parts)
    loudest = np.argsort(power.sum(axis=0))[-PARTS_COMPARED:]
    found: dict[Fault, Evidence] = {
        "duplicate": _duplicate(signals),
        "dc_offset": _dc_offset(means),
        "clipped": _clipped(signals),
        "too_quiet": _too_quiet(power.mean(axis=1)),
        "delayed": _delayed(lags(parts[:, loudest], sample_rate)),
    }
    return {fault: _spread(evidence, alive, len(samples)) for fault, evidence in found.items()}


def _finite_and_flat(samples: npt.NDArray[np.float32]) -> tuple[Flags, Flags]:
    low, high = samples.min(axis=1), samples.max(axis=1)  # NaN if there is one
    finite = np.isfinite(low) & np.isfinite(high)
    return finite, finite & (low == high)


def _parts(samples: npt.NDArray[np.float32], sample_rate: int) -> npt.NDArray[np.float32]:
    """`[channels, parts, n]`, without the rest that is no whole part."""
    length = min(round(PART * sample_rate), samples.shape[1])
    whole = samples[:, : samples.shape[1] // length * length]
    return whole.reshape(len(samples), -1, length)


def _power(signals: npt.NDArray[np.float32]) -> Floats:
    """Over the last axis, less what is offset."""
    # In float64 also because the samples of a float file may have any size.
    square = np.einsum("...n,...n->...", signals, signals, dtype=np.float64) / signals.shape[-1]
    power: Floats = square - np.square(signals.mean(axis=-1, dtype=np.float64))
    return power


def _duplicate(samples: npt.NDArray[np.float32]) -> Evidence:
    """A copy of an earlier channel. If all are the same, it is a mono recording."""
    copy = np.array(
        [any(np.array_equal(one, earlier) for earlier in samples[:c]) for c, one in enumerate(samples)]
    )
    faulty = copy & (not copy[1:].all())
    return _evidence(faulty, ~faulty)


def _dc_offset(means: Floats) -> Evidence:
    """How far all parts are on one side of zero; rumble is on both."""
    offset = np.maximum(means.min(axis=1), -means.max(axis=1))
    return _evidence(offset > OFFSET, offset < OFFSET / 2)


def _clipped(samples: npt.NDArray[np.float32]) -> Evidence:
    """What overdrives all microphones is a loud source."""
    share = np.mean((samples >= RAIL) | (samples <= -RAIL), axis=1)
    return _evidence((share > CLIPPED) & (_least_of_others(share) < share / 10), share < CLIPPED / 10)


def _too_quiet(power: Floats) -> Evidence:
    """Below all others, not only most: a fan that blows at some microphones does not silence the rest."""
    others = _least_of_others(power)
    faulty = (others > SOUND) & (power < QUIET * others)
    return _evidence(faulty, (power > CLEAR_SOUND) & (power > 10 * QUIET * others))


def _delayed(behind: Floats) -> Evidence:
    """Against the lower median: if two of four disagree with the other two, the later ones are at fault."""
    known = np.sort(behind[np.isfinite(behind)])
    if len(known) < 2:
        return np.zeros(len(behind), dtype=np.int_)
    late = np.abs(behind - known[(len(known) - 1) // 2])  # NaN is neither more nor less
    return _evidence(late > NEAR, late <= NEAR)


def _least_of_others(values: Floats) -> Floats:
    """For each channel the least value of another one; NaN if there is none."""
    return np.array([np.delete(values, c).min() if len(values) > 1 else np.nan for c in range(len(values))])


def _evidence(faulty: Flags, well: Flags) -> Evidence:
    return faulty.astype(np.int_) - well.astype(np.int_)


def _spread(evidence: Evidence, channels: npt.NDArray[Any], count: int) -> Evidence:
    """Evidence of some channels, and none of the rest."""
    all_channels = np.zeros(count, dtype=np.int_)
    all_channels[channels] = evidence
    return all_channels
