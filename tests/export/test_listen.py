from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from export.cli import main
from export.listen import listen
from export.pack import pack
from monitor.errors import MonitorError
from monitor.inference import bundle
from tests.toy_training import RATE, sound
from trainer import datasets


@pytest.fixture(scope="module")
def tones(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that tells high and low tones and noise apart."""
    path = tmp_path_factory.mktemp("bundle") / "tones.bundle"
    pack(run_folder, path, "tones", "", None)
    return path


@pytest.fixture
def whistles(tmp_path: Path) -> Path:
    """A data set with other labels, at another rate, some clips shorter than a window."""
    for index, seconds in enumerate((0.2, 1.0, 3.0)):
        for label, alike in (("flute", "high"), ("wind", "hiss")):
            (tmp_path / "data" / label).mkdir(parents=True, exist_ok=True)
            path = tmp_path / "data" / label / f"{label}{index}.wav"
            soundfile.write(path, sound(alike, seconds, 50 + index, channels=2), RATE)
    return tmp_path / "data"


def test_rows_say_what_clips_are_called(tones: Path, whistles: Path) -> None:
    """Short, fitting and long clips of unknown labels are called what they sound like."""
    heard = listen(bundle.load(tones), datasets.read(whistles))
    assert [(row["label"], row["clips"], row["called"]) for row in heard.rows] == [
        ("flute", 3, "high 3"),
        ("wind", 3, "hiss 3"),
    ]
    assert all(0.4 < row["confidence"] <= 1.0 for row in heard.rows)


def test_command(tones: Path, whistles: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`activity-export listen` prints a line for each label."""
    assert main(["listen", str(tones), "--data", str(whistles)]) == 0
    flute, wind = capsys.readouterr().out.strip().splitlines()[-2:]
    assert flute.split()[:2] == ["flute", "3"]
    assert "hiss 3" in wind


def test_model_card_tells_what_other_sounds_are_called(
    run_folder: Path, whistles: Path, tmp_path: Path
) -> None:
    """`bundle --listen` puts the table into the model card."""
    out = tmp_path / "b"
    assert main(["bundle", str(run_folder), "-o", str(out), "--listen", str(whistles)]) == 0
    card = (out / "MODEL_CARD.md").read_text()
    assert card.index("## Scores") < card.index("## Other sounds") < card.index("## Model\n")
    assert "| wind | 3 |" in card
    assert "| hiss 3 |" in card


def test_clip_that_cannot_be_used(tones: Path, whistles: Path) -> None:
    """A clip without a sample is named."""
    empty = whistles / "wind" / "wind0.wav"
    data = datasets.read(whistles)
    soundfile.write(empty, sound("low", 0.0, 0), RATE)
    with pytest.raises(MonitorError, match="is empty or holds"):
        listen(bundle.load(tones), data)
