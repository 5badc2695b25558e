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
from monitor.inference import bundle
from monitor.inference.bundle import Bundle
from monitor.inference.manifest import BundleError, Manifest, Member
from monitor.inference.recognise import ModelError, Recogniser
from tests.toys import TONES, tone, toy_manifest, toy_model


def toy(model: bytes | None = None, manifest: Manifest | None = None) -> Bundle:
    """A bundle in memory."""
    manifest = manifest or toy_manifest()
    files = {
        member.file: model or toy_model(manifest.log_mel, manifest.frames) for member in manifest.members
    }
    return Bundle(manifest, files, "0" * 64)


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
    manifest = toy_manifest()
    members = (*manifest.members, Member("other", "crnn", "other.onnx", -80.0))
    manifest = dataclasses.replace(manifest, members=members)
    spec, frames = manifest.log_mel, manifest.frames
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
    files = {"tones.onnx": model}
    with pytest.raises(BundleError, match=message):
        Recogniser(Bundle(toy_manifest(), files, ""))


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


def test_mono_bundles_score_the_mean_of_the_channels() -> None:
    """With the channel policy `mono` the channels are averaged before the spectrogram."""
    manifest = dataclasses.replace(toy_manifest(), channel_policy="mono")
    each, mono = Recogniser(toy()), Recogniser(toy(manifest=manifest))
    samples = np.concatenate([tone("low", 1.0, 2), 0.5 * tone("high", 1.0, 2)])
    mean = samples.mean(axis=0, keepdims=True)
    np.testing.assert_array_equal(mono.recognise(samples).scores, each.recognise(mean).scores)
    assert not np.allclose(mono.recognise(samples).scores, each.recognise(samples).scores)
