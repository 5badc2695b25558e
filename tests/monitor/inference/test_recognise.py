"""Window -> Recognition."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from monitor.errors import MonitorError
from monitor.inference import bundle, sound, svm
from monitor.inference.bundle import MACHINES, Bundle
from monitor.inference.graph import ModelError
from monitor.inference.logmel import log_mel
from monitor.inference.manifest import BundleError, Member
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

MONO_MEMBER = dataclasses.replace(TONES_MEMBER, channels="mono")
COLOURS_SIZE = COLOURS_MEMBER.picture.size
COLOURS_MACHINE = toy_machine(COLOURS_MEMBER.log_mel, COLOURS_SIZE)


def toy(model: bytes | None = None, member: Member = TONES_MEMBER) -> Bundle:
    """A bundle of one CRNN, in memory."""
    manifest = dataclasses.replace(toy_manifest(), members=(member,))
    model = toy_model(member.log_mel, manifest.frames(member)) if model is None else model
    return Bundle(manifest, {member.file: model}, "0" * 64)


def colours(
    model: bytes | None = None, machine: LinearSvm = COLOURS_MACHINE, member: Member = COLOURS_MEMBER
) -> Bundle:
    """A bundle of one deep-spectrum member, in memory."""
    manifest = dataclasses.replace(toy_manifest(), members=(member,))
    model = toy_backbone(COLOURS_SIZE) if model is None else model
    return Bundle(manifest, {member.file: model, MACHINES: svm.to_bytes({member.name: machine})}, "0" * 64)


@pytest.mark.parametrize("label", TONES)
def test_each_tone_is_recognised(toy_bundle: Path, label: str) -> None:
    """The toy bundle, loaded from disk, names the tone; scores are a distribution."""
    recognition = Recogniser(bundle.load(toy_bundle)).recognise(tone(label, 1.0))
    assert list(TONES)[recognition.scores.argmax()] == label
    assert recognition.scores.sum() == pytest.approx(1.0, abs=1e-12)


def test_scores_are_the_mean_over_channels() -> None:
    """Every channel counts the same, whatever its level and order."""
    recogniser = Recogniser(toy())
    samples = np.concatenate([tone("low", 1.0, 1), 0.01 * tone("high", 1.0, 1), tone("high", 1.0, 1)])
    each = [recogniser.recognise(channel[None]).scores for channel in samples]
    np.testing.assert_allclose(recogniser.recognise(samples).scores, np.mean(each, axis=0), atol=1e-6)
    np.testing.assert_allclose(
        recogniser.recognise(samples[::-1].copy()).scores, np.mean(each, axis=0), atol=1e-6
    )


@pytest.mark.parametrize("channels", [1, 3, 4, 8])
def test_any_number_of_channels(channels: int) -> None:
    """Faulty channels are left out, so the batch is free."""
    assert Recogniser(toy()).recognise(tone("low", 1.0, channels)).scores.argmax() == 0


def test_members_are_averaged_and_told_apart() -> None:
    """With two members the scores are their mean, and each member's own scores are kept."""
    other = dataclasses.replace(TONES_MEMBER, name="other", file="other.onnx")
    manifest = dataclasses.replace(toy_manifest(), members=(TONES_MEMBER, other))
    spec, frames = other.log_mel, manifest.frames(other)
    files = {"tones.onnx": toy_model(spec, frames), "other.onnx": toy_model(spec, frames, gain=0.01)}
    recognition = Recogniser(Bundle(manifest, files, "")).recognise(tone("high", 1.0))
    assert list(recognition.members) == ["tones", "other"]
    assert recognition.members["tones"].max() > recognition.members["other"].max()
    np.testing.assert_allclose(recognition.scores, np.mean(list(recognition.members.values()), axis=0))


def constant_model(values: list[float], shape: tuple[object, ...] = ("batch", 128, 5)) -> bytes:
    """A model with a fixed output for each channel, whatever it hears."""
    tensor = helper.make_tensor("values", TensorProto.FLOAT, [1, len(values)], values)
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["log_mel", "axes"], ["mean"], keepdims=0),
            helper.make_node("Unsqueeze", ["mean", "one"], ["column"]),
            helper.make_node("Mul", ["column", "zero"], ["zeros"]),
            helper.make_node("Add", ["zeros", "values"], ["posteriors"]),
        ],
        "constant",
        [helper.make_tensor_value_info("log_mel", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("posteriors", TensorProto.FLOAT, ["batch", len(values)])],
        [
            tensor,
            helper.make_tensor("axes", TensorProto.INT64, [2], [1, 2]),
            helper.make_tensor("one", TensorProto.INT64, [1], [1]),
            helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize("values", [[float("nan")] * 3, [0.9, 0.9, 0.9], [2.0, -0.5, -0.5], [0.0, 0.0, 0.0]])
def test_what_is_no_distribution_is_no_label(values: list[float]) -> None:
    """NaN has an argmax, too; it must not become a confident first class."""
    recogniser = Recogniser(toy(constant_model(values)))
    with pytest.raises(ModelError, match="member tones gave no probabilities"):
        recogniser.recognise(tone("low", 1.0))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (b"", "not a usable ONNX model"),
        (b"text", "not a usable ONNX model"),
        (
            constant_model([0.5, 0.5]),
            r"posteriors is tensor\(float\) \['batch', 2\]; float \[batch, 3\] is wanted",
        ),
        (constant_model([0.5, 0.5, 0.0], ("batch", 64, 5)), r"float \[batch, 128, 5\] is wanted"),
        (constant_model([0.5, 0.5, 0.0], ("batch", 128, 6)), r"float \[batch, 128, 5\] is wanted"),
        (constant_model([0.5, 0.5, 0.0], (1, 128, 5)), r"float \[batch, 128, 5\] is wanted"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_at_load(model: bytes, message: str) -> None:
    """Shapes and label count are compared before any window comes."""
    with pytest.raises(BundleError, match=message):
        Recogniser(toy(model))


def test_which_processor_runs_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """One clear line, and a warning when CUDA was asked for and is not there."""
    if any(Path("/dev").glob("nvidia[0-9]*")):
        pytest.skip("this machine has a GPU")
    with caplog.at_level(logging.INFO):
        assert Recogniser(toy(), provider="cuda").provider == "CPU"
    assert "no usable GPU was found" in caplog.text
    assert "models run on the CPU" in caplog.text


def test_nothing_is_written_to_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    """Stdout belongs to the data, also when a model is broken."""
    Recogniser(toy(), provider="cuda")
    with pytest.raises(MonitorError):
        Recogniser(toy(onnx.ModelProto().SerializeToString() + b"\x00"))
    assert capfd.readouterr().out == ""


def test_mono_members_score_the_mean_of_the_channels() -> None:
    """With the channel policy `mono` the channels are averaged before the spectrogram."""
    each, mono = Recogniser(toy()), Recogniser(toy(member=MONO_MEMBER))
    samples = np.concatenate([tone("low", 1.0, 2), 0.5 * tone("high", 1.0, 2)])
    mean = samples.mean(axis=0, keepdims=True)
    np.testing.assert_array_equal(mono.recognise(samples).scores, each.recognise(mean).scores)
    assert not np.allclose(mono.recognise(samples).scores, each.recognise(samples).scores)


def stereo() -> np.ndarray:
    """Two channels that hear different tones, one of them faintly."""
    return np.concatenate([tone("low", 1.0, 1), 0.1 * tone("high", 1.0, 1)])


def by_hand(samples: np.ndarray) -> np.ndarray:
    """The scores of the deep-spectrum toy, in plain NumPy."""
    decibel = log_mel(samples, COLOURS_MEMBER.log_mel)
    pictures = picture(decibel, COLOURS_MEMBER.picture, COLOURS_MEMBER.log_mel)
    embeddings = pictures.astype(float).mean(axis=3).reshape(len(samples), -1)
    decisions = (embeddings @ COLOURS_MACHINE.weights.T + COLOURS_MACHINE.bias).mean(axis=0)
    powers = np.exp(decisions / COLOURS_MEMBER.temperature)
    return powers / powers.sum()


@pytest.mark.parametrize("label", TONES)
def test_pictures_of_tones_are_recognised(tmp_path: Path, label: str) -> None:
    """A deep-spectrum bundle, written to disk and loaded again, names the tone."""
    made = colours()
    bundle.write(tmp_path / "colours.bundle", made.manifest, made.files)
    recognition = Recogniser(bundle.load(tmp_path / "colours.bundle")).recognise(tone(label, 1.0))
    assert list(TONES)[recognition.scores.argmax()] == label
    assert 0.4 < recognition.scores.max() < 1.0


def test_deep_spectrum_is_what_it_says() -> None:
    """Picture, embedding, decision values, mean over channels, softmax: as computed by hand."""
    found = Recogniser(colours()).recognise(stereo()).scores
    np.testing.assert_allclose(found, by_hand(stereo()), rtol=1e-5)
    each = [by_hand(channel[None]) for channel in stereo()]
    assert not np.allclose(found, np.mean(each, axis=0), atol=1e-3)  # not the mean of probabilities


def test_deep_spectrum_of_the_mean_of_the_channels() -> None:
    """With the channel policy `mono` there is one picture, of the channels' mean."""
    mono = dataclasses.replace(COLOURS_MEMBER, channels="mono")
    found = Recogniser(colours(member=mono)).recognise(stereo()).scores
    np.testing.assert_allclose(found, by_hand(stereo().mean(axis=0, keepdims=True)), rtol=1e-5)


def test_temperature_is_trust() -> None:
    """A high temperature makes scores alike, a tiny one all or nothing; neither overflows."""
    for temperature, best in ((1e6, 1 / 3), (1e-6, 1.0)):
        member = dataclasses.replace(COLOURS_MEMBER, temperature=temperature)
        scores = Recogniser(colours(member=member)).recognise(tone("high", 1.0)).scores
        assert scores.max() == pytest.approx(best, abs=1e-5)
        assert scores.sum() == pytest.approx(1.0, abs=1e-12)


def test_kinds_go_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Members of both kinds are averaged; a spectrogram that several of them take is computed once."""
    again = dataclasses.replace(COLOURS_MEMBER, name="again", temperature=2.0)
    mono = dataclasses.replace(MONO_MEMBER, name="mono")
    members = (TONES_MEMBER, COLOURS_MEMBER, again, mono)
    manifest = dataclasses.replace(toy_manifest(), members=members)
    machines = {"colours": COLOURS_MACHINE, "again": COLOURS_MACHINE}
    files = {**toy().files, **colours().files, MACHINES: svm.to_bytes(machines)}
    recogniser = Recogniser(Bundle(manifest, files, ""))
    computed = []
    monkeypatch.setattr(
        sound, "log_mel", lambda samples, spec: computed.append(spec) or log_mel(samples, spec)
    )
    recognition = recogniser.recognise(stereo())
    assert list(recognition.members) == ["tones", "colours", "again", "mono"]
    assert computed == [TONES_MEMBER.log_mel, COLOURS_MEMBER.log_mel, MONO_MEMBER.log_mel]
    singly = [Recogniser(toy()), Recogniser(colours()), Recogniser(colours(member=again))]
    for name, one in zip(recognition.members, singly, strict=False):
        np.testing.assert_array_equal(recognition.members[name], one.recognise(stereo()).scores)
    np.testing.assert_allclose(recognition.scores, np.mean(list(recognition.members.values()), axis=0))


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_an_embedding_that_is_not_finite_is_no_label(number: float) -> None:
    """One channel's NaN or infinity must not become a confident class."""
    recogniser = Recogniser(colours(embedding_model(number)))
    with pytest.raises(ModelError, match="member colours gave decision values that are not finite"):
        recogniser.recognise(stereo())


def test_a_spectrogram_that_is_not_finite_is_no_label() -> None:
    """There is no picture of NaN: what the conversion to a colour would give depends on the processor."""
    samples = stereo()
    samples[1, 100] = np.nan
    with pytest.raises(ModelError, match="member colours was given a spectrogram that is not finite"):
        Recogniser(colours()).recognise(samples)


def embedding_model(number: float) -> bytes:
    """A toy backbone whose embedding is multiplied by a number."""
    proto = onnx.load_from_string(toy_backbone(COLOURS_SIZE))
    proto.graph.node[-1].output[0] = "rows"
    proto.graph.node.append(helper.make_node("Mul", ["rows", "number"], ["embedding"]))
    proto.graph.initializer.append(helper.make_tensor("number", TensorProto.FLOAT, [1], [number]))
    return bytes(proto.SerializeToString())


@pytest.mark.parametrize(
    ("model", "machine", "message"),
    [
        (b"text", COLOURS_MACHINE, r"colours\.onnx is not a usable ONNX model"),
        (
            toy_model(TONES_MEMBER.log_mel, 5),
            COLOURS_MACHINE,
            r"log_mel is tensor\(float\) .*; uint8 \[batch, 3, 32, 32\] is wanted",
        ),
        (toy_backbone(16), COLOURS_MACHINE, r"uint8 \[batch, 3, 32, 32\] is wanted"),
        (
            toy_backbone(COLOURS_SIZE),
            LinearSvm(np.ones((3, 95)), np.ones(3)),
            r"embedding is tensor\(float\) \['batch', 96\]; float \[batch, 95\] is wanted",
        ),
        (toy_backbone(COLOURS_SIZE), LinearSvm(np.ones((2, 96)), np.ones(2)), "tells 2 classes apart, not 3"),
    ],
)
def test_a_backbone_that_does_not_fit_is_refused_at_load(
    model: bytes, machine: LinearSvm, message: str
) -> None:
    """Picture, embedding and machine are compared before any window comes."""
    with pytest.raises(BundleError, match=message):
        Recogniser(colours(model, machine))
