"""Files played as arrays."""

from __future__ import annotations

import math
import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from monitor.audio.replay import Replay
from monitor.audio.sources import Block, Gap, SourceError
from monitor.errors import Exit
from tests.toys import RATE, tone, write_audio


def play(path: Path, **options: object) -> tuple[np.ndarray, list[Block | Gap]]:
    """Everything a replay yields: samples joined, and the records."""
    settings = {"sample_rate": RATE, "channels": 4, "speed": math.inf} | options
    records = list(Replay(path, **settings).records())  # type: ignore[arg-type]
    blocks = [record.samples for record in records if isinstance(record, Block)]
    return np.concatenate(blocks, axis=1), records


@pytest.mark.parametrize(("suffix", "subtype"), [("wav", "PCM_16"), ("wav", "FLOAT"), ("flac", "PCM_24")])
def test_samples_come_through_unchanged(tmp_path: Path, suffix: str, subtype: str) -> None:
    """A file of the bundle's rate is played sample for sample."""
    path = write_audio(tmp_path / f"a.{suffix}", tone("low", 0.73), subtype=subtype)
    expected, _ = soundfile.read(path, dtype="float32", always_2d=True)
    samples, _ = play(path)
    np.testing.assert_array_equal(samples, expected.T)


def test_ogg_is_played(tmp_path: Path) -> None:
    """Ogg Vorbis is read, too."""
    path = tmp_path / "a.ogg"
    soundfile.write(path, tone("low", 0.5).T, RATE, format="OGG", subtype="VORBIS")
    samples, _ = play(path)
    assert samples.shape == (4, 8000)


def test_records_are_contiguous_and_end_with_a_mark(tmp_path: Path) -> None:
    """Blocks follow each other on the sample clock, and each file ends with an empty gap."""
    for name in ("b.wav", "a.wav"):
        write_audio(tmp_path / name, tone("low", 0.25))
    (tmp_path / "notes.txt").write_text("no audio")
    _, records = play(tmp_path)
    end = 0
    for record in records:
        assert record.start == end
        end = record.end
    assert end == 8000
    assert [record for record in records if isinstance(record, Gap)] == [
        Gap(4000, 4000, "end_of_file"),
        Gap(8000, 8000, "end_of_file"),
    ]
    assert [record.file for record in records if isinstance(record, Block)] == ["a.wav"] * 3 + ["b.wav"] * 3


def test_another_rate_is_resampled_in_a_stream_as_in_one_piece(tmp_path: Path) -> None:
    """Streaming resampling equals resampling the whole file at once."""
    path = write_audio(tmp_path / "a.wav", tone("middle", 2.0, rate=44100), rate=44100, subtype="FLOAT")
    samples, _ = play(path)
    whole = soxr.resample(tone("middle", 2.0, rate=44100).T, 44100, RATE).T
    np.testing.assert_allclose(samples, whole, atol=1e-6)


def test_a_single_file_loops_without_a_break(tmp_path: Path) -> None:
    """A file shorter than a window can fill windows in a loop: no gap between the rounds."""
    path = write_audio(tmp_path / "a.wav", tone("low", 0.15))
    records = Replay(path, RATE, 4, speed=math.inf, loop=True).records()
    first = [next(records) for _ in range(20)]
    assert all(isinstance(record, Block) for record in first)
    assert first[-1].end == 10 * 2400


def test_mono_is_played_on_all_channels_only_when_asked(tmp_path: Path) -> None:
    """--mono-to-all copies the one channel; without it the error names the option."""
    path = write_audio(tmp_path / "mono.wav", tone("low", 0.2, channels=1))
    samples, _ = play(path, mono_to_all=True)
    assert samples.shape == (4, 3200)
    assert (samples == samples[0]).all()
    with pytest.raises(SourceError, match=r"mono.wav has 1 channel, 4 wanted; .*--mono-to-all"):
        play(path)


def test_the_channel_map_chooses_and_orders(tmp_path: Path) -> None:
    """Channel 0 of the array is the first one of the map."""
    samples = np.arange(6, dtype=np.float32)[:, None].repeat(1600, axis=1) / 10
    path = write_audio(tmp_path / "six.wav", samples, subtype="FLOAT")
    chosen, _ = play(path, channel_map=(5, 0, 2, 1))
    np.testing.assert_array_equal(chosen[:, 0], samples[[5, 0, 2, 1], 0])
    with pytest.raises(SourceError, match=r"six.wav has 6 channels, 4 wanted; .*--channel-map 1,2,3,4"):
        play(path)
    with pytest.raises(SourceError, match="channels 0 to 5; channel 6 was asked for"):
        play(path, channel_map=(6, 0, 2, 1))


def test_real_time_is_kept(tmp_path: Path) -> None:
    """At speed 2, half a second of audio takes a quarter of a second, and never less."""
    path = write_audio(tmp_path / "a.wav", tone("low", 0.5))
    began = time.monotonic()
    play(path, speed=2.0)
    assert time.monotonic() - began >= 0.25


def test_close_ends_a_paced_replay_at_once(tmp_path: Path) -> None:
    """A stop does not wait for the next block."""
    replay = Replay(write_audio(tmp_path / "a.wav", tone("low", 1.0)), RATE, 4, speed=0.001)
    replay.close()
    assert list(replay.records()) == []


def truncated_header(path: Path) -> None:
    """A WAV that ends within its header."""
    path.write_bytes(write_audio(path, tone("low", 0.1)).read_bytes()[:20])


def header_only(path: Path) -> None:
    """A WAV without samples."""
    write_audio(path, np.zeros((4, 0), dtype=np.float32))


def unfinished(path: Path) -> None:
    """A WAV whose recorder died before it wrote the sizes."""
    data = bytearray(write_audio(path, tone("low", 0.1)).read_bytes())
    data[40:44] = struct.pack("<I", 0)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_bytes(b""), "a.wav is empty"),
        (lambda path: path.write_bytes(b"\x89PNG\r\n" + bytes(5000)), "a.wav is not a usable audio file"),
        (truncated_header, "a.wav is not a usable audio file"),
        (header_only, "a.wav holds no audio"),
        (unfinished, "a.wav is an unfinished recording"),
        (
            lambda path: soundfile.write(path, np.zeros((10, 4)), 1000),
            "a.wav claims a sample rate of 1000 Hz",
        ),
    ],
)
def test_unusable_audio_is_named(tmp_path: Path, make: Callable[[Path], object], message: str) -> None:
    """Each kind of damage gives one line and exit code 65."""
    path = tmp_path / "a.wav"
    make(path)
    with pytest.raises(SourceError, match=message) as error:
        Replay(path, RATE, 4)
    assert error.value.exit_code == Exit.DATA


def test_a_recording_that_was_cut_off_is_played_as_far_as_it_goes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A WAV shorter than its header promises is played, with a warning."""
    path = write_audio(tmp_path / "a.wav", tone("low", 0.5))
    path.write_bytes(path.read_bytes()[: 44 + 8 * 3000])
    samples, _ = play(path)
    assert samples.shape == (4, 3000)
    assert "a.wav is cut off: playing the 3000 frames that are there" in caplog.text


def test_damage_in_the_middle_ends_with_an_error(tmp_path: Path) -> None:
    """A FLAC that is damaged is played up to there, then reported."""
    path = write_audio(tmp_path / "a.flac", tone("low", 2.0))
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    path.write_bytes(data)
    records = []
    with pytest.raises(SourceError, match=r"a.flac is damaged"):
        records.extend(Replay(path, RATE, 4, speed=math.inf).records())


def test_missing_files_and_empty_folders(tmp_path: Path) -> None:
    """No file, no audio in the folder, no regular file: exit code 66."""
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "folder").mkdir()
    for name, message in (
        ("no.wav", "no such file or folder"),
        ("folder", "no audio files in the folder"),
        ("pipe.wav", "neither a file nor a folder"),
    ):
        with pytest.raises(SourceError, match=message) as error:
            Replay(tmp_path / name, RATE, 4)
        assert error.value.exit_code == Exit.NO_INPUT


def test_names_are_harmless_for_a_terminal(tmp_path: Path) -> None:
    """A file name with an escape sequence is printed without it."""
    path = tmp_path / "a\x1b[2Jb.wav"
    path.write_bytes(b"")
    with pytest.raises(SourceError, match=r"^a\[2Jb.wav is empty$"):
        Replay(path, RATE, 4)


def test_a_long_recording_needs_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    """Peak memory of a process that plays an hour is within 10 MB of one that plays ten seconds."""
    program = (
        "import math, resource, sys\nfrom pathlib import Path\nfrom monitor.audio.replay import Replay\n"
        "for _ in Replay(Path(sys.argv[1]), 16000, 4, speed=math.inf).records(): pass\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    peaks = []
    for seconds in (10, 3600):
        path = write_audio(tmp_path / f"{seconds}.wav", np.zeros((4, 1), dtype=np.float32))
        size = 8 * RATE * seconds
        with path.open("r+b") as file:  # a sparse file: silence that needs no disk
            header = bytearray(file.read(44))
            header[4:8], header[40:44] = struct.pack("<I", 36 + size), struct.pack("<I", size)
            file.seek(0)
            file.write(header)
            file.truncate(44 + size)
        done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, check=True)
        peaks.append(int(done.stdout) / 1024)
    assert peaks[1] - peaks[0] < 10
