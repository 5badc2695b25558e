"""Everything that sounds in a home -> what one of its arrays records."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.signal

from trainer.simulate.dice import Dice
from trainer.simulate.microphones import MICROPHONES, digitise
from trainer.simulate.responses import Response, diffuse_response, point_responses
from trainer.simulate.rooms import Home, Node, inside
from trainer.simulate.scene import RATE, Sound, Source, Spot

Floats = npt.NDArray[np.float64]

REACH = 0.3
"""Metres about its spot within which a source is, each one elsewhere"""
STOPS = 5
"""Places, at most, between which a moving source goes to and fro: two for each metre, and one more"""
FACES = 3
"""Points that stand for a source which is spread out"""
HAND = 0.15
"""Metres: what is not larger is as good as a point"""
SMEAR = 64
"""Samples (4 ms) of the filters that make these points sound less alike"""


def record(home: Home, node: Node, sources: Sequence[Source], samples: int, seed: Sequence[int]) -> Floats:
    """What an array records.

    Args:
        home: the room.
        node: one of its arrays.
        sources: all that sounds, each `[samples]`; none: a silent room.
        samples: length of the recording at 16 kHz.
        seed: whole numbers that decide where the sources are (for all arrays of the home), how they move, and
            the noise of the microphones (for each array).

    Returns:
        `[4, samples]` in [-1, 1).

    Raises:
        MonitorError: pyroomacoustics is not installed.
    """
    moves, dice = Dice(*seed, 1), Dice(*seed, 2, node.number)
    pascals = np.zeros((MICROPHONES, samples), dtype=np.float32)
    for source in sources:
        if source.spot is Spot.OUTSIDE:
            _convolve(pascals, source.pascals, _through_a_wall(moves, dice, home))
        else:
            smears = _smears(moves, source)
            stops = _stops(moves, home, source)
            for stop, gain in zip(stops, _visits(moves, len(stops), samples), strict=True):
                responses = point_responses(dice.rng, home, node, stop)
                _convolve(pascals, source.pascals * gain, _sum(responses, smears))
    return digitise(dice, node.microphones, pascals)


def _stops(moves: Dice, home: Home, source: Source) -> Floats:
    """The points of a source at each of its stops, `[stops, points, 3]` metres."""
    centre = home.spots[source.spot] + moves.rng.uniform(-REACH, REACH, size=3) * (1.0, 1.0, 0.3)
    count = min(1 + round(2.0 * source.moves), STOPS)
    angle, radius = moves.rng.uniform(0.0, 2.0 * np.pi, count), np.sqrt(moves.rng.uniform(0.0, 1.0, count))
    steps = source.moves * radius[:, None] * np.stack([np.cos(angle), np.sin(angle), np.zeros(count)], axis=1)
    faces = source.size * moves.rng.uniform(-0.5, 0.5, size=(_faces(source), 3))
    return inside(centre + steps[:, None] + faces, home.size)


def _faces(source: Source) -> int:
    return FACES if source.size > HAND else 1


def _smears(moves: Dice, source: Source) -> list[Response]:
    """For each point of a source an all-pass filter of its own, `[1, taps]`; a single point needs none."""
    if _faces(source) == 1:
        return [np.ones((1, 1), dtype=np.float32)]
    turns = moves.rng.uniform(0.0, 2.0 * np.pi, size=(FACES, 1, SMEAR // 2 + 1))
    return list(scipy.fft.irfft(np.exp(1j * turns), SMEAR).astype(np.float32) / np.float32(np.sqrt(FACES)))


def _sum(responses: list[Response], smears: list[Response]) -> Response:
    """The response of a source that is made of some points."""
    parts = [scipy.signal.oaconvolve(*pair, axes=1) for pair in zip(responses, smears, strict=True)]
    total: Response = np.sum(parts, axis=0)
    return total


def _visits(moves: Dice, stops: int, samples: int) -> list[Floats]:
    """How much of a source is at each of its stops, `[samples]` or, of one, `[1]`; the powers add up to 1."""
    if stops == 1:
        return [np.ones(1)]
    pace = moves.between(1.0, 4.0)  # seconds from one stop to the next
    visited = moves.rng.integers(0, stops, size=2 + int(samples / RATE / pace))
    path = np.arange(samples) / RATE / pace
    at = np.arange(len(visited))
    return [np.sqrt(np.interp(path, at, visited == stop)) for stop in range(stops)]


def _through_a_wall(moves: Dice, dice: Dice, home: Home) -> Response:
    """The response for what is outside: 15 to 35 dB less of it, and less of the high than of the low."""
    lost, corner = moves.between(15.0, 35.0), moves.between(150.0, 1500.0)
    sections = scipy.signal.butter(1, corner, fs=RATE, output="sos")  # 6 dB an octave: the mass law
    heard: Response = scipy.signal.sosfilt(sections, diffuse_response(dice.rng, home)).astype(np.float32)
    return heard * np.float32(10.0 ** (-lost / 20.0))


def _convolve(pascals: Response, sound: Sound, response: Response) -> None:
    """Add a sound as heard through a response to `pascals`, `[4, samples]`; it may go on beyond their end.

    By overlap and add, in float32, and only where there is something to hear: most sources are silent for
    most of the time.
    """
    taps = response.shape[1]
    fast = scipy.fft.next_fast_len(4 * taps, real=True)
    step = fast - taps + 1
    spectrum = scipy.fft.rfft(response, fast)
    samples = pascals.shape[1]
    for start in range(0, samples, step):
        piece = sound[start : start + step].astype(np.float32)
        if piece.any():
            wet = scipy.fft.irfft(scipy.fft.rfft(piece, fast) * spectrum, fast)[:, : samples - start]
            pascals[:, start : start + wet.shape[1]] += wet
