"""From fused runs to a bundle: a CRNN and two machines that look at other colours with the same network."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.cli import main
from export.pack import pack
from export.reference import Reference
from export.system import read, with_backbones
from export.verify import _channels
from monitor.errors import MonitorError
from monitor.inference import bundle, selftest, svm
from monitor.inference.bundle import Bundle
from monitor.inference.recognise import Recogniser, Recognition
from monitor.inference.svm import LinearSvm
from tests import toy_resnet
from trainer import datasets, run
from trainer.features import read_window
from trainer.fusion import fuse

pytestmark = pytest.mark.usefixtures("tiny_resnet")
NAMES = ["resnet50-myweights-viridis", "crnn-60", "resnet50-myweights-magma"]


@pytest.fixture(scope="module")
def packed(fused: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The fusion as a bundle, loaded from disk."""
    path = tmp_path_factory.mktemp("packed") / "toy.bundle"
    pack(fused, path, "toy", "for tests only", None)
    return bundle.load(path)


@contextmanager
def changed(path: Path, content: bytes) -> Iterator[None]:
    """A file with another content for a while."""
    before = path.read_bytes()
    path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize("name", ["run", "magma"])
def test_the_daemon_says_what_the_trainer_says(fused: Path, tmp_path: Path, name: str) -> None:
    """Of every clip of the evaluation partition: decision values as probabilities; twice the same bytes."""
    trained = run.load(fused.parent / name)
    made = pack(trained.folder, tmp_path / "toy.zip", "toy", "for tests only", None)
    _, evaluation = trained.predictions()
    assert evaluation is not None
    assert len(evaluation.file) == 6
    recogniser, temperature = Recogniser(made), trained.results["temperature"]
    for file, decisions in zip(evaluation.file, evaluation.scores.astype(float), strict=True):
        samples = read_window(fused.parent / "tones" / file, 8000, 1.0)
        powers = np.exp(decisions / temperature)
        np.testing.assert_allclose(recogniser.recognise(samples).scores, powers / powers.sum(), atol=1e-4)
    again = pack(trained.folder, tmp_path / "again.bundle", "toy", "for tests only", None)
    assert again.digest == made.digest


def test_contents(fused: Path, packed: Bundle) -> None:
    """Members in the order of the stack; one graph for each distinct network; every machine."""
    manifest = packed.manifest
    assert [member.name for member in manifest.members] == NAMES
    assert sorted(packed.files) == ["MODEL_CARD.md", "crnn-60.onnx", "resnet50-myweights.onnx", "svm.npz"]
    assert [member.file for member in manifest.members] == [
        "resnet50-myweights.onnx",
        "crnn-60.onnx",
        "resnet50-myweights.onnx",
    ]
    assert manifest.stack is not None
    assert manifest.stack.members == tuple(NAMES)
    assert manifest.stack.temperature == run.load_results(fused)["temperature"]
    assert packed.machines().keys() == {NAMES[0], NAMES[2], "stack"}
    np.testing.assert_array_equal(packed.machines()["stack"].weights, run.load_svm(fused).weights)


def test_facts(fused: Path, packed: Bundle) -> None:
    """How each member was trained and what it reaches alone is told; no folder of the machine is."""
    training, scores = packed.manifest.training, packed.manifest.scores
    assert training["recipe"] == {"name": "fusion"}
    assert training["members"].keys() == scores["members"].keys() == set(NAMES)
    assert training["members"]["crnn-60"]["recipe"]["epochs"] == 3
    assert training["members"][NAMES[0]]["environment"]["weights"].startswith("sha256:")
    assert "weights" not in training["environment"]
    adds = [member["adds"] for member in run.load_results(fused)["members"]]
    assert [scores["members"][name]["adds"] for name in NAMES] == adds
    assert scores["nested"]["accuracy"] == run.load_results(fused)["nested"]["accuracy"]
    written = [packed.files["MODEL_CARD.md"], json.dumps([training, scores]).encode()]
    assert not any(str(fused.parent).encode() in text for text in written)


def test_model_card(packed: Bundle) -> None:
    """What it is fused of, the scores with and without the choice of C, calibration, commands."""
    card = packed.files["MODEL_CARD.md"].decode()
    for expected in (
        *(f"### {name}\n" for name in NAMES),
        *(f"| {name} |" for name in NAMES),
        "### The stack\n",
        "with C chosen by the other folds",
        "(6 clips), by the models that a bundle has",
        "| member | accuracy | macro F1 | it adds |",
        "Expected calibration error",
        "| threshold | labelled | accuracy |",
        "activity-trainer train crnn --recipe toy --epochs 3 --seed 1",
        "activity-trainer fuse RUN1 RUN2 RUN3 --out RUN",
    ):
        assert expected in card


def test_self_test(packed: Bundle) -> None:
    """The bundle tells what it says about the test signal."""
    assert selftest.check(Recogniser(packed)) < 1e-5


def test_trained_again(fused: Path, tmp_path: Path) -> None:
    """A member that says other things than those that were fused is named."""
    table = fused.parent / "magma" / "predictions.csv"
    with (
        changed(table, table.read_bytes() + b"\n"),
        pytest.raises(MonitorError, match=r"magma was trained again after the fusion .*run; fuse again"),
    ):
        pack(fused, tmp_path / "toy.bundle", "toy", "", None)
    assert not list(tmp_path.iterdir())


def test_other_weights(fused: Path, tmp_path: Path) -> None:
    """Weights of the same name, but not those that the machines learnt with, are refused."""
    toy_resnet.write_weights(tmp_path / "other.pt", seed=1)
    with (
        changed(fused.parent / "my weights.pt", (tmp_path / "other.pt").read_bytes()),
        pytest.raises(
            MonitorError,
            match=r"viridis learnt with other weights of resnet50 \(sha256:.*\) than are there now",
        ),
    ):
        pack(fused, tmp_path / "toy.bundle", "toy", "", None)


def edited(path: Path, change: Callable[[dict[str, Any]], object]) -> bytes:
    """A JSON file with a change."""
    document = json.loads(path.read_bytes())
    change(document)
    return json.dumps(document).encode()


def test_members_that_hear_other_windows(fused: Path, tmp_path: Path) -> None:
    """A bundle has one sample rate and one window; who wants what is said."""
    config = fused.parent / "crnn" / "config.json"
    with (
        changed(config, edited(config, lambda d: d["recipe"].update(window_seconds=0.5))),
        pytest.raises(
            MonitorError,
            match=r"want resnet50-myweights-viridis 1 s at 8000 Hz, crnn-60 0\.5 s at 8000 Hz, resnet",
        ),
    ):
        pack(fused, tmp_path / "toy.bundle", "toy", "", None)


def test_a_fusion_of_fusions(fused: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There is one stack in a bundle; and a fusion has no single graph."""
    fuse([fused, fused.parent / "crnn"], tmp_path / "again", threads=1)
    with pytest.raises(MonitorError, match="run is a fusion itself; fuse its members instead"):
        pack(tmp_path / "again", tmp_path / "toy.bundle", "toy", "", None)
    assert main(["onnx", str(fused), "-o", str(tmp_path / "toy.onnx")]) == 65
    assert "is a fusion: it has several graphs" in capsys.readouterr().err


def test_verify(fused: Path, packed: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The bundle and the run say the same, within rounding."""
    bundle.write(tmp_path / "toy.zip", packed.manifest, packed.files)
    command = ["verify", str(tmp_path / "toy.zip"), f"--run={fused}", "--clips=7"]
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert "7 clips, 100.0 % with the label of the run's own models" in shown
    rows = dict(line.split() for line in shown.splitlines() if line.startswith((*NAMES, "published")))
    assert list(rows) == [*NAMES, "published"]
    assert max(map(float, rows.values())) < 1e-4


def test_backbones_that_hear_the_mean(
    fused: Path, packed: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Image networks hear the mean of the channels if that is asked for; bundle, card and verify say so."""
    path = tmp_path / "mono.bundle"
    assert main(["bundle", str(fused), "-o", str(path), "--backbones=mono"]) == 0
    mono = bundle.load(path)
    assert [member.channels for member in mono.manifest.members] == ["mono", "mean", "mono"]
    samples = read_window(fused.parent / "tones" / "hiss" / "hiss0.wav", 8000, 1.0)
    assert len(samples) == 2
    found = Recogniser(mono).recognise(samples)
    mixed = Recogniser(packed).recognise(samples.mean(axis=0, keepdims=True))
    apart = Recogniser(packed).recognise(samples)
    np.testing.assert_allclose(found.members[NAMES[0]], mixed.members[NAMES[0]], atol=1e-6)
    np.testing.assert_allclose(found.members[NAMES[1]], apart.members[NAMES[1]], atol=1e-6)
    told = mono.manifest.scores["channels"]
    assert told in mono.files["MODEL_CARD.md"].decode()
    assert told in capsys.readouterr().out
    assert "channels" not in packed.manifest.scores
    assert main(["verify", str(path), f"--run={fused}", "--clips=6"]) == 0
    shown = capsys.readouterr().out
    assert "6 clips, 100.0 % with the label of the run's own models" in shown
    heard = f"other channels than in training: {NAMES[0]}, {NAMES[2]} on the mean of the channels"
    assert re.search(rf"{heard}; \d+\.\d % of 6 clips keep their label", shown)


def test_no_backbones(run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is no image network, none can hear other channels."""
    assert main(["bundle", str(run_folder), "-o", str(tmp_path / "toy"), "--backbones=mono"]) == 2
    assert "has no backbone; leave --backbones out" in capsys.readouterr().err


def test_clips_of_one_channel(fused: Path) -> None:
    """They cannot tell what it changes to hear their mean, and that is said."""
    learnt = read(fused)
    system = with_backbones(learnt, "mono")
    assert _channels(learnt, system, []).endswith("cannot tell what that changes")
    assert with_backbones(learnt, "each") == learnt


def test_verify_tells_another_stack(
    fused: Path, packed: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bundle whose stack was mixed up gives other labels: exit code 65, and which clip."""
    machines = packed.machines()
    turned = LinearSvm(np.roll(machines["stack"].weights, 1, axis=0), np.roll(machines["stack"].bias, 1))
    files = packed.files | {"svm.npz": svm.to_bytes(machines | {"stack": turned})}
    bundle.write(tmp_path / "toy.bundle", packed.manifest, files)
    assert main(["verify", str(tmp_path / "toy.bundle"), f"--run={fused}"]) == 65
    printed = capsys.readouterr()
    assert "18 of 18 clips get another label than by the run's own models, such as high0.wav" in printed.err
    assert "0.0 % with the label" in printed.out


def test_verify_with_another_run(
    fused: Path, packed: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bundle is compared with its own run only."""
    bundle.write(tmp_path / "toy.bundle", packed.manifest, packed.files)
    assert main(["verify", str(tmp_path / "toy.bundle"), f"--run={fused.parent / 'crnn'}"]) == 65
    assert "bundle toy was not made of" in capsys.readouterr().err


def test_other_labels_are_not_written(fused: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where daemon and trainer disagree about a label, no bundle is written."""
    recognise = Reference.recognise

    def turned(self: Reference, clip: datasets.Clip) -> Recognition:
        wanted = recognise(self, clip)
        return replace(wanted, scores=np.roll(wanted.scores, 1))

    monkeypatch.setattr(Reference, "recognise", turned)
    with pytest.raises(MonitorError, match="18 of 18 clips get another label"):
        pack(fused, tmp_path / "toy.bundle", "toy", "", None)
    assert not list(tmp_path.iterdir())
