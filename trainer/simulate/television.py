"""Watching television: programmes through the small loudspeakers of one set, and people who hardly move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.ndimage

from trainer.simulate import animals, anything, household, motors, outdoors, ringing
from trainer.simulate.dice import Dice
from trainer.simulate.music import music
from trainer.simulate.scene import RATE, Sound, Source, Spot, at_level
from trainer.simulate.signals import bandpass, rms, slow
from trainer.simulate.steady import rush
from trainer.simulate.throats import applause, cough, gasp, laugh
from trainer.simulate.timeline import add, colour, strew
from trainer.simulate.voices import draw_speakers


@dataclass(frozen=True)
class Genre:
    """What a scene of a programme is likely to hold."""

    cast: int
    """Voices"""
    speech: float
    """Chance that a scene has speech; likewise the others"""
    music: float
    crowd: float
    effects: float
    nature: float
    seconds: tuple[float, float]
    """Length of a scene"""


GENRES = (
    Genre(cast=2, speech=0.98, music=0.1, crowd=0.02, effects=0.05, nature=0.15, seconds=(4.0, 15.0)),  # news
    Genre(cast=4, speech=0.7, music=0.45, crowd=0.0, effects=0.4, nature=0.3, seconds=(2.0, 9.0)),  # film
    Genre(cast=3, speech=0.85, music=0.15, crowd=0.6, effects=0.05, nature=0.0, seconds=(3.0, 10.0)),  # show
    Genre(
        cast=1, speech=0.15, music=0.97, crowd=0.15, effects=0.02, nature=0.0, seconds=(6.0, 20.0)
    ),  # music
    Genre(
        cast=2, speech=0.85, music=0.02, crowd=0.98, effects=0.15, nature=0.0, seconds=(5.0, 20.0)
    ),  # sport
    Genre(
        cast=4, speech=0.75, music=0.8, crowd=0.05, effects=0.3, nature=0.05, seconds=(1.5, 5.0)
    ),  # adverts
    Genre(cast=3, speech=0.6, music=0.7, crowd=0.05, effects=0.8, nature=0.1, seconds=(1.5, 6.0)),  # cartoon
    Genre(
        cast=1, speech=0.7, music=0.5, crowd=0.0, effects=0.1, nature=0.8, seconds=(3.0, 9.0)
    ),  # documentary
)

BED = 20 * RATE
"""Most samples of music, crowd or nature that scenes are cut from"""


@dataclass(frozen=True)
class _Material:
    """What the scenes of a programme are cut from."""

    speech: list[list[Sound]]
    """For each voice its sentences"""
    music: list[Sound]
    crowd: Sound
    effects: list[Sound]
    nature: Sound


def watching_tv(dice: Dice, samples: int) -> list[Source]:
    """One or two programmes, dense and levelled, from one place; next to nothing from the sofa."""
    sound = np.zeros(samples)
    change = dice.whole(0, samples) if dice.chance(0.3) else samples
    for start, end in ((0, change), (change, samples)):
        if start < end:
            sound[start:end] = _programme(dice, end - start)
    heard = _loudspeaker(dice, _levelled(dice, sound))
    television = Source(
        at_level(heard, dice.between(48.0, 72.0)), Spot.TELEVISION, size=dice.trait(0.05, 0.8)
    )
    return [television, _viewers(dice, samples)]


def _programme(dice: Dice, samples: int) -> Sound:
    """Scene after scene; the sound is cut where the picture is."""
    genre = dice.one_of(GENRES)
    material = _material(dice, genre, min(samples, BED))
    sound = np.zeros(samples)
    at = 0
    while at < samples:
        length = min(int(dice.between(*genre.seconds) * RATE), samples - at)
        sound[at : at + length] = _scene(dice, genre, material, length)
        at += length
    return sound


def _material(dice: Dice, genre: Genre, bed: int) -> _Material:
    speakers = draw_speakers(dice, genre.cast, sentences=2 + 10 // genre.cast)
    kinds = (
        household.door,
        household.shatter,
        household.dropped,
        ringing.bell,
        anything.sweep,
        anything.burst,
    )
    nature = dice.one_of((outdoors.wind, outdoors.stream, outdoors.sea, motors.engine, _birds))
    return _Material(
        speech=[speaker.sentences for speaker in speakers],
        music=[music(dice, bed) for _ in range(2)],
        crowd=_crowd(dice, bed),
        effects=[dice.one_of(kinds)(dice) for _ in range(5)],
        nature=nature(dice, bed),
    )


def _scene(dice: Dice, genre: Genre, material: _Material, samples: int) -> Sound:
    """One cut, with an rms of about 1 whatever is in it."""
    speaks = dice.chance(genre.speech)
    plays = dice.chance(genre.music) or not speaks
    sound = 0.003 * dice.rng.standard_normal(samples)
    if speaks:
        sound += _speech(dice, dice.one_of(material.speech), samples)
    if plays:
        under = dice.between(0.06, 0.5) if speaks else 1.0  # music makes way for speech
        sound += under * _cut(dice, dice.one_of(material.music), samples)
    if dice.chance(genre.crowd):
        sound += dice.between(0.1, 0.8) * _cut(dice, material.crowd, samples)
    if dice.chance(genre.nature):
        sound += dice.between(0.05, 0.5) * _cut(dice, material.nature, samples)
    if dice.chance(genre.effects):
        sound += dice.between(1.0, 4.0) * strew(dice, samples, dice.between(0.2, 1.0), material.effects)
    return sound


def _speech(dice: Dice, sentences: list[Sound], samples: int) -> Sound:
    """One voice that hardly pauses; rms 1."""
    sound = np.zeros(samples)
    at = -int(dice.between(0.0, 1.0) * RATE)  # the cut may fall into a sentence
    while at < samples:
        sentence = dice.one_of(sentences)
        add(sound, sentence, at)
        at += len(sentence) + int(dice.rng.exponential(0.15) * RATE)
    return sound / max(rms(sound), 1e-3)


def _cut(dice: Dice, bed: Sound, samples: int) -> Sound:
    """A stretch of a bed from anywhere in it; rms of the bed 1."""
    start = dice.whole(0, len(bed) - 1)
    return np.resize(np.roll(bed, -start), samples) / max(rms(bed), 1e-9)


def _crowd(dice: Dice, samples: int) -> Sound:
    """A hall or a stadium: murmur, cheers, applause, laughter."""
    murmur = rush(dice, samples, dice.trait(150.0, 400.0), dice.trait(900.0, 3000.0))
    sound = murmur * np.maximum(0.1, 0.6 + slow(dice, samples, dice.between(0.5, 3.0)))
    clapping = np.maximum(0.0, slow(dice, samples, 3.0)) * applause(dice, samples, dice.whole(4, 16))
    sound += dice.between(0.0, 1.5) * clapping / max(rms(clapping), 1e-9)
    laughter = strew(
        dice, samples, dice.between(0.1, 2.0), [laugh(dice, 130.0, 1.0 + 0.1 * k) for k in range(4)]
    )
    return sound + dice.between(0.0, 1.0) * laughter / max(rms(laughter), 1e-9)


def _birds(dice: Dice, samples: int) -> Sound:
    return strew(dice, samples, dice.trait(0.3, 2.0), [animals.chirps(dice) for _ in range(4)])


def _levelled(dice: Dice, sound: Sound) -> Sound:
    """What broadcasters do: soft parts come up, loud parts go down, within a quarter of a second."""
    power = scipy.ndimage.uniform_filter1d(sound**2, RATE // 4)
    floor = 0.003 * float(power.mean()) + 1e-12
    gain: Sound = (power + floor) ** (-0.5 * dice.trait(0.2, 0.85))
    return sound * gain


def _loudspeaker(dice: Dice, sound: Sound) -> Sound:
    """No bass, a cabinet that resonates, and a channel or cone that ends somewhere between 4 and 7.6 kHz."""
    passed = bandpass(sound, dice.trait(70.0, 320.0), dice.trait(3500.0, 7600.0))
    return colour(dice, passed, dice.trait(4.0, 16.0))


def _viewers(dice: Dice, samples: int) -> Source:
    """Somebody shifts on the sofa, sighs, coughs, laughs at something."""
    bank = [household.cloth(dice) for _ in range(4)] + [0.5 * gasp(dice, 1.0), 0.5 * household.latch(dice)]
    sound = strew(dice, samples, dice.trait(0.01, 0.12), bank)
    sound += strew(dice, samples, 0.01, [cough(dice), laugh(dice, 140.0, 1.05)])
    return Source(at_level(sound, dice.between(34.0, 54.0)), Spot.SOFA, moves=0.3, size=0.3)
