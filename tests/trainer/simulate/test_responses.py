from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.signal

from trainer.simulate import responses
from trainer.simulate.dice import Dice
from trainer.simulate.materials import SPEED_OF_SOUND, reverberation
from trainer.simulate.responses import diffuse_response, point_responses
from trainer.simulate.rooms import SPACING, Home, draw_home
from trainer.simulate.scene import RATE

SIZE = np.array([6.0, 5.0, 2.7])
MICROPHONES = np.array([2.0, 2.0, 1.2]) + SPACING * np.arange(4)[:, None] * np.array([1.0, 0.0, 0.0])
"""`[4, 3]`"""


def home(seconds: float) -> Home:
    """A room with one array and no spots, whose walls absorb alike; 0 s: they reflect next to nothing."""
    length, width, height = SIZE
    surface = 2 * (length * width + length * height + width * height)
    lost = 0.161 * SIZE.prod() / surface / seconds if seconds else 9.0  # nepers of power a reflection
    node = replace(draw_home(Dice(1), nodes=1).nodes[0], positions=MICROPHONES)
    return Home(size=SIZE, absorption=np.full((6, 7), 1 - np.exp(-lost)), spots={}, nodes=(node,))


def respond(room: Home, *points: tuple[float, float, float]) -> list[np.ndarray]:
    """Responses to the room's only array."""
    return point_responses(np.random.default_rng(0), room, room.nodes[0], np.array(points))


def arrivals(response: np.ndarray) -> np.ndarray:
    """Seconds to the first arrival at each microphone, to a fraction of a sample."""
    fine = scipy.signal.resample(response[:, :1024], 32 * 1024, axis=1)
    return np.abs(fine).argmax(axis=1) / (32 * RATE)


def test_sound_arrives_when_it_has_come_the_distance() -> None:
    """The first arrival is at distance / c at each microphone."""
    point = (3.5, 4.1, 0.9)
    distance = np.linalg.norm(MICROPHONES - point, axis=1)
    np.testing.assert_allclose(arrivals(respond(home(0.0), point)[0]), distance / SPEED_OF_SOUND, atol=5e-6)


@pytest.mark.parametrize("point", [(4.0, 2.0, 1.2), (2.1, 4.0, 1.2), (0.5, 0.5, 2.0)])
def test_microphones_hear_one_after_the_other(point: tuple[float, float, float]) -> None:
    """Neighbours hear a sound no more than 5 cm of air apart, from the end of the row exactly that much."""
    steps = np.abs(np.diff(arrivals(respond(home(0.0), point)[0])))
    assert (steps < SPACING / SPEED_OF_SOUND + 5e-6).all()
    if point == (4.0, 2.0, 1.2):
        np.testing.assert_allclose(steps, SPACING / SPEED_OF_SOUND, atol=5e-6)


def test_level_falls_by_6_decibels_when_the_distance_doubles() -> None:
    """Without reflections sound pressure is 1 at 1 m and goes with 1 / distance."""
    found = respond(home(0.0), (2.0, 3.0, 1.2), (2.0, 4.0, 1.2))
    levels = [np.sqrt((response[0] ** 2).sum()) for response in found]
    assert levels[0] / levels[1] == pytest.approx(2.0, rel=0.02)
    assert levels[0] == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize("seconds", [0.2, 0.5, 0.8])
def octave(response: np.ndarray) -> np.ndarray:
    """Power of the octave at 1 kHz over time."""
    sections = scipy.signal.butter(3, (707, 1414), "bandpass", fs=RATE, output="sos")
    power: np.ndarray = scipy.signal.sosfilt(sections, response) ** 2
    return power


@pytest.mark.parametrize("seconds", [0.2, 0.5, 0.8])
def test_reverberation_time_is_the_drawn_one(seconds: float) -> None:
    """Schroeder's integral of the response at 1 kHz falls as steeply as the walls say."""
    room = home(seconds)
    power = octave(respond(room, (4.5, 3.6, 1.0))[0][0])
    decay = 10 * np.log10(np.cumsum(power[::-1])[::-1] / power.sum())
    measured = 3 * (np.argmax(decay < -25) - np.argmax(decay < -5)) / RATE
    assert measured == pytest.approx(reverberation(room.size, room.absorption)[3], rel=0.2)


def test_noise_stands_in_for_the_images_that_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """With more image sources there is no more sound, neither in the first 100 ms nor in the next."""
    room, point = home(0.5), (4.5, 3.6, 1.0)
    bounded = octave(respond(room, point)[0])
    monkeypatch.setattr(responses, "ORDER", 12)
    full = octave(respond(room, point)[0])
    for part in (slice(0, RATE // 10), slice(RATE // 10, RATE // 5)):
        assert abs(10 * np.log10(bounded[:, part].sum() / full[:, part].sum())) < 2.0


def test_diffuse_sound_is_alike_at_low_frequencies_only() -> None:
    """Coherence 5 cm apart is near 1 at 200 Hz and near 0 where half a wave fits between the microphones."""
    rng, room = np.random.default_rng(0), home(0.5)
    sound = scipy.signal.fftconvolve(
        rng.standard_normal((1, 20 * RATE)),
        np.concatenate([diffuse_response(rng, room) for _ in range(1)]),
        axes=1,
    )
    frequencies, coherence = scipy.signal.coherence(sound[0], sound[1], fs=RATE, nperseg=256)
    assert coherence[(frequencies > 100) & (frequencies < 300)].mean() > 0.9
    assert coherence[(frequencies > 3200) & (frequencies < 3700)].mean() < 0.4


def test_diffuse_sound_neither_gains_nor_loses() -> None:
    """As much power as came in is heard, at each microphone about as much."""
    power = (diffuse_response(np.random.default_rng(0), home(0.5)) ** 2).sum(axis=1)
    assert power.mean() == pytest.approx(1.0, rel=1e-3)
    np.testing.assert_allclose(power, 1.0, rtol=0.3)


def test_responses_are_silent_before_the_sound_arrives() -> None:
    """Nothing but the filters' own ringing comes before the first arrival."""
    room, point = home(0.8), (5.5, 4.5, 1.0)
    response = respond(room, point)[0]
    first = int(np.linalg.norm(MICROPHONES - point, axis=1).min() / SPEED_OF_SOUND * RATE)
    before = (response[:, : first - responses.HALF] ** 2).sum()
    assert before < 1e-3 * (response**2).sum()


def test_node_decides_what_is_heard() -> None:
    """An array nearer to the source hears more of it."""
    room, point = home(0.3), (4.5, 4.0, 1.2)
    near = replace(room.nodes[0], positions=MICROPHONES + np.array([2.0, 1.5, 0.0]))
    levels = [
        (point_responses(np.random.default_rng(0), room, node, np.array([point]))[0] ** 2).sum()
        for node in (room.nodes[0], near)
    ]
    assert levels[1] > 2 * levels[0]
