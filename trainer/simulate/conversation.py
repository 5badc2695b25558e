"""Social activity: people who talk in turns and across each other, listen and laugh; or one on the phone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainer.simulate.dice import Dice
from trainer.simulate.household import cloth
from trainer.simulate.scene import RATE, Sound, Source, Spot, at_level
from trainer.simulate.signals import modes, peak_one
from trainer.simulate.throats import applause, cough, gasp, laugh
from trainer.simulate.timeline import add, strew
from trainer.simulate.voices import Speaker, draw_speakers


@dataclass(frozen=True)
class _Mood:
    """How people talk today."""

    pause: float
    """Seconds on average between two turns; below 0 they talk across each other"""
    laughs: float
    """Chance that a turn ends in laughter"""
    murmurs: float
    """Chance that somebody else murmurs during a turn"""
    levels: tuple[float, float]
    """dB SPL at 1 m of the softest and the loudest speaker"""


def social_activity(dice: Dice, samples: int) -> list[Source]:
    """Two to six people about a sofa or table, or one on the phone; from calm to lively."""
    people = dice.one_of((1, 2, 2, 2, 3, 3, 4, 5, 6))
    speakers = draw_speakers(dice, people, sentences=max(4, 16 // people), murmurs=2)
    mood = _phone_call(dice) if people == 1 else _mood(dice)
    voices = [np.zeros(samples) for _ in speakers]
    _talk(dice, speakers, voices, mood)
    if people >= 4 and dice.chance(0.5):
        _talk(dice, speakers, voices, mood)  # a second conversation beside the first
    spot = dice.one_of((Spot.SOFA, Spot.TABLE))
    sources = [
        Source(at_level(voice, dice.between(*mood.levels)), spot, moves=dice.between(0.0, 0.8), size=0.1)
        for voice in voices
        if voice.any()
    ]
    return [*sources, _about_them(dice, samples, spot)]


def _mood(dice: Dice) -> _Mood:
    lively = dice.trait(0.0, 1.0)
    quiet = 46.0 + 14.0 * lively
    return _Mood(1.3 - 1.6 * lively, 0.3 * lively, 0.25, (quiet, quiet + dice.between(4.0, 14.0)))


def _phone_call(dice: Dice) -> _Mood:
    """The pauses are what the other end says."""
    return _Mood(dice.trait(0.5, 3.0), dice.trait(0.0, 0.2), 0.3, (54.0, 68.0))


def _talk(dice: Dice, speakers: list[Speaker], voices: list[Sound], mood: _Mood) -> None:
    """Turn after turn until the time is over, mixed into the speakers' voices."""
    at, turn = int(dice.between(0.0, 1.0) * RATE), dice.whole(0, len(speakers) - 1)
    while at < len(voices[0]):
        start, laughing = at, dice.chance(mood.laughs)
        for _ in range(dice.one_of((1, 1, 2, 2, 3, 5))):
            sentence = dice.one_of(speakers[turn].sentences)
            add(voices[turn], sentence, at, dice.between(0.6, 1.0))
            at += len(sentence) + int(dice.between(-0.1, 0.5) * RATE)
        listener = dice.whole(0, len(speakers) - 1)
        if dice.chance(mood.murmurs):
            murmur = dice.one_of(speakers[listener].murmurs)
            add(voices[listener], murmur, int(dice.between(start, at)), dice.between(0.2, 0.6))
        if laughing:
            at += _laughter(dice, speakers, voices, at)
        pause = mood.pause + abs(mood.pause) * dice.rng.normal() + dice.rng.exponential(0.3)
        at += int(min(pause, 7.0) * RATE)
        at = max(at, start + RATE // 2)
        turn = listener if dice.chance(0.5) else dice.whole(0, len(speakers) - 1)


def _laughter(dice: Dice, speakers: list[Speaker], voices: list[Sound], at: int) -> int:
    """Some of them laugh, each as the voice allows; gives the samples until somebody talks again."""
    longest = 0
    for speaker, voice in zip(speakers, voices, strict=True):
        if dice.chance(0.6):
            bout = laugh(dice, 110.0 * speaker.voice.tract**3, speaker.voice.tract)
            add(voice, bout, at + int(dice.between(-0.3, 0.8) * RATE), dice.between(0.3, 1.8))
            longest = max(longest, len(bout))
    return int(longest * dice.between(0.3, 1.0))


def _about_them(dice: Dice, samples: int, spot: Spot) -> Source:
    """What people do while they talk: cups, cloth, coughs, a hand on the table, sometimes applause."""
    cup = [peak_one(modes(dice, dice.trait(0.03, 0.2), 1200.0, 6500.0)) for _ in range(3)]
    hand = [modes(dice, 0.04, 80.0, 600.0) for _ in range(2)]
    body = [0.7 * cough(dice), 0.4 * gasp(dice, 1.0)]
    sound = strew(dice, samples, dice.trait(0.0, 0.3), cup + hand)
    sound += 0.5 * strew(dice, samples, dice.trait(0.0, 0.4), [cloth(dice) for _ in range(3)])
    sound += strew(dice, samples, 0.02, body)
    if dice.chance(0.05):
        add(sound, 0.3 * applause(dice, int(dice.between(1.5, 5.0) * RATE), dice.whole(2, 5)), samples // 2)
    return Source(at_level(sound, dice.between(42.0, 62.0)), spot, moves=0.5, size=0.5)
