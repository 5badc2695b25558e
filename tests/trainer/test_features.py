from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from monitor.errors import MonitorError
from monitor.inference.logmel import LogMelSpec, log_mel
from tests.toy_training import RATE, sound
from trainer import chunks, features, files
from trainer.datasets import Clip
from trainer.features import FrontEnd, example, extract, read_window

SPEC = LogMelSpec(sample_rate=RATE, n_mels=16, window_seconds=0.064, hop_seconds=0.064)

FRONT_END = FrontEnd(SPEC, 1.0, "each")


def clip(path: Path, samples: np.ndarray, rate: int = RATE) -> Clip:
    """A clip that was just written."""
    soundfile.write(path, samples, rate, subtype="FLOAT")
    return Clip(path, "low", 1, path.name)


def test_every_channel_is_an_example(tmp_path: Path) -> None:
    """A clip gives one example per channel, each the daemon's own spectrogram of it."""
    four, one = sound("hiss", 1.0, 1, channels=4), sound("low", 1.0, 2)
    made = extract(
        [clip(tmp_path / "a.wav", four), clip(tmp_path / "b.wav", one)], FRONT_END, tmp_path / "cache"
    )
    assert made.clip.tolist() == [0, 0, 0, 0, 1]
    np.testing.assert_array_equal(made.examples[np.arange(4)], log_mel(four.T.astype(np.float32), SPEC))
    np.testing.assert_array_equal(made.examples[np.array([4])], log_mel(one.T.astype(np.float32), SPEC))


def test_short_clips_are_left_out(tmp_path: Path) -> None:
    """A clip with 99 % of a window is completed with zeros, a shorter one is left out and told."""
    whole = clip(tmp_path / "a.wav", sound("hiss", 1.0, 1))
    almost = clip(tmp_path / "b.wav", sound("hiss", 0.995, 2))
    short = clip(tmp_path / "c.wav", sound("hiss", 0.98, 3))
    made = extract([short, whole, almost], FRONT_END, tmp_path / "cache")
    assert made.short == (0,)
    assert made.clip.tolist() == [1, 2]
    window = read_window(almost.path, RATE, 1.0)
    assert window is not None
    assert window.shape == (1, RATE)
    assert not window[:, -30:].any()


def test_only_short_clips(tmp_path: Path) -> None:
    """A data set of clips that are all too short is refused."""
    with pytest.raises(MonitorError, match="every clip is unreadable or shorter than the window"):
        extract([clip(tmp_path / "a.wav", sound("hiss", 0.5, 1))], FRONT_END, tmp_path / "cache")


def test_long_clips_give_their_first_window(tmp_path: Path) -> None:
    """Of a long clip the first window counts."""
    samples = sound("hiss", 5.0, 1)
    window = read_window(clip(tmp_path / "a.wav", samples).path, RATE, 1.0)
    np.testing.assert_array_equal(window, samples[:RATE].T.astype(np.float32))


def test_other_rates_are_resampled(tmp_path: Path) -> None:
    """A tone in a file of another rate keeps its pitch and level."""
    time = np.arange(3 * 44100) / 44100
    path = clip(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 1000.0 * time), 44100).path
    window = read_window(path, RATE, 1.0)
    assert window is not None
    expected = 0.5 * np.sin(2 * np.pi * 1000.0 * np.arange(RATE) / RATE)
    np.testing.assert_allclose(window[0, 200:], expected[200:], atol=1e-3)


def broken_clip(path: Path) -> Clip:
    """A file that is not audio."""
    path.write_bytes(b"no audio at all")
    return Clip(path, "low", 1, path.name)


def test_unreadable_clip_is_named(tmp_path: Path) -> None:
    """A file that is not audio is named."""
    with pytest.raises(MonitorError, match=r"clip .*broken\.wav cannot be read"):
        example(broken_clip(tmp_path / "broken.wav"), FRONT_END)


def test_samples_that_are_no_numbers(tmp_path: Path) -> None:
    """A clip with a NaN in it is named."""
    samples = sound("hiss", 1.0, 1)
    samples[100] = np.nan
    with pytest.raises(MonitorError, match=r"a\.wav holds samples that are not finite"):
        example(clip(tmp_path / "a.wav", samples), FRONT_END)


def test_mono_is_the_mean_of_the_channels(tmp_path: Path) -> None:
    """With `mono` a clip gives one example: the spectrogram of its channels' mean."""
    samples = sound("hiss", 1.0, 1, channels=4)
    made = example(clip(tmp_path / "a.wav", samples), replace(FRONT_END, channels="mono"))
    mean = samples.astype(np.float32).mean(axis=1)
    np.testing.assert_allclose(made, log_mel(mean, SPEC)[None], atol=1e-4)


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Clip]:
    """Seven clips, two of them unusable, in chunks of three."""
    monkeypatch.setattr(chunks, "CHUNK", 3)
    clips = [clip(tmp_path / f"{index}.wav", sound("hiss", 1.0, index)) for index in range(7)]
    clips[1] = broken_clip(tmp_path / "1.wav")
    clips[5] = clip(tmp_path / "5.wav", sound("hiss", 0.2, 5))
    return clips


def test_examples_across_chunks(many: list[Clip], tmp_path: Path) -> None:
    """Chunks read as one array, in any order, with repetitions; what is not in it is listed."""
    made = extract(many, FRONT_END, tmp_path / "cache")
    assert (made.short, list(made.bad)) == ((5,), [1])
    assert "1.wav cannot be read" in made.bad[1]
    assert made.clip.tolist() == [0, 2, 3, 4, 6]
    assert made.examples.shape == (5, 16, 15)
    singles = [example(many[index], FRONT_END) for index in made.clip]
    for order in ([0, 1, 2, 3, 4], [4, 0, 4, 2]):
        wanted = np.concatenate([singles[index] for index in order])
        np.testing.assert_array_equal(made.examples[np.array(order)], wanted)


def test_nothing_is_computed_twice(many: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second run reads the cache; only chunks with unusable clips or clips that changed are made again."""
    extract(many, FRONT_END, tmp_path / "cache")
    read: list[str] = []

    def spy(path: Path, *rest: Any) -> Any:
        read.append(path.stem)
        return read_window(path, *rest)

    monkeypatch.setattr(features, "read_window", spy)
    again = extract(many, FRONT_END, tmp_path / "cache")
    assert sorted(read) == ["0", "1", "2"]  # the chunk of the broken file, which might be readable by now
    assert list(again.bad) == [1]
    read.clear()
    clip(many[1].path, sound("low", 1.0, 1))
    clip(many[6].path, sound("low", 1.0, 6))
    mended = extract(many, FRONT_END, tmp_path / "cache")
    assert sorted(read) == ["0", "1", "2", "6"]
    assert not mended.bad
    np.testing.assert_array_equal(mended.examples[np.array([5])], example(many[6], FRONT_END))
    read.clear()
    others = (
        replace(FRONT_END, channels="mono"),
        replace(FRONT_END, window_seconds=0.9),
        replace(FRONT_END, log_mel=replace(SPEC, floor_db=-70.0)),
    )
    for other in others:
        read.clear()
        extract(many, other, tmp_path / "cache")
        assert len(read) == 7


def test_a_file_with_the_same_size_and_time(tmp_path: Path) -> None:
    """Another content is noticed even where the tool that wrote it restored the time."""
    one = clip(tmp_path / "a.wav", sound("hiss", 1.0, 1))
    extract([one], FRONT_END, tmp_path / "cache")
    status = one.path.stat()
    clip(one.path, sound("low", 1.0, 2))
    os.utime(one.path, ns=(status.st_atime_ns, status.st_mtime_ns))
    made = extract([one], FRONT_END, tmp_path / "cache")
    np.testing.assert_array_equal(made.examples[np.array([0])], example(one, FRONT_END))


@pytest.mark.parametrize("damage", ["flipped", "cut off", "emptied", "gone", "no record", "bad record"])
def test_damaged_chunk_is_made_again(many: list[Clip], tmp_path: Path, damage: str) -> None:
    """Whatever happened to a chunk on disk, the examples are right."""
    cache = tmp_path / "cache"
    wanted = extract(many, FRONT_END, cache).examples[np.arange(5)]
    for path in cache.glob("*.npy"):
        content = bytearray(path.read_bytes())
        if damage == "flipped":
            content[-1] ^= 1
        path.write_bytes({"cut off": content[:-9], "emptied": b""}.get(damage, content))
        if damage == "gone":
            path.unlink()
        elif damage == "no record":
            path.with_suffix(".json").unlink()
        elif damage == "bad record":
            path.with_suffix(".json").write_text("{}")
    np.testing.assert_array_equal(extract(many, FRONT_END, cache).examples[np.arange(5)], wanted)


def test_full_disk(many: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up ends the run with the file's name, and costs no chunk that is there already."""
    write, names = files.write, []

    def full(path: Path, content: bytes) -> None:
        names.append(path.name)
        if len(names) == 3:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(files, "write", full)
        with pytest.raises(OSError, match=r"No space left.*\.npy"):
            extract(many, FRONT_END, tmp_path / "cache")
    assert sorted(path.suffix for path in (tmp_path / "cache").iterdir()) == [".json", ".npy"]
    assert len(extract(many, FRONT_END, tmp_path / "cache").examples) == 5
