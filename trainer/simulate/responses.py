"""Impulse responses of a home: how a sound at one place arrives at the four microphones of an array.

The first reflections come from image sources (Allen and Berkley, 1979), which pyroomacoustics finds. Their
number grows with the cube of time and soon nobody can tell one from another: from where they thin out because
their order is bounded, decaying noise takes over, as strong as all images together would be and as similar
between the microphones as in a diffuse field.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import scipy.fft

from trainer.simulate.materials import AIR, CENTRES, SPEED_OF_SOUND, SURFACES, acoustics, reverberation
from trainer.simulate.microphones import MICROPHONES
from trainer.simulate.rooms import SPACING, Home, Node
from trainer.simulate.scene import RATE

Floats = npt.NDArray[np.float64]
Response = npt.NDArray[np.float32]
"""`[4, taps]` at 16 kHz: sound pressure at the microphones for a sound of 1 pascal at 1 m from its source"""

ORDER = 5
"""Reflections that an image source has at most; more of them change nothing that could be heard"""
NEAREST = 0.2
"""Metres: nothing is so small that it gets louder when nearer"""
HALF = 16
"""Samples of the delaying filter on each side of an arrival"""
RING = 512
"""Samples in which the filters of the octave bands die away"""
BLOCK = 4096
"""Lengths of responses are multiples of this"""


def point_responses(rng: np.random.Generator, home: Home, node: Node, points: Floats) -> list[Response]:
    """The responses from some points of a home to one of its arrays.

    Args:
        rng: source of random numbers for the diffuse part.
        home: the room.
        node: the array.
        points: `[points, 3]` metres, inside the room.

    Raises:
        MonitorError: pyroomacoustics is not installed.
    """
    found = []
    for images, damping in _images(home, points):
        early = _early(images, damping, node.positions)
        response = _tail(rng, home, _missing(home.size, _times(home)))
        response[:, : early.shape[1]] += early
        found.append(response)
    return found


def diffuse_response(rng: np.random.Generator, home: Home) -> Response:
    """Sound that comes from all sides at once, as much of it as came in; it has no arrival."""
    response = _tail(rng, home, np.ones_like(_times(home)))
    total: Response = response / np.sqrt(np.mean(np.sum(response**2, axis=1)))
    return total


def _images(home: Home, points: Floats) -> list[tuple[Floats, Floats]]:
    """Places `[3, images]` and what reflections leave of the pressure `[7, images]`, for each point."""
    library = acoustics()
    walls = {
        name: library.Material({"coeffs": list(row), "center_freqs": list(CENTRES)})
        for name, row in zip(SURFACES, home.absorption, strict=True)
    }
    room = library.ShoeBox(home.size, fs=RATE, materials=walls, max_order=ORDER)
    for point in points:
        room.add_source(point)
    room.add_microphone(home.size / 2.0)  # in a box every image is heard everywhere
    room.image_source_model()
    return [(source.images, source.damping) for source in room.sources]


def _early(images: Floats, damping: Floats, microphones: Floats) -> Response:
    distance = np.linalg.norm(microphones[:, :, None] - images, axis=1)  # [4, images]
    gains = damping[:, None] * np.exp(-0.5 * AIR[:, None, None] * distance) / np.maximum(distance, NEAREST)
    delay = distance * RATE / SPEED_OF_SOUND
    whole = np.floor(delay).astype(int)
    taps = np.arange(2 * HALF)
    off = taps - HALF + 1 - (delay - whole)[..., None]  # [4, images, 2 HALF] samples from the arrival
    arrival = np.sinc(off) * np.cos(0.5 * np.pi * off / HALF) ** 2
    index = whole[..., None] + taps + 1  # HALF samples late, because the filter starts before the arrival
    length = _rounded(int(index.max()) + RING)
    rows = length * np.arange(len(CENTRES) * MICROPHONES).reshape(-1, MICROPHONES, 1, 1)
    placed = np.bincount((rows + index).ravel(), (gains[..., None] * arrival).ravel(), rows.size * length)
    bands = placed.reshape(-1, MICROPHONES, length)  # [7, 4, length]
    spectrum = (scipy.fft.rfft(bands) * _bands(length)[:, None]).sum(axis=0)
    response: Response = scipy.fft.irfft(spectrum, length)[:, HALF:].astype(np.float32)
    return response


def _times(home: Home) -> Floats:
    """When the samples of a response are heard, `[taps]` seconds after the sound."""
    images = float(np.linalg.norm((ORDER + 1) * home.size)) / SPEED_OF_SOUND  # later than the last of them
    seconds = images + float(reverberation(home.size, home.absorption).max())
    return np.arange(_rounded(round(RATE * seconds) + RING)) / RATE


def _missing(size: Floats, times: Floats) -> Floats:
    """The part of the images at each time that a bounded order leaves out, `[taps]`.

    The first images of one order more lie where each side counts as much as it is short, the last of those
    that are counted lie along the longest side.
    """
    begin = (ORDER + 1) / np.sqrt((size**-2.0).sum()) / SPEED_OF_SOUND
    end = ORDER * size.max() / SPEED_OF_SOUND
    part: Floats = np.clip((times - begin) / (end - begin), 0.0, 1.0)
    return part


def _tail(rng: np.random.Generator, home: Home, part: Floats) -> Response:
    """Noise that decays as the room does; `part` `[taps]` of its power is there.

    In a room of volume V, 4 pi (c t)^2 c dt / V images are heard from t to t + dt, each with a power of
    1 / (c t)^2: hence 4 pi c / V a second, less what walls and air absorb (Kuttruff, Room Acoustics, 4.1).
    """
    taps = len(part)
    bins = taps // 2 + 1
    parts = rng.standard_normal((bins, MICROPHONES, 2), dtype=np.float32) * np.float32(np.sqrt(taps / 2.0))
    noise = (_diffuse(taps) @ parts.view(np.complex64))[..., 0].T  # [4, bins]
    decay = 10.0 ** (-3.0 / reverberation(home.size, home.absorption)[:, None] * np.arange(taps) / RATE)
    strength = np.sqrt(4.0 * np.pi * SPEED_OF_SOUND / home.size.prod() / RATE * part)
    envelope = (strength * decay).astype(np.float32)  # [7, taps]
    bands = scipy.fft.irfft(noise * _bands(taps)[:, None], taps)  # [7, 4, taps]
    response: Response = np.einsum("bmt,bt->mt", bands, envelope)
    return response


def _rounded(samples: int) -> int:
    """Up to one of few lengths, so that what depends on length alone is computed only a few times."""
    return -(-samples // BLOCK) * BLOCK


@cache
def _diffuse(taps: int) -> Response:
    """Makes equal noises as alike as those of a diffuse field at the microphones, `[bins, 4, 4]`.

    The coherence at a distance d is sin(k d) / (k d) (Cook et al., JASA 1955); this is its square root.
    """
    place = SPACING * np.arange(MICROPHONES)
    distance = np.abs(place[:, None] - place)
    frequencies = scipy.fft.rfftfreq(taps, 1.0 / RATE)
    coherence = np.sinc(2.0 * frequencies[:, None, None] * distance / SPEED_OF_SOUND)
    power, directions = np.linalg.eigh(coherence)
    root: Response = (
        (directions * np.sqrt(np.maximum(power, 0.0))[:, None]) @ directions.swapaxes(1, 2)
    ).astype(np.float32)
    return root


@cache
def _bands(taps: int) -> Response:
    """Weights of the octave bands that add up to 1, `[7, bins]`; the outer ones reach to 0 and 8 kHz."""
    frequencies = np.maximum(scipy.fft.rfftfreq(taps, 1.0 / RATE), 1.0)
    octave = np.clip(np.log2(frequencies / CENTRES[0]), 0.0, len(CENTRES) - 1.0)
    apart = np.clip(np.abs(octave - np.arange(len(CENTRES))[:, None]), 0.0, 1.0)
    weights: Response = (np.cos(0.5 * np.pi * apart) ** 2).astype(np.float32)
    return weights
