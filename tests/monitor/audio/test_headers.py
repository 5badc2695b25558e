"""Files that lack their end."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import soundfile

from monitor.audio.headers import cut_off
from monitor.audio.replay import Replay
from monitor.audio.sources import Block, SourceError
from tests.toys import RATE, tone

FORMATS = [("OGG", "VORBIS"), ("OGG", "OPUS")]
FORMATS += [(form, "PCM_16") for form in ("WAV", "WAVEX", "RF64", "W64", "AU", "AIFF")]


def recording(path: Path, form: str, subtype: str, channels: int = 4) -> bytes:
    """Write four seconds of a tone, and return the file."""
    soundfile.write(path, tone("low", 4.0, channels).T, RATE, format=form, subtype=subtype)
    return path.read_bytes()


def frames(path: Path) -> int:
    """What is played of a file."""
    records = Replay(path, RATE, 4, speed=math.inf).records()
    return sum(record.samples.shape[1] for record in records if isinstance(record, Block))


@pytest.mark.parametrize(("form", "subtype"), FORMATS)
def test_a_cut_file_is_played_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, form: str, subtype: str
) -> None:
    """As far as it goes, with a warning that says how far; of a whole one nothing is said."""
    path = tmp_path / "a"
    data = recording(path, form, subtype)
    assert (frames(path), caplog.text) == (4 * RATE, "")
    path.write_bytes(data[: len(data) * 3 // 4])
    played = frames(path)
    assert RATE < played < 4 * RATE
    assert f"a is cut off: playing the {played} frames that are there" in caplog.text


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_wherever_an_ogg_is_cut_it_is_told(tmp_path: Path, subtype: str) -> None:
    """Between two pages, within one, and within the last one, which alone says how long the file is."""
    path = tmp_path / "a.ogg"
    data = recording(path, "OGG", subtype)
    last = data.rindex(b"OggS")
    for end in (last, last + 3, last + 20, last + 30, len(data) - 1, last // 2):
        path.write_bytes(data[:end])
        assert cut_off(path, "") == "is cut off"
    path.write_bytes(data + b"TAG")
    assert cut_off(path, "") is None


def test_a_cut_mp3_ends_with_an_error(tmp_path: Path) -> None:
    """Its header says how much there should be; what is there is played before."""
    path = tmp_path / "a.mp3"
    data = recording(path, "MP3", "MPEG_LAYER_III", channels=1)
    path.write_bytes(data[: len(data) * 3 // 4])
    played = []
    with pytest.raises(SourceError, match=r"a.mp3 breaks off after \d+ of 64000 frames"):
        played.extend(Replay(path, RATE, 1, speed=math.inf).records())
    heard = np.concatenate([record.samples for record in played if isinstance(record, Block)], axis=1)
    assert RATE < heard.shape[1] < 4 * RATE


def test_a_size_that_fits_no_chunk_of_audio(tmp_path: Path) -> None:
    """The size of everything together is often wrong in files that are whole."""
    path = tmp_path / "a.wav"
    data = bytearray(recording(path, "WAV", "PCM_16"))
    data[4:8] = (len(data) + 8).to_bytes(4, "little")
    path.write_bytes(data)
    with soundfile.SoundFile(path) as audio:
        assert "should be" in audio.extra_info
        assert cut_off(path, audio.extra_info) is None
