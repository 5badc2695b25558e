from __future__ import annotations

import subprocess

import numpy as np
import pytest

from monitor.errors import Exit, MonitorError
from trainer.simulate import voices
from trainer.simulate.dice import Dice
from trainer.simulate.phrases import SENTENCES
from trainer.simulate.scene import RATE, Sound
from trainer.simulate.voices import VARIANTS, Voice, draw_speakers, draw_voice, natural, speak


def voice(language: str = "en", variant: str = "m1", rate: int = 170, tract: float = 1.0) -> Voice:
    """A plain voice."""
    return Voice(language, variant, rate, 50, 50, tract, cutoff=8000.0, melody=0.0, breath=0.0)


@pytest.fixture(autouse=True)
def _needs_espeak() -> None:
    pytest.importorskip("espeakng_loader")


def centroid(sound: Sound) -> float:
    """Hertz about which the power lies."""
    power = np.abs(np.fft.rfft(sound)) ** 2
    return float((power * np.fft.rfftfreq(len(sound), 1 / RATE)).sum() / power.sum())


def test_every_language_and_variant_speaks() -> None:
    """espeak-ng knows all languages and variants, and each says something of its own."""
    everybody = [voice(language=language) for language in SENTENCES] + [voice(variant=v) for v in VARIANTS]
    spoken = speak([(somebody, "Oh no!") for somebody in everybody])
    assert all(len(sound) > 0.15 * RATE and np.abs(sound).max() == pytest.approx(1.0) for sound in spoken)
    assert len({sound.tobytes() for sound in spoken[len(SENTENCES) :]}) > 0.9 * len(VARIANTS)


def test_same_requests_same_sound() -> None:
    """Every process says the same list of requests the same way, whatever was said before."""
    requests = [(voice(), "Good morning."), (voice("de", "f2"), "Guten Morgen.")]
    first = speak(requests)
    speak([(voice("fr", "klatt"), "Bonjour.")])
    for one, again in zip(first, speak(requests), strict=True):
        np.testing.assert_array_equal(one, again)


def test_faster_is_shorter_and_smaller_is_higher() -> None:
    """Rate and tract do what they say."""
    text = "The train was late, so I walked."
    slow, fast, small = speak([(voice(rate=130), text), (voice(rate=240), text), (voice(tract=1.25), text)])
    assert len(fast) < 0.8 * len(slow)
    assert centroid(small) > 1.1 * centroid(slow)


def test_natural_voice_is_softer_and_not_the_same_twice() -> None:
    """A low cut-off takes the edge off; saying it again is not a copy."""
    soft = Voice("en", "m1", 170, 50, 50, 1.0, cutoff=1500.0, melody=0.1, breath=0.02)
    (dry,) = speak([(soft, "Sixteen cups on the shelf.")])
    dice = Dice(1)
    first, second = natural(dice, soft, dry), natural(dice, soft, dry)
    assert centroid(first) < 0.9 * centroid(dry)
    assert not np.array_equal(first, second)
    assert np.abs(first).max() == pytest.approx(1.0)


def test_held_out_voices_are_nobody_from_training() -> None:
    """Language and variant of held-out dice never occur with others."""
    training = [draw_voice(Dice(seed)) for seed in range(60)]
    held_out = [draw_voice(Dice(seed, held_out=True)) for seed in range(60)]
    assert not {v.variant for v in training} & {v.variant for v in held_out}
    assert not {v.language for v in training} & {v.language for v in held_out}


def test_speakers_have_what_was_asked_for() -> None:
    """As many people, sentences and murmurs as wanted; murmurs are short."""
    speakers = draw_speakers(Dice(3), count=2, sentences=3, murmurs=2)
    assert [(len(s.sentences), len(s.murmurs)) for s in speakers] == [(3, 2), (3, 2)]
    assert all(len(murmur) < 1.5 * RATE for speaker in speakers for murmur in speaker.murmurs)


def test_missing_espeak_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without espeak-ng the error names the extra."""
    monkeypatch.setattr(voices, "find_spec", lambda _name: None)
    with pytest.raises(MonitorError, match=r"pip install 'activity-monitor\[simulate\]'") as caught:
        speak([(voice(), "Hm.")])
    assert caught.value.exit_code is Exit.UNAVAILABLE


def test_failure_of_espeak_is_told() -> None:
    """A voice that espeak-ng has not got is an error with its reason in one line."""
    with pytest.raises(MonitorError, match=r"^espeak-ng failed: espeak-ng has no voice xx\+m1$"):
        speak([(voice(language="xx"), "Hm.")])


def test_a_crash_of_espeak_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that dies without a word is an error, not silence."""
    dead = subprocess.CompletedProcess([], -11, stdout=b"", stderr=b"")
    monkeypatch.setattr(subprocess, "run", lambda *_args, **_options: dead)
    with pytest.raises(MonitorError, match="espeak-ng failed"):
        speak([(voice(), "Hm.")])
