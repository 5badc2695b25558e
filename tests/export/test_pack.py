from __future__ import annotations

import shutil
from pathlib import Path

import onnxruntime
import pytest

from export import crnn
from export.pack import pack
from monitor.errors import MonitorError
from monitor.inference import bundle
from tests.toy_training import LABELS
from trainer import run


def contents(folder: Path) -> dict[str, bytes]:
    """Files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def packed(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy run as a bundle."""
    path = tmp_path_factory.mktemp("packed") / "toy.bundle"
    pack(run_folder, path, "toy", "for tests only", None)
    return path


def test_the_daemon_loads_what_was_packed(packed: Path) -> None:
    """The bundle holds what the daemon needs: labels, window, spectrogram, a graph that fits them."""
    loaded = bundle.load(packed)
    manifest = loaded.manifest
    assert manifest.labels == LABELS
    assert (manifest.window_seconds, manifest.sample_rate) == (1.0, 8000)
    (member,) = manifest.members
    assert (member.kind, member.threshold_db) == ("crnn", -60.0)
    session = onnxruntime.InferenceSession(loaded.files[member.file], providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape == ["batch", member.log_mel.n_mels, manifest.frames(member)]
    assert session.get_outputs()[0].shape == ["batch", len(LABELS)]


def test_manifest_says_where_it_comes_from(packed: Path, run_folder: Path) -> None:
    """Data, recipe, versions and scores are in the manifest, and no path of the machine."""
    manifest = bundle.load(packed).manifest
    assert manifest.created == run.load_config(run_folder).created
    assert manifest.notice == "for tests only"
    assert manifest.training["data"]["name"] == "tones"
    assert manifest.training["recipe"]["epochs"] == 10
    assert manifest.scores["clips"] == 12
    assert manifest.scores["accuracy"] == run.load_results(run_folder)["mean"]["accuracy"]
    assert str(run_folder.parent) not in (packed / "bundle.json").read_text()


def test_model_card_is_made_of_the_same_facts(packed: Path) -> None:
    """The model card shows notice, classes and scores."""
    card = (packed / "MODEL_CARD.md").read_text()
    manifest = bundle.load(packed).manifest
    assert "**for tests only**" in card
    assert f"Accuracy {100 * manifest.scores['accuracy']:.1f} (" in card
    assert all(f"| {label} |" in card for label in LABELS)
    assert "Licence: not stated" in card


def test_two_exports_are_identical(packed: Path, run_folder: Path, tmp_path: Path) -> None:
    """The same run gives the same bytes, and so the same model id."""
    pack(run_folder, tmp_path / "again.bundle", "toy", "for tests only", None)
    assert contents(tmp_path / "again.bundle") == contents(packed)


def test_zip(packed: Path, run_folder: Path, tmp_path: Path) -> None:
    """An output that ends in .zip is one file with the same contents."""
    pack(run_folder, tmp_path / "toy.zip", "toy", "for tests only", None)
    assert bundle.load(tmp_path / "toy.zip").digest == bundle.load(packed).digest


def test_refusal_leaves_nothing_behind(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where ONNX and torch differ by more than is allowed, no file is written and an old bundle is kept."""
    monkeypatch.setattr(crnn, "TOLERANCE", 0.0)
    with pytest.raises(MonitorError, match="nothing was written"):
        pack(run_folder, tmp_path / "toy.bundle", "toy", "", None)
    assert not list(tmp_path.iterdir())


def test_unfinished_run(run_folder: Path, tmp_path: Path) -> None:
    """A run that was interrupted is not packed."""
    shutil.copytree(run_folder, tmp_path / "run")
    (tmp_path / "run" / "results.json").unlink()
    with pytest.raises(MonitorError, match="is not finished"):
        pack(tmp_path / "run", tmp_path / "toy.bundle", "toy", "", None)


def test_no_run(tmp_path: Path) -> None:
    """A folder that is no run is exit code 66."""
    with pytest.raises(MonitorError, match="no training run at") as caught:
        pack(tmp_path, tmp_path / "toy.bundle", "toy", "", None)
    assert caught.value.exit_code == 66


def test_another_folder_is_not_overwritten(run_folder: Path, tmp_path: Path) -> None:
    """A folder with something else in it is left as it is."""
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(MonitorError, match="choose another name"):
        pack(run_folder, tmp_path, "toy", "", None)
    assert contents(tmp_path) == {"precious.txt": b"mine"}
