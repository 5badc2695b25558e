from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from monitor.errors import MonitorError
from trainer.simulate import own_clips, session
from trainer.simulate.dice import Dice
from trainer.simulate.own_clips import find, of_fold, played
from trainer.simulate.scene import RATE, Source, Spot


def write(
    path: Path, seconds: float = 0.5, rate: int = 44100, channels: int = 2, hertz: float = 400.0
) -> Path:
    """A tone, in phase on all channels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tone = 0.5 * np.sin(2.0 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)
    soundfile.write(path, np.tile(tone[:, None], (1, channels)), rate)
    return path


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_any_format_is_played(tmp_path: Path, suffix: str) -> None:
    """Any rate and number of channels become mono at 16 kHz, of the same pitch, at the usual place."""
    path = write(tmp_path / "eating" / f"clip{suffix}")
    (clips,) = find(tmp_path).values()
    assert clips == [path]
    source = played(Dice(1), clips, "eating", 3 * RATE)
    assert (source.spot, len(source.pascals)) == (Spot.TABLE, 3 * RATE)
    spectrum = np.abs(np.fft.rfft(source.pascals))
    assert np.fft.rfftfreq(3 * RATE, 1 / RATE)[spectrum.argmax()] == pytest.approx(400.0, abs=5.0)
    assert 20 * np.log10(np.sqrt(np.mean(source.pascals**2)) / 2e-5) == pytest.approx(50.0, abs=20.0)


def test_long_clips_are_cut_anywhere(tmp_path: Path) -> None:
    """Of a clip that is longer than the session every session hears another part, without a click."""
    path = tmp_path / "rising.wav"
    soundfile.write(path, np.linspace(0.1, 1.0, 20 * RATE), RATE)
    cuts = [own_clips._excerpt(Dice(seed), path, 2 * RATE) for seed in range(5)]
    assert {len(cut) for cut in cuts} == {2 * RATE}
    assert len({float(cut.max()) for cut in cuts}) == 5
    assert all(cut[0] == cut[-1] == 0.0 for cut in cuts)


def test_a_clip_stays_in_one_fold() -> None:
    """Folds and evaluation share no clip, and all are used."""
    clips = [Path(f"{number}.wav") for number in range(12)]
    parts = [of_fold(clips, fold) for fold in (1, 2, 3, 4, 0)]
    assert sorted(clip for part in parts for clip in part) == sorted(clips)
    assert [len(part) for part in parts] == [3, 3, 2, 2, 2]
    assert list(of_fold(clips[:1], 1)) == clips[:1]
    assert list(of_fold(clips[:1], 2)) == []


def test_half_of_the_sessions_play_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of these about half do without generated sounds of the activity; the background is always there."""
    clips: Sequence[Path] = [write(tmp_path / "eating" / "a.wav")]
    silence = np.zeros(RATE)
    monkeypatch.setitem(session.ACTIVITIES, "eating", lambda *_: [Source(silence, Spot.FLOOR)])
    monkeypatch.setattr(session, "background", lambda *_: [Source(silence, Spot.OUTSIDE)])
    monkeypatch.setattr(session, "DISTRACTIONS", {})
    monkeypatch.setattr(session, "ALONE", 0.0)
    heard = [
        "".join(one.spot[0] for one in session.compose("eating", (number,), RATE, held_out=False, own=clips))
        for number in range(200)
    ]
    assert set(heard) == {"fo", "fto", "to"}  # floor: generated; table: own; outside: background
    assert 70 <= sum("t" in spots for spots in heard) <= 130
    assert 30 <= heard.count("to") <= 70


def test_unknown_activity(tmp_path: Path) -> None:
    """A folder that is named after no activity is refused with the nearest name, or with all."""
    write(tmp_path / "dish_washing" / "a.wav")
    with pytest.raises(MonitorError, match=r"dish_washing is named after no activity; .* dishwashing\?"):
        find(tmp_path)
    (tmp_path / "dish_washing").rename(tmp_path / "xyz")
    with pytest.raises(MonitorError, match="there are absence, cooking"):
        find(tmp_path)


def test_unreadable_clip(tmp_path: Path) -> None:
    """It is refused at once, and named."""
    write(tmp_path / "eating" / "a.wav")
    (tmp_path / "eating" / "b.flac").write_bytes(b"not audio")
    with pytest.raises(MonitorError, match=r"clip .*b\.flac cannot be read"):
        find(tmp_path)


def test_clip_without_sound(tmp_path: Path) -> None:
    """A header alone is refused at once, samples that are no numbers when they are played."""
    path = write(tmp_path / "eating" / "a.wav", seconds=0.0)
    with pytest.raises(MonitorError, match=r"a\.wav lasts 0 s; at least 0\.1 s"):
        find(tmp_path)
    soundfile.write(path, np.full(RATE, np.nan), RATE, subtype="FLOAT")
    with pytest.raises(MonitorError, match=r"a\.wav holds samples that are not finite numbers"):
        played(Dice(1), [path], "eating", RATE)


@pytest.mark.parametrize(
    ("made", "message", "code"),
    [
        ("nowhere", "there is no folder of sounds", 66),
        ("here", "holds no folder of an activity", 66),
        ("here/eating", "eating holds no clip", 65),
    ],
)
def test_nothing_there(tmp_path: Path, made: str, message: str, code: int) -> None:
    """No folder, no folder in it, or none with a clip."""
    if made != "nowhere":
        (tmp_path / made).mkdir(parents=True)
    with pytest.raises(MonitorError, match=message) as caught:
        find(tmp_path / "here")
    assert caught.value.exit_code == code


def test_fingerprint(tmp_path: Path) -> None:
    """It changes with the clips, not with the place of the folder."""
    write(tmp_path / "a" / "eating" / "a.wav")
    before = own_clips.fingerprint(find(tmp_path / "a"))
    (tmp_path / "a").rename(tmp_path / "b")
    assert own_clips.fingerprint(find(tmp_path / "b")) == before
    write(tmp_path / "b" / "eating" / "b.wav")
    assert own_clips.fingerprint(find(tmp_path / "b")) != before
