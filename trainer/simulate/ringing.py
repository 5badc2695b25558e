"""What is made to be heard: clocks, bells, beeps, telephones, sirens. Short events with a peak of 1."""

from __future__ import annotations

import numpy as np

from trainer.simulate.dice import Dice
from trainer.simulate.music import draw_instrument, tone
from trainer.simulate.scene import RATE, Sound
from trainer.simulate.signals import click, modes, peak_one
from trainer.simulate.timeline import add, in_turn


def clock_tick(dice: Dice) -> Sound:
    """One tick of a clockwork."""
    sound = modes(dice, dice.trait(0.002, 0.02), dice.trait(250.0, 1800.0), dice.trait(2000.0, 7500.0))
    add(sound, click(dice, dice.trait(0.0005, 0.003)), 0, dice.trait(0.2, 1.0))
    return peak_one(sound)


def ticking(dice: Dice) -> Sound:
    """Some seconds of a clock, metronome or kitchen timer: one to ten ticks a second."""
    pair = [clock_tick(dice), clock_tick(dice)]
    beat = RATE / dice.trait_of((1.0, 1.0, 2.0, 4.0, 5.0, 2.5, 8.0, 1.0))
    sound = np.zeros(int(dice.between(3.0, 9.0) * RATE))
    for number, at in enumerate(np.arange(0.0, len(sound), beat)):
        add(sound, pair[number % 2], int(at), dice.between(0.85, 1.0))
    return peak_one(sound)


def beeps(dice: Dice) -> Sound:
    """Microwave, washing machine, smoke alarm, alarm clock, car in reverse: the same tone again and again."""
    pitch, odd = dice.trait(500.0, 4200.0), dice.chance(0.5)
    length, gap = dice.between(0.05, 0.8), dice.between(0.04, 0.8)
    time = np.arange(int(length * RATE)) / RATE
    wave = np.sin(2.0 * np.pi * pitch * time)
    if odd and 3.0 * pitch < RATE / 2:
        wave += np.sin(6.0 * np.pi * pitch * time) / 3.0
    edge = np.clip(np.minimum(time, time[-1] - time) / 0.003, 0.0, 1.0)
    return peak_one(in_turn(dice, [wave * edge] * dice.whole(2, 10), (gap, gap)))


def bell(dice: Dice) -> Sound:
    """Doorbell, church bell, gong, bicycle: partials that ring for long, struck one to six times."""
    pitch, decay = dice.trait(150.0, 2200.0), dice.trait(0.2, 2.0)
    time = np.arange(int(min(6.0, 4.0 * decay) * RATE)) / RATE
    stroke = np.zeros(len(time))
    for partial in (0.5, 1.0, 1.19, 1.5, 2.0, 2.67, 4.0):  # hum, prime, tierce, quint, nominal and above
        frequency = partial * pitch * dice.between(0.99, 1.01)
        if frequency < 7500.0:
            level = dice.between(0.1, 1.0) * np.exp(-time * (0.5 + 0.5 * partial) / decay)
            stroke += level * np.sin(2.0 * np.pi * frequency * time)
    second = stroke * dice.between(0.5, 1.0)
    sound = np.zeros(len(time) + 6 * RATE)
    gap = dice.between(0.2, 1.2)
    for number in range(dice.whole(1, 6)):
        add(sound, (stroke, second)[number % 2], int(number * gap * RATE))
    return peak_one(sound)


def telephone(dice: Dice) -> Sound:
    """A mechanical bell, an electronic warble, or a short melody; repeated with pauses."""
    kind = dice.whole(0, 2)
    if kind == 2:
        player, root = draw_instrument(dice), dice.trait(400.0, 1100.0)
        steps = [dice.one_of((0, 2, 4, 7, 9, 12)) for _ in range(dice.whole(4, 9))]
        length = dice.between(0.08, 0.3)
        ring = in_turn(
            dice, [tone(player, root * 2.0 ** (step / 12.0), length) for step in steps], (-0.1, -0.1)
        )
    else:
        time = np.arange(int(dice.between(0.6, 2.0) * RATE)) / RATE
        low, high = dice.trait(600.0, 1400.0), dice.trait(1500.0, 3000.0)
        rate = dice.between(8.0, 25.0)
        first = np.sin(2.0 * np.pi * rate * time) > 0.0
        struck = np.exp(-((time * 2.0 * rate) % 1.0) * 2.0) if kind == 0 else 1.0
        ring = struck * np.where(first, np.sin(2 * np.pi * low * time), np.sin(2 * np.pi * high * time))
    return peak_one(in_turn(dice, [ring] * dice.whole(1, 4), (0.3, 2.0)))


def siren(dice: Dice) -> Sound:
    """A tone that sweeps or steps between two pitches, for some seconds."""
    time = np.arange(int(dice.between(2.0, 8.0) * RATE)) / RATE
    swing = np.sin(2.0 * np.pi * dice.between(0.2, 4.0) * time)
    if dice.chance(0.4):
        swing = np.sign(swing)
    pitch = dice.trait(400.0, 1500.0) * 2.0 ** (dice.between(0.2, 0.7) * swing)
    phase = 2.0 * np.pi * np.cumsum(pitch) / RATE
    fade = np.clip(np.minimum(time, time[-1] - time), 0.0, 1.0)
    return peak_one((np.sin(phase) + dice.between(0.0, 0.6) * np.sin(3.0 * phase)) * fade)
