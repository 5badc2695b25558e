"""Voices: who speaks, and what they sound like when they do."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import scipy.ndimage
import scipy.signal
import soxr

from monitor.errors import Exit, MonitorError, safe
from trainer.simulate.dice import Dice
from trainer.simulate.phrases import LISTENING, SENTENCES
from trainer.simulate.scene import RATE, Sound
from trainer.simulate.signals import peak_one, slow

ESPEAK_RATE = 22050
"""Hertz"""
# Those of espeak-ng's voice variants that could be people.
# fmt: off
VARIANTS = (
    "m1", "f1", "m2", "f2", "m3", "f3", "m4", "f4", "m5", "f5", "m6", "m7", "m8", "klatt", "klatt2",
    "klatt3", "klatt4", "klatt5", "Alex", "Andrea", "Andy", "Annie", "Denis", "Gene", "Jacky", "Mario",
    "Michael", "Mike", "Reed", "adam", "antonio", "aunty", "belinda", "benjamin", "boris", "caleb",
    "david", "ed", "edward", "grandma", "grandpa", "ian", "iven2", "john", "kaukovalta", "marcelo", "max",
    "norbert", "paul", "pedro", "quincy", "rob", "robert", "sandro", "shelby", "steph", "steph2",
    "travis", "victor", "zac",
)
# fmt: on


@dataclass(frozen=True)
class Voice:
    """A person's way of speaking."""

    language: str
    variant: str
    rate: int
    """Words per minute"""
    pitch: int
    """0 to 99, as espeak-ng counts it; 50 is usual for the variant"""
    pitch_range: int
    """0 to 99: from monotonous to singsong"""
    tract: float
    """Formants and pitch are raised by this factor: small people are above 1"""
    cutoff: float
    """Hertz above which the voice loses 6 dB per octave: soft voices are below 3000"""
    melody: float
    """Share by which pitch and pace wander, beyond what the synthesiser does"""
    breath: float
    """Level of the breath beside the voice, 0 to 0.3"""


def draw_voice(dice: Dice) -> Voice:
    """Somebody: man, woman, child, young or old."""
    return Voice(
        language=dice.trait_of(tuple(SENTENCES)),
        variant=dice.trait_of(VARIANTS),
        rate=round(dice.trait(120.0, 250.0)),
        pitch=round(dice.trait(15.0, 90.0)),
        pitch_range=round(dice.trait(20.0, 99.0)),
        tract=dice.trait(0.86, 1.3),
        cutoff=dice.trait(1200.0, 8000.0),
        melody=dice.trait(0.02, 0.16),
        breath=dice.trait(0.0, 0.3) ** 2,
    )


@dataclass(frozen=True)
class Speaker:
    """A voice with things that it says; each with a peak of 1."""

    voice: Voice
    sentences: list[Sound]
    murmurs: list[Sound]
    """What it says while it listens"""


def draw_speakers(dice: Dice, count: int, sentences: int, murmurs: int = 0) -> list[Speaker]:
    """People and what they say.

    Args:
        dice: decide who they are and what they say.
        count: people.
        sentences: of each, 1 to 5 s long.
        murmurs: of each, less than 1 s long.

    Raises:
        MonitorError: espeak-ng is missing or fails.
    """
    voices = [draw_voice(dice) for _ in range(count)]
    requests = []
    for voice in voices:
        texts = [dice.one_of(SENTENCES[voice.language]) for _ in range(sentences)]
        requests += [(voice, text) for text in texts + [dice.one_of(LISTENING) for _ in range(murmurs)]]
    spoken = [natural(dice, voice, dry) for (voice, _), dry in zip(requests, speak(requests), strict=True)]
    each = sentences + murmurs
    return [
        Speaker(voice, spoken[k * each : k * each + sentences], spoken[k * each + sentences : (k + 1) * each])
        for k, voice in enumerate(voices)
    ]


def speak(requests: Sequence[tuple[Voice, str]]) -> list[Sound]:
    """Texts as espeak-ng says them, one after the other; equal lists of requests give equal sounds.

    Returns:
        `[samples]` at 16 kHz for each request, peak 1.

    Raises:
        MonitorError: espeak-ng is missing or fails.
    """
    if find_spec("espeakng_loader") is None:
        raise MonitorError(
            "simulated speech wants espeak-ng, which is not installed: "
            "pip install 'activity-monitor[simulate]'",
            Exit.UNAVAILABLE,
        )
    lines = [[text, f"{v.language}+{v.variant}", v.rate, v.pitch, v.pitch_range] for v, text in requests]
    program = Path(__file__).with_name("espeak.py")
    # -P: the program's folder is not a place to import from.
    done = subprocess.run(
        [sys.executable, "-P", program], input=json.dumps(lines).encode(), capture_output=True, check=False
    )
    if done.returncode != 0:
        reason = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise MonitorError(f"espeak-ng failed: {safe(reason)}", Exit.UNAVAILABLE)
    voices = [voice for voice, _ in requests]
    return [_at_our_rate(pcm, v.tract) for pcm, v in zip(_unpacked(done.stdout), voices, strict=True)]


def natural(dice: Dice, voice: Voice, dry: Sound) -> Sound:
    """What a synthesiser leaves out: unsteady pitch and level, breath, a softer edge; peak 1."""
    pace = (
        dice.between(0.93, 1.07)
        + voice.melody * slow(dice, len(dry), 0.3)
        + 0.01 * slow(dice, len(dry), 0.03)
    )
    warped = np.interp(np.cumsum(pace), np.arange(len(dry)), dry)
    envelope = scipy.ndimage.uniform_filter1d(np.abs(warped), RATE // 50)
    breathy = warped + voice.breath * envelope * dice.rng.standard_normal(len(dry))
    fade = np.exp(-2.0 * np.pi * voice.cutoff / RATE)
    soft = scipy.signal.lfilter([1.0 - fade], [1.0, -fade], breathy)
    return peak_one(soft * (1.0 + 0.25 * slow(dice, len(dry), 0.2)))


def _unpacked(data: bytes) -> list[Sound]:
    """The phrases in what `espeak.py` wrote: `[samples]` at 22.05 kHz."""
    phrases = []
    at = 0
    while at < len(data):
        (count,) = struct.unpack_from("<I", data, at)
        phrases.append(np.frombuffer(data, "<i2", count, at + 4).astype(np.float64))
        at += 4 + 2 * count
    return phrases


def _at_our_rate(pcm: Sound, tract: float) -> Sound:
    return peak_one(soxr.resample(pcm, ESPEAK_RATE * tract, RATE, "MQ"))
