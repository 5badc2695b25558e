from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from monitor.errors import MonitorError
from trainer import datasets
from trainer.simulate import DEMO, recording, write_data_set
from trainer.simulate.sounds import ACTIVITIES, RATE


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips of every activity."""
    folder = tmp_path_factory.mktemp("generated") / "data"
    write_data_set(folder, 2, seed=5)
    return folder


def test_layout(generated: Path) -> None:
    """The data set reads as nine classes in the plain-folder layout, every clip a group of its own."""
    data = datasets.read(generated)
    assert data.labels == tuple(sorted(ACTIVITIES))
    assert data.folds == [1, 2]
    assert len({clip.group for clip in data.clips}) == len(data.clips) == 18
    assert data.source == "activity-trainer simulate --clips 2 --seed 5"


def test_format(generated: Path) -> None:
    """Clips are FLAC of four channels, 10 s, 16 kHz, 16 bit."""
    facts = soundfile.info(datasets.read(generated).clips[0].path)
    assert (facts.channels, facts.samplerate, facts.frames) == (4, RATE, 10 * RATE)
    assert (facts.format, facts.subtype) == ("FLAC", "PCM_16")


def test_a_clip_depends_on_seed_and_number_only(generated: Path) -> None:
    """A clip is the same whichever process wrote it, and however many others were written."""
    samples, _ = soundfile.read(generated / "eating" / "eating-0001.flac")
    np.testing.assert_array_equal(samples.T, recording("eating", 1, 5, 10 * RATE))


def test_other_seeds_are_other_recordings() -> None:
    """Seed and number both make another recording."""
    first = recording("working", 0, 1, RATE)
    assert not np.array_equal(first, recording("working", 0, 2, RATE))
    assert not np.array_equal(first, recording("working", 1, 1, RATE))


def test_full_folder_is_kept(generated: Path) -> None:
    """A folder with something in it is not written to."""
    with pytest.raises(MonitorError, match="is not empty; choose another --to"):
        write_data_set(generated, 1, seed=1)


def test_demo_has_different_activities() -> None:
    """The demo goes through several activities that exist."""
    assert len(set(DEMO)) == len(DEMO) >= 3
    assert set(DEMO) <= ACTIVITIES.keys()
