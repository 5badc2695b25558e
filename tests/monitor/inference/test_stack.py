"""The machine on top of the members: what it computes, what is shared below it, what is refused."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitor.inference import bundle, sound, svm
from monitor.inference.bundle import Bundle
from monitor.inference.graph import Graph, ModelError
from monitor.inference.logmel import log_mel
from monitor.inference.manifest import BundleError, Manifest, Stack
from monitor.inference.picture import picture
from monitor.inference.recognise import Recogniser
from monitor.inference.svm import LinearSvm
from tests.toys import (
    COLOURS_MEMBER,
    TONES,
    TONES_MEMBER,
    tone,
    toy_backbone,
    toy_machine,
    toy_manifest,
    toy_model,
)

AGAIN_MEMBER = dataclasses.replace(COLOURS_MEMBER, name="again", temperature=2.0)
COLOURS_MACHINE = toy_machine(COLOURS_MEMBER.log_mel, COLOURS_MEMBER.picture.size)
AGAIN_MACHINE = LinearSvm(COLOURS_MACHINE.weights[::-1].copy(), COLOURS_MACHINE.bias)
MANIFEST = dataclasses.replace(
    toy_manifest(),
    members=(TONES_MEMBER, COLOURS_MEMBER, AGAIN_MEMBER),
    stack=Stack(("again", "tones", "colours"), temperature=0.3),
)
STACK_MACHINE = LinearSvm(np.random.default_rng(5).standard_normal((3, 9)), np.array([0.3, 0.0, -0.3]))
MACHINES = {"colours": COLOURS_MACHINE, "again": AGAIN_MACHINE, "stack": STACK_MACHINE}


def stacked(manifest: Manifest = MANIFEST, **machines: LinearSvm) -> Bundle:
    """A bundle of three members and a stack, in memory; two members look with the same network."""
    files = {
        "tones.onnx": toy_model(TONES_MEMBER.log_mel, manifest.frames(TONES_MEMBER)),
        "colours.onnx": toy_backbone(COLOURS_MEMBER.picture.size),
        "svm.npz": svm.to_bytes(MACHINES | machines),
    }
    return Bundle(manifest, files, "0" * 64)


def stereo() -> np.ndarray:
    """Two channels that hear different tones, one of them faintly."""
    return np.concatenate([tone("low", 1.0, 1), 0.1 * tone("high", 1.0, 1)])


def softmax(decisions: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities."""
    powers = np.exp(decisions / temperature)
    return powers / powers.sum()


def colours_decisions(machine: LinearSvm) -> np.ndarray:
    """Decision values of a deep-spectrum member, in plain NumPy."""
    decibel = log_mel(stereo(), COLOURS_MEMBER.log_mel)
    pictures = picture(decibel, COLOURS_MEMBER.picture, COLOURS_MEMBER.log_mel)
    embeddings = pictures.astype(float).mean(axis=3).reshape(2, -1)
    return (embeddings @ machine.weights.T + machine.bias).mean(axis=0)


def test_stack_is_what_it_says() -> None:
    """Decision values and posteriors side by side in the stack's own order, machine, softmax: by hand."""
    recognition = Recogniser(stacked()).recognise(stereo())
    again, colours = colours_decisions(AGAIN_MACHINE), colours_decisions(COLOURS_MACHINE)
    features = np.concatenate([again, recognition.members["tones"], colours])
    wanted = softmax(STACK_MACHINE.weights @ features + STACK_MACHINE.bias, 0.3)
    np.testing.assert_allclose(recognition.scores, wanted, rtol=1e-4)
    assert recognition.scores.sum() == pytest.approx(1.0, abs=1e-12)


def test_members_keep_their_own_votes() -> None:
    """Under a stack, a member's scores are its own probabilities, in the manifest's order."""
    with_stack = Recogniser(stacked()).recognise(stereo())
    machines = {"colours": COLOURS_MACHINE, "again": AGAIN_MACHINE}
    files = stacked().files | {"svm.npz": svm.to_bytes(machines)}
    without = Recogniser(Bundle(dataclasses.replace(MANIFEST, stack=None), files, "")).recognise(stereo())
    assert list(with_stack.members) == ["tones", "colours", "again"]
    for name, scores in without.members.items():
        np.testing.assert_array_equal(with_stack.members[name], scores)
    np.testing.assert_allclose(without.scores, np.mean(list(without.members.values()), axis=0))


def test_what_members_share_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One session for a file; spectrogram, picture and network run once for two members of the same."""
    opened, done = [], Counter()
    made, run = Graph.__init__, Graph.run
    monkeypatch.setattr(
        Graph,
        "__init__",
        lambda self, file, *rest, **more: opened.append(file) or made(self, file, *rest, **more),
    )
    recogniser = Recogniser(stacked())
    assert opened == ["tones.onnx", "colours.onnx"]
    monkeypatch.setattr(Graph, "run", lambda self, batch: done.update(["graph"]) or run(self, batch))
    for name, function in (("log_mel", log_mel), ("picture", picture)):
        monkeypatch.setattr(
            sound, name, lambda *given, name=name, function=function: done.update([name]) or function(*given)
        )
    for windows in (1, 2):  # the second window is heard anew
        recogniser.recognise(stereo())
        assert done == {"log_mel": 2 * windows, "picture": windows, "graph": 2 * windows}


def test_another_picture_is_another_run() -> None:
    """Members that share a network, but not the colours, each see their own picture."""
    magma = dataclasses.replace(
        AGAIN_MEMBER, picture=dataclasses.replace(COLOURS_MEMBER.picture, cmap="magma")
    )
    manifest = dataclasses.replace(MANIFEST, members=(TONES_MEMBER, COLOURS_MEMBER, magma))
    other = Recogniser(stacked(manifest)).recognise(stereo())
    same = Recogniser(stacked()).recognise(stereo())
    np.testing.assert_array_equal(other.members["colours"], same.members["colours"])
    assert not np.allclose(other.members["again"], same.members["again"])


def test_channels_that_are_given_are_fused() -> None:
    """Each member averages over the channels that are left, then the stack decides once."""
    recogniser = Recogniser(stacked())
    left = recogniser.recognise(stereo()[:1])
    np.testing.assert_allclose(
        recogniser.recognise(np.concatenate([stereo()[:1]] * 3)).scores, left.scores, rtol=1e-4
    )
    assert not np.allclose(recogniser.recognise(stereo()).scores, left.scores, atol=1e-3)


def test_decision_values_that_are_not_finite_are_no_label() -> None:
    """A sum that overflows must not become a confident class."""
    huge = LinearSvm(np.full((3, 9), 1e308), np.full(3, 1e308))
    with pytest.raises(ModelError, match=r"^the stack gave decision values that are not finite"):
        Recogniser(stacked(stack=huge)).recognise(tone("low", 1.0))


def test_written_and_read(tmp_path: Path) -> None:
    """The stack survives the disk."""
    written = bundle.write(tmp_path / "a.bundle", MANIFEST, stacked().files)
    assert bundle.load(tmp_path / "a.bundle").manifest == written.manifest == MANIFEST
    assert Recogniser(written).recognise(tone("middle", 1.0)).scores.shape == (len(TONES),)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("stack"), "stack is missing"),
        (lambda d: d.update(stack=[]), r"stack must be an object, not \[\]"),
        (lambda d: d["stack"].update(temperature=0), r"stack: temperature must be positive, not 0\.0"),
        (lambda d: d["stack"].update(kind="svm"), r"stack\.kind is unknown"),
        (
            lambda d: d["stack"].update(members=["tones"]),
            "the stack takes members tones; the bundle has again",
        ),
        (
            lambda d: d["stack"]["members"].append("tones"),
            "the stack takes members again, tones, colours, tones",
        ),
        (lambda d: d["stack"].update(members=[]), "the stack takes members none"),
        (lambda d: d.update(stack=None), r"svm\.npz has machines of again, colours, stack; wanted: colours"),
        (lambda d: d["members"][0].update(name="stack"), "no member can be called 'stack'"),
    ],
)
def test_a_stack_that_does_not_fit_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    """Its members are exactly the bundle's; what does not fit has its own reason."""
    bundle.write(tmp_path / "a.bundle", MANIFEST, stacked().files)
    document = json.loads((tmp_path / "a.bundle" / "bundle.json").read_text())
    change(document)
    (tmp_path / "a.bundle" / "bundle.json").write_text(json.dumps(document))
    with pytest.raises(BundleError, match=message):
        bundle.load(tmp_path / "a.bundle")


@pytest.mark.parametrize(
    ("machine", "message"),
    [
        (LinearSvm(np.ones((3, 8)), np.ones(3)), "stack takes 8 numbers, not 3 of each of 3 members"),
        (LinearSvm(np.ones((2, 9)), np.ones(2)), "stack tells 2 classes apart, not 3"),
    ],
)
def test_a_machine_that_does_not_fit_is_refused(tmp_path: Path, machine: LinearSvm, message: str) -> None:
    """Its features are as many as members times labels."""
    with pytest.raises(BundleError, match=message):
        bundle.write(tmp_path / "a.bundle", MANIFEST, stacked(stack=machine).files)


def test_no_machine_for_the_stack(tmp_path: Path) -> None:
    """A stack of CRNNs alone needs svm.npz, too."""
    manifest = dataclasses.replace(
        MANIFEST, members=(TONES_MEMBER,), stack=Stack(("tones",), temperature=1.0)
    )
    files = {"tones.onnx": stacked().files["tones.onnx"]}
    with pytest.raises(BundleError, match=r"svm\.npz is missing; machines of stack are wanted"):
        bundle.write(tmp_path / "a.bundle", manifest, files)
