"""Generated sounds of the nine DCASE 2018 activities, dry and mono at 16 kHz.

They are caricatures: each activity is made of the few kinds of sound that a listener would name first (a
vacuum cleaner whirrs, dishes clink under running water), with every parameter drawn from a wide range. A
model that is trained on them knows these caricatures, not homes.

Every generator takes a `numpy.random.Generator` and a number of samples and returns float64 `[samples]`, with
a peak of 1; the same generator state gives the same sound. Frequencies are hertz, times seconds.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import scipy.signal

RATE = 16000
"""Hertz"""

Sound = npt.NDArray[np.float64]
Generator = np.random.Generator


def absence(rng: Generator, samples: int) -> Sound:
    """An empty room: rumble of ventilation and traffic, often mains hum, now and then a creak."""
    sound = noise(rng, samples, 20.0, between(rng, 150.0, 900.0), tilt=between(rng, 0.8, 1.6))
    sound *= swell(rng, samples, period=between(rng, 2.0, 8.0), depth=0.3)
    if rng.random() < 0.6:
        sound += between(rng, 0.05, 0.6) * hum(rng, samples, 50.0)
    creaks = [lambda: modes(rng, between(rng, 0.05, 0.3), 80.0, 600.0)]
    return peak_one(sound + between(rng, 0.0, 0.5) * scatter(rng, samples, 0.05, creaks))


def cooking(rng: Generator, samples: int) -> Sound:
    """Sizzling or boiling in a pan, with a spoon or knife at work."""
    sizzle = noise(rng, samples, between(rng, 1500.0, 3500.0), 7800.0) * swell(rng, samples, 0.7, depth=0.5)
    spit = scatter(rng, samples, between(rng, 15.0, 60.0), [lambda: click(rng, 0.004)])
    boil = scatter(rng, samples, between(rng, 10.0, 40.0), [lambda: bubble(rng)])
    tools = [
        lambda: modes(rng, between(rng, 0.05, 0.25), 400.0, 2500.0),  # spoon against the pan
        lambda: knock(rng, 0.05, 120.0, 500.0),  # knife on the board
    ]
    work = scatter(rng, samples, between(rng, 0.3, 2.0), tools)
    frying = between(rng, 0.2, 1.0)
    heat = frying * (sizzle + 0.7 * spit) + (1.2 - frying) * boil
    return peak_one(heat + between(rng, 0.3, 1.2) * work)


def dishwashing(rng: Generator, samples: int) -> Sound:
    """Water running into the sink, plates and cutlery clinking under it."""
    water = noise(rng, samples, between(rng, 250.0, 700.0), between(rng, 3500.0, 7000.0), tilt=0.4)
    water *= swell(rng, samples, between(rng, 0.3, 1.5), depth=0.8)
    splashes = scatter(rng, samples, between(rng, 4.0, 15.0), [lambda: bubble(rng)])
    dishes = [
        lambda: modes(rng, between(rng, 0.1, 0.5), 900.0, 5000.0),
        lambda: modes(rng, between(rng, 0.05, 0.2), 2500.0, 7000.0),
    ]
    clinks = scatter(rng, samples, between(rng, 1.0, 3.0), dishes)
    return peak_one(between(rng, 0.3, 1.0) * water + 0.5 * splashes + between(rng, 0.6, 1.4) * clinks)


def eating(rng: Generator, samples: int) -> Sound:
    """Cutlery on a plate, chewing, a glass put down; quiet in between."""
    table = [
        lambda: modes(rng, between(rng, 0.15, 0.6), 2000.0, 7000.0),  # fork on china
        lambda: modes(rng, between(rng, 0.15, 0.6), 1500.0, 5000.0),
        lambda: 0.6 * chewing(rng),
        lambda: 0.7 * modes(rng, 0.12, 150.0, 900.0),  # a glass on the table
    ]
    room = noise(rng, samples, 30.0, 800.0, tilt=1.0)
    return peak_one(scatter(rng, samples, between(rng, 0.6, 1.6), table) + between(rng, 0.01, 0.06) * room)


def other(rng: Generator, samples: int) -> Sound:
    """What belongs to no other class: steps, doors, rustling cloth, something dropped."""
    events = [
        lambda: footsteps(rng),
        lambda: knock(rng, between(rng, 0.15, 0.4), 50.0, 350.0),  # a door
        lambda: 0.8 * rustle(rng),
        lambda: modes(rng, between(rng, 0.05, 0.2), 200.0, 1500.0),
    ]
    room = noise(rng, samples, 30.0, 1500.0, tilt=0.8)
    return peak_one(scatter(rng, samples, between(rng, 0.3, 0.8), events) + between(rng, 0.01, 0.08) * room)


def social_activity(rng: Generator, samples: int) -> Sound:
    """Two to four people who talk in turns and across each other."""
    sound = between(rng, 0.01, 0.04) * noise(rng, samples, 30.0, 1500.0, tilt=0.8)
    for _ in range(int(rng.integers(2, 5))):
        sound += between(rng, 0.4, 1.0) * speech(rng, samples, between(rng, 85.0, 260.0), pauses=0.5)
    return peak_one(sound)


def vacuum_cleaner(rng: Generator, samples: int) -> Sound:
    """Rush of air and the whine of a motor, steady but for the strokes over the floor."""
    air = noise(rng, samples, between(rng, 60.0, 200.0), between(rng, 5000.0, 7800.0), between(rng, 0.1, 0.6))
    whine = hum(rng, samples, between(rng, 180.0, 700.0), harmonics=8, drift=0.02)
    strokes = swell(rng, samples, between(rng, 0.8, 2.5), depth=between(rng, 0.1, 0.4))
    return peak_one((air + between(rng, 0.2, 1.0) * whine) * strokes)


def watching_tv(rng: Generator, samples: int) -> Sound:
    """A speaker's voice over music and jingles, all through a small loudspeaker."""
    voice = speech(rng, samples, between(rng, 90.0, 230.0), pauses=0.15)
    sound = between(rng, 0.3, 1.0) * voice + between(rng, 0.3, 1.0) * music(rng, samples)
    band = (between(rng, 120.0, 300.0), between(rng, 4000.0, 7000.0))
    return peak_one(bandpass(sound, *band) + 0.01 * noise(rng, samples, 30.0, 1500.0, tilt=0.8))


def working(rng: Generator, samples: int) -> Sound:
    """Typing in bursts and clicks of a mouse over the fan of a computer."""
    keys = [lambda: key_press(rng)]
    bursts = swell(rng, samples, between(rng, 1.0, 3.0), depth=1.0) > between(rng, 0.3, 0.6)
    typing = scatter(rng, samples, between(rng, 5.0, 10.0), keys, where=bursts)
    mouse = scatter(rng, samples, between(rng, 0.2, 0.8), [lambda: click(rng, 0.003)])
    fan = noise(rng, samples, 80.0, between(rng, 800.0, 2500.0), tilt=0.7)
    fan += between(rng, 0.0, 0.5) * hum(rng, samples, between(rng, 90.0, 200.0), harmonics=3)
    return peak_one(typing + 0.6 * mouse + between(rng, 0.02, 0.12) * fan)


ACTIVITIES: dict[str, Callable[[Generator, int], Sound]] = {
    activity.__name__: activity
    for activity in (
        absence,
        cooking,
        dishwashing,
        eating,
        other,
        social_activity,
        vacuum_cleaner,
        watching_tv,
        working,
    )
}


# Steady sounds: as long as the recording, with an rms of about 1.


def noise(rng: Generator, samples: int, low: float, high: float, tilt: float = 0.0) -> Sound:
    """Noise between two frequencies whose amplitude falls with frequency as f ** -tilt; rms 1."""
    frequencies = np.fft.rfftfreq(samples, 1.0 / RATE)
    # Soft edges an eighth of an octave wide, because no real sound ends in a step.
    edges = 1.0 / (1.0 + (low / np.maximum(frequencies, 1.0)) ** 16 + (frequencies / high) ** 16)
    shape = edges * np.maximum(frequencies, low) ** -tilt
    sound = np.fft.irfft(np.fft.rfft(rng.standard_normal(samples)) * shape, samples)
    return sound / rms(sound)


def hum(rng: Generator, samples: int, pitch: float, harmonics: int = 6, drift: float = 0.0) -> Sound:
    """Harmonics of a slowly drifting pitch (relative drift), random levels and phases; rms 1."""
    phase = 2.0 * np.pi * np.cumsum(pitch * (1.0 + drift * slow(rng, samples, 1.0))) / RATE
    sound = np.zeros(samples)
    for harmonic in range(1, harmonics + 1):
        if harmonic * pitch * (1.0 + drift) < RATE / 2:
            sound += between(rng, 0.1, 1.0) / harmonic * np.sin(harmonic * phase + between(rng, 0.0, 6.28))
    return sound / rms(sound)


def music(rng: Generator, samples: int) -> Sound:
    """Chords of plucked or held tones, one after the other; rms 1."""
    beat = int(between(rng, 0.25, 0.6) * RATE)
    root = between(rng, 110.0, 220.0)
    decay = between(rng, 0.2, 1.5)
    time = np.arange(2 * beat) / RATE
    sound = np.zeros(samples + 2 * beat)
    for start in range(0, samples, beat):
        for _ in range(3):
            tone = root * 2.0 ** (rng.choice([0, 3, 5, 7, 10, 12, 15, 17, 19, 24]) / 12.0)
            partials = sum(np.sin(2.0 * np.pi * tone * k * time) / k**1.5 for k in range(1, 5))
            sound[start : start + 2 * beat] += partials * np.exp(-time / decay) * np.minimum(1, time / 0.01)
    return sound[:samples] / rms(sound)


def speech(rng: Generator, samples: int, pitch: float, pauses: float) -> Sound:
    """A voice: voiced and unvoiced syllables in phrases, silent for about `pauses` of the time; rms 1."""
    sound = np.zeros(samples + RATE)
    at = int(between(rng, 0.0, 1.0) * RATE)
    while at < samples:
        for _ in range(int(rng.integers(4, 14))):  # syllables of a phrase
            syllable = vowel(rng, pitch) if rng.random() < 0.8 else 0.4 * fricative(rng)
            end = min(at + len(syllable), len(sound))
            sound[at:end] += syllable[: end - at]
            at = min(at + int(0.85 * len(syllable)), samples)
        at += int(rng.exponential(2.0 * pauses / (1.0 - pauses)) * RATE)
    return sound[:samples] / max(rms(sound), 1e-9)


# Events: short, with a peak of 1.


def modes(rng: Generator, decay: float, low: float, high: float) -> Sound:
    """A struck object: three to seven damped modes between two frequencies; decay to 1/e in `decay`."""
    time = np.arange(int(5 * decay * RATE)) / RATE
    sound = np.zeros(len(time))
    for _ in range(int(rng.integers(3, 8))):
        damping = decay * between(rng, 0.3, 1.0)
        tone = np.sin(2.0 * np.pi * between(rng, low, high) * time + between(rng, 0.0, 6.28))
        sound += between(rng, 0.2, 1.0) * tone * np.exp(-time / damping)
    return peak_one(sound)


def click(rng: Generator, decay: float) -> Sound:
    """A burst of noise that dies away; decay to 1/e in `decay`."""
    time = np.arange(max(32, int(5 * decay * RATE))) / RATE
    return peak_one(rng.standard_normal(len(time)) * np.exp(-time / decay))


def knock(rng: Generator, decay: float, low: float, high: float) -> Sound:
    """A struck object with the noise of the contact; decay of 0.05 or more."""
    sound, contact = modes(rng, decay, low, high), click(rng, 0.02)
    sound[: len(contact)] += 0.5 * contact
    return peak_one(sound)


def key_press(rng: Generator) -> Sound:
    """A key going down and, softer, up again."""
    sound = np.zeros(int(0.2 * RATE))
    for at, level in ((0.0, 1.0), (between(rng, 0.06, 0.12), 0.4)):
        stroke = level * (click(rng, 0.004)[:320] + 0.5 * modes(rng, 0.004, 1000.0, 4000.0)[:320])
        start = int(at * RATE)
        sound[start : start + len(stroke)] += stroke
    return peak_one(sound)


def bubble(rng: Generator) -> Sound:
    """A bubble in water: a tone that rises while it dies away."""
    time = np.arange(int(between(rng, 0.02, 0.08) * RATE)) / RATE
    pitch = between(rng, 250.0, 1200.0)
    return np.sin(2.0 * np.pi * pitch * (1.0 + 3.0 * time) * time) * np.exp(-time / 0.02)


def chewing(rng: Generator) -> Sound:
    """Some seconds of crunches at a jaw's pace."""
    samples = int(between(rng, 1.5, 3.0) * RATE)
    pace = between(rng, 1.2, 2.0)
    crunches = np.maximum(0.0, np.sin(2.0 * np.pi * pace * np.arange(samples) / RATE)) ** 4
    grains = scatter(rng, samples, 120.0, [lambda: click(rng, 0.003)])
    return peak_one(crunches * bandpass(grains, 200.0, 3000.0))


def footsteps(rng: Generator) -> Sound:
    """Three to seven steps."""
    steps, pace = int(rng.integers(3, 8)), between(rng, 0.45, 0.7)
    sound = np.zeros(int((steps * pace + 1.0) * RATE))
    for step in range(steps):
        impact = between(rng, 0.6, 1.0) * modes(rng, 0.05, 60.0, 400.0)
        start = int(step * pace * RATE)
        sound[start : start + len(impact)] += impact
    return peak_one(sound)


def rustle(rng: Generator) -> Sound:
    """Cloth or paper moved about for a second or two."""
    samples = int(between(rng, 0.5, 2.0) * RATE)
    sound = noise(rng, samples, between(rng, 800.0, 2000.0), 7500.0) * swell(rng, samples, 0.15, depth=1.0)
    return peak_one(sound * scipy.signal.windows.hann(samples))


def vowel(rng: Generator, pitch: float) -> Sound:
    """A voiced syllable: pulses of a gliding pitch through three formants."""
    samples = int(between(rng, 0.1, 0.3) * RATE)
    glide = pitch * np.linspace(between(rng, 0.8, 1.3), between(rng, 0.8, 1.2), samples)
    phase = np.cumsum(glide) / RATE
    pulses = np.diff(np.floor(phase), prepend=0.0) + 0.02 * rng.standard_normal(samples)
    formants = (between(rng, 280.0, 850.0), between(rng, 900.0, 2300.0), between(rng, 2300.0, 3200.0))
    sound = np.zeros(samples)
    for formant, level in zip(formants, (1.0, 0.6, 0.3), strict=True):
        radius = np.exp(-np.pi * (60.0 + 0.04 * formant) / RATE)  # bandwidth about 70 to 190 Hz
        poles = [1.0, -2.0 * radius * np.cos(2.0 * np.pi * formant / RATE), radius**2]
        sound += level * (1.0 - radius) * scipy.signal.lfilter([1.0], poles, pulses)
    return peak_one(sound * scipy.signal.windows.tukey(samples, 0.5))


def fricative(rng: Generator) -> Sound:
    """An unvoiced syllable: s, sh, f."""
    samples = int(between(rng, 0.06, 0.16) * RATE)
    sound = noise(rng, samples, between(rng, 2000.0, 4000.0), 7800.0)
    return peak_one(sound * scipy.signal.windows.hann(samples))


# Tools.


def between(rng: Generator, low: float, high: float) -> float:
    """A number between two, all equally likely."""
    return float(rng.uniform(low, high))


def scatter(
    rng: Generator,
    samples: int,
    rate: float,
    events: list[Callable[[], Sound]],
    where: npt.NDArray[np.bool_] | None = None,
) -> Sound:
    """Events at random times, `rate` a second on average and at least one, levels over 12 dB.

    Args:
        rng: source of random numbers.
        samples: length of the result.
        rate: events per second.
        events: one of these is made for each time; with a peak of 1.
        where: events start only where this is true `[samples]`; None: anywhere.
    """
    sound = np.zeros(samples)
    starts = rng.integers(0, samples, size=max(1, rng.poisson(rate * samples / RATE)))
    for start in starts:
        event = between(rng, 0.25, 1.0) * events[int(rng.integers(len(events)))]()
        if where is None or where[start]:
            end = min(start + len(event), samples)
            sound[start:end] += event[: end - start]
    return sound


def slow(rng: Generator, samples: int, period: float) -> Sound:
    """A smooth random curve in [-1, 1] that turns about every `period` seconds."""
    knots = rng.uniform(-1.0, 1.0, size=4 + int(samples / RATE / period))
    return np.interp(np.linspace(0.0, len(knots) - 1.0, samples), np.arange(len(knots)), knots)


def swell(rng: Generator, samples: int, period: float, depth: float) -> Sound:
    """A smooth random gain in [1 - depth, 1]."""
    return 1.0 - depth * (0.5 + 0.5 * slow(rng, samples, period))


def bandpass(sound: Sound, low: float, high: float) -> Sound:
    """Band-pass of second order, -3 dB at `low` and `high`."""
    filtered: Sound = scipy.signal.sosfilt(
        scipy.signal.butter(2, (low, high), "bandpass", fs=RATE, output="sos"), sound
    )
    return filtered


def rms(sound: Sound) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(sound**2)))


def peak_one(sound: Sound) -> Sound:
    """The sound with a largest absolute value of 1."""
    return sound / max(float(np.abs(sound).max()), 1e-12)
