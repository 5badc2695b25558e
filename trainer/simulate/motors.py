"""Motors that do not clean: engines, aircraft, tools, shavers, hair dryers, washing machines."""

from __future__ import annotations

import numpy as np

from trainer.simulate.dice import Dice
from trainer.simulate.scene import RATE, Sound
from trainer.simulate.signals import hum, modes, slow
from trainer.simulate.steady import rush, unsteady
from trainer.simulate.timeline import add, arch, colour, moments


def engine(dice: Dice, samples: int) -> Sound:
    """A piston engine that idles, revs and labours: car, mower, chain saw, moped."""
    idle, top = dice.trait(12.0, 60.0), dice.trait(1.2, 6.0)  # firings a second, and how far it revs
    throttle = np.clip(0.3 + slow(dice, samples, dice.between(0.5, 5.0)), 0.0, 1.0)
    rate = idle * top**throttle * (1.0 + 0.03 * slow(dice, samples, 0.05))
    phase = np.cumsum(rate) / RATE
    # Every firing is a burst of exhaust: sharp in time, hence rich in harmonics.
    burst = np.exp(dice.trait(3.0, 40.0) * (np.cos(2.0 * np.pi * phase) - 1.0))
    uneven = 1.0 + dice.trait(0.0, 0.6) * np.sin(np.pi * phase)  # cylinders differ
    rough = 1.0 + dice.trait(0.0, 1.5) * rush(dice, samples, 200.0, 6000.0)
    rattle = rush(dice, samples, dice.trait(500.0, 2000.0), 6500.0) * (0.3 + burst)
    sound = (burst - burst.mean()) * uneven * rough + dice.trait(0.02, 0.4) * rattle
    loud: Sound = sound * (0.4 + 0.6 * throttle)
    return colour(dice, loud, 24.0)


def helicopter(dice: Dice, samples: int) -> Sound:
    """Blades that slap 9 to 25 times a second, over turbine and wind; it may pass by."""
    rate = dice.trait(9.0, 25.0)
    phase = rate * np.arange(samples) / RATE + 0.05 * slow(dice, samples, 1.0)
    slap = np.exp(dice.trait(2.0, 25.0) * (np.cos(2.0 * np.pi * phase) - 1.0))
    air = rush(dice, samples, 40.0, dice.trait(200.0, 2500.0), dice.trait(0.0, 0.7))
    turbine = hum(dice, samples, dice.trait(200.0, 1500.0), harmonics=3, drift=0.005)
    sound = air * (dice.between(0.05, 0.4) + slap) + (slap - slap.mean()) + dice.trait(0.0, 0.2) * turbine
    heard: Sound = sound * _passing(dice, samples)
    return heard


def aircraft(dice: Dice, samples: int) -> Sound:
    """A jet, a train, a lorry: a roar that comes and goes."""
    roar = rush(dice, samples, 30.0, dice.trait(150.0, 2500.0), dice.trait(0.0, 0.8))
    whine = hum(dice, samples, dice.trait(80.0, 1200.0), harmonics=5, drift=0.05)
    return unsteady(dice, roar + dice.trait(0.0, 0.5) * whine) * _passing(dice, samples)


def hand_tool(dice: Dice, samples: int) -> Sound:
    """A drill, a shaver, a toothbrush, a mixer: a buzz of small motors, switched on and off, pressed on."""
    load = np.clip(0.5 + slow(dice, samples, dice.between(0.3, 2.0)), 0.0, 1.0)
    pitch = dice.trait(50.0, 260.0)
    phase = np.cumsum(pitch * (1.1 - 0.2 * load)) / RATE
    buzz = np.exp(dice.trait(1.0, 30.0) * (np.cos(2.0 * np.pi * phase) - 1.0))
    brush = rush(dice, samples, dice.trait(300.0, 2500.0), 7000.0) * (0.3 + buzz)
    sound = colour(dice, buzz - buzz.mean() + dice.trait(0.02, 0.6) * load * brush, 24.0)
    return sound * _switched(dice, samples, dice.trait(1.0, 12.0))


def hair_dryer(dice: Dice, samples: int) -> Sound:
    """A jet of air without strokes, waved about, on one of two speeds."""
    jet = rush(dice, samples, dice.trait(300.0, 900.0), dice.trait(2500.0, 8000.0))
    blades = hum(dice, samples, dice.trait(250.0, 900.0), harmonics=5, drift=0.003)
    waved = 1.0 + 0.35 * slow(dice, samples, dice.between(0.3, 1.0))
    return (jet * waved + dice.trait(0.05, 0.5) * blades) * _switched(dice, samples, dice.trait(6.0, 30.0))


def washing_machine(dice: Dice, samples: int) -> Sound:
    """A drum that turns one way and the other with wet cloth in it, or spins."""
    turn = dice.trait(0.6, 1.1) if dice.chance(0.6) else dice.trait(8.0, 20.0)  # a second
    phase = 2.0 * np.pi * turn * np.arange(samples) / RATE
    motor = hum(dice, samples, dice.trait(90.0, 400.0), harmonics=12, drift=0.01)
    slosh = rush(dice, samples, dice.trait(60.0, 300.0), dice.trait(600.0, 3000.0), 0.5)
    turning = np.clip(4.0 * np.sin(phase / (turn * 14.0)) ** 2 - 0.4, 0.0, 1.0)
    sound = (dice.trait(0.1, 1.0) * motor + slosh * (0.5 + 0.5 * np.sin(phase)) ** 3) * turning
    buckle = modes(dice, 0.02, 800.0, 6000.0)
    for start in moments(dice, samples, dice.trait(0.05, 1.0)):
        add(sound, buckle, start, dice.between(0.2, 1.5))
    return unsteady(dice, sound + 0.05 * slosh)


def _passing(dice: Dice, samples: int) -> Sound:
    """A gain that rises as something comes near and falls as it goes; sometimes it stays."""
    if dice.chance(0.4):
        return np.ones(samples)
    gain = np.full(samples, 0.08)
    for start in moments(dice, samples, 0.06):
        length = int(dice.between(6.0, 25.0) * RATE)
        add(gain, arch(length, dice.between(0.3, 0.7)) ** 2, start - length // 2)
    return gain


def _switched(dice: Dice, samples: int, seconds: float) -> Sound:
    """On at first and for some seconds, then off for fewer; it takes time to run up and down."""
    on = np.zeros(samples)
    at = -int(dice.between(0.05, 0.35) * seconds * RATE)
    while at < samples:
        length = int(dice.between(0.4, 1.6) * seconds * RATE)
        add(on, np.minimum(1.0, 8.0 * arch(length)), at)
        at += length + int(min(dice.between(0.1, 0.5) * seconds, 6.0) * RATE)
    return np.minimum(on, 1.0)
