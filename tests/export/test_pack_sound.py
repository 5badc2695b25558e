"""From clips through machines on sound to a bundle that the daemon runs, with networks that cost nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from export.cli import main
from export.pack import pack
from monitor.errors import MonitorError
from monitor.inference import bundle
from monitor.inference.bundle import Bundle
from monitor.inference.recognise import Recogniser
from monitor.inference.waveform import resampled
from tests import toy_sound
from tests.toy_training import LABELS, RATE, settings, sound, write_data
from trainer import datasets, recipes, run, train_svm
from trainer.fusion import fuse
from trainer.models import audio, pann


@pytest.fixture(scope="module", autouse=True)
def toys() -> Iterator[None]:
    """Networks that cost nothing, with fewer tags."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("pann", "openl3"):
            patch.setitem(audio.AUDIO_BACKBONES, name, toy_sound.facts(name))
        patch.setattr(pann, "TAGS", toy_sound.TAGS)
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a fusion `run` and its members: a PANN on every channel, openl3 on their mean."""
    folder = tmp_path_factory.mktemp("sounds")
    data = datasets.read(write_data(folder / "tones", clips=6, channels=2))
    weights = toy_sound.write_weights(folder / "learnt.pth")
    for name, channels in (("pann", "each"), ("openl3", "mono")):
        path = folder / f"{name}.toml"
        recipe = recipes.load(toy_sound.write_recipe(path, weights=weights, name=name, channels=channels))
        train_svm.train(data, recipe, folder / name, [1, 2], settings(folder))
    fuse([folder / "pann", folder / "openl3"], folder / "run", threads=1)
    return folder


@pytest.fixture(scope="module")
def packed(trained: Path) -> Bundle:
    """The fusion as a bundle, loaded from disk."""
    pack(trained / "run", trained / "toy.bundle", "toy", "", None)
    return bundle.load(trained / "toy.bundle")


def window(label: str, channels: int = 2) -> np.ndarray:
    """A second `[channels, samples]`."""
    return sound(label, 1.0, 99, channels).T.astype(np.float32)


def test_members(packed: Bundle) -> None:
    """Each says which network it is, at which rate it hears, and how many tags it tells."""
    first, second = packed.manifest.members
    assert (first.kind, first.name, first.sample_rate, first.channels) == (
        "pann",
        "pann-learnt",
        32_000,
        "mean",
    )
    assert first.tags == toy_sound.TAGS
    assert (second.kind, second.name, second.sample_rate, second.channels) == (
        "openl3",
        "openl3-learnt",
        48_000,
        "mono",
    )
    assert (packed.manifest.sample_rate, packed.manifest.window_seconds) == (RATE, 1.0)


@pytest.mark.parametrize("label", LABELS)
def test_sounds_are_recognised(packed: Bundle, label: str) -> None:
    """The bundle names new sounds of the classes, each member by itself and all together."""
    found = Recogniser(packed, provider="cpu").recognise(window(label))
    assert packed.manifest.labels[found.scores.argmax()] == label
    assert found.scores.sum() == pytest.approx(1.0)


def test_what_the_daemon_says_is_what_was_trained(packed: Bundle, trained: Path) -> None:
    """Decision values by hand: mix or not, resample, network, machine."""
    samples = window("hiss")
    members = packed.manifest.members
    found = Recogniser(packed, provider="cpu").recognise(samples).members
    network = toy_sound.Envelope()
    for member, heard in zip(members, (samples, samples.mean(axis=0, keepdims=True)), strict=True):
        with torch.inference_mode():
            embedding = network(torch.from_numpy(resampled(heard, RATE, member.sample_rate))).numpy()
        decisions = run.load_svm(trained / member.kind).decide(embedding).mean(axis=0)
        powers = np.exp(decisions / member.temperature - (decisions / member.temperature).max())
        np.testing.assert_allclose(found[member.name], powers / powers.sum(), atol=1e-4)


def test_tags(packed: Bundle, trained: Path) -> None:
    """The PANN's own head gives the tags, the mean over channels."""
    samples = window("low")
    network = toy_sound.Envelope()
    network.load_state_dict(torch.load(trained / "learnt.pth", weights_only=True))
    with torch.inference_mode():
        wanted = (
            network.tags(network(torch.from_numpy(resampled(samples, RATE, 32_000)))).numpy().mean(axis=0)
        )
    found = Recogniser(packed, provider="cpu").recognise(samples).tags
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_random_weights_tell_no_tags(tmp_path: Path) -> None:
    """A PANN that has learnt nothing has machines, but no tags."""
    data = datasets.read(write_data(tmp_path / "tones", clips=6))
    recipe = recipes.load(toy_sound.write_recipe(tmp_path / "toy.toml"))
    train_svm.train(data, recipe, tmp_path / "run", [1, 2], settings(tmp_path))
    made = pack(tmp_path / "run", tmp_path / "toy.bundle", "toy", "", None)
    assert made.manifest.members[0].tags == 0
    assert Recogniser(made, provider="cpu").recognise(window("low")).tags is None


def test_card(packed: Bundle) -> None:
    """The card tells networks and rates instead of pictures, and the commands that make it again."""
    card = packed.files["MODEL_CARD.md"].decode()
    assert (
        f"sound at {RATE} Hz, resampled to 32000 Hz. The channels of an array are scored one by one" in card
    )
    assert "Network for sound pann, weights learnt.pth" in card
    assert "It hears frames of one second, 1 s apart; their mean" in card
    assert "activity-trainer train svm --recipe openl3 --backbone openl3 --weights learnt.pth" in card
    assert "--cmap" not in card
    assert card.count("It hears frames") == 1


def test_the_members_are_listed(trained: Path, packed: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    """`bundle show` and `bundle verify` deal with them as with all others."""
    from monitor.cli import main as monitor

    assert packed.manifest.self_test
    assert monitor(["bundle", "show", str(trained / "toy.bundle")]) == 0
    assert "openl3-learnt" in capsys.readouterr().out
    assert monitor(["bundle", "verify", str(trained / "toy.bundle")]) == 0


def test_verify(trained: Path, packed: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    """`activity-export verify` compares it with the run."""
    assert packed.manifest.stack
    options = ["--run", str(trained / "run"), "--clips", "6"]
    assert main(["verify", str(trained / "toy.bundle"), *options]) == 0
    assert "6 clips, 100.0 % with the label" in capsys.readouterr().out


def test_other_weights_than_learnt_with(trained: Path, tmp_path: Path) -> None:
    """A file that was replaced since is told."""
    kept = (trained / "learnt.pth").read_bytes()
    toy_sound.write_weights(trained / "learnt.pth", seed=1)
    try:
        with pytest.raises(MonitorError, match="learnt with other weights of pann"):
            pack(trained / "pann", tmp_path / "toy.bundle", "toy", "", None)
    finally:
        (trained / "learnt.pth").write_bytes(kept)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tags": 4}, r"tags is tensor\(float\) \['batch', 5\]; float \[batch, 4\] is wanted"),
        ({"tags": 0}, "1 inputs and 2 outputs; one each is wanted"),
        ({"sample_rate": 16_000}, r"float \[batch, 16000\] is wanted"),
    ],
)
def test_a_graph_that_does_not_fit(packed: Bundle, changes: dict[str, int], message: str) -> None:
    """What the manifest says of rate and tags is compared with the graph before any window comes."""
    from dataclasses import replace

    first, second = packed.manifest.members
    manifest = replace(packed.manifest, members=(replace(first, **changes), second))
    with pytest.raises(MonitorError, match=message):
        Recogniser(bundle.assemble(manifest, packed.files), provider="cpu")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("sample_rate", 3999, "member pann-learnt takes a sample rate of 3999 Hz; 4 to 192 kHz is possible"),
        ("tags", -1, "tags must be 0 or more, not -1"),
        ("tags", None, r"tags must be a whole number"),
        ("temperature", 0.0, "temperature must be positive"),
        ("kind", "yamnet", "is of kind 'yamnet'; this program runs .*'openl3' or 'pann'"),
    ],
)
def test_a_manifest_that_makes_no_sense(
    packed: Bundle, tmp_path: Path, key: str, value: object, message: str
) -> None:
    """A field that is out of range is named."""
    path = bundle.write(tmp_path / "toy.bundle", packed.manifest, packed.files) and tmp_path / "toy.bundle"
    document = json.loads((path / "bundle.json").read_text())
    document["members"][0][key] = value
    (path / "bundle.json").write_text(json.dumps(document))
    with pytest.raises(MonitorError, match=message):
        bundle.load(path)
