"""Networks for sound as graphs, all their layers, but narrow."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from export import sound
from export.sound import export_sound
from monitor.errors import MonitorError
from monitor.inference.waveform import resampled
from tests.toys import tone
from trainer.models import openl3
from trainer.models.initial import randomise
from trainer.models.openl3 import Frames, Openl3
from trainer.models.pann import Cnn14, WavegramLogmelCnn14

SMALL = (4, 4, 4, 4, 4, 8)
"""Channels"""


@pytest.fixture(scope="module")
def sounds() -> np.ndarray:
    """Two tones and noise, at 16 kHz `[3, 9700]`: no whole number of frames, nor of a PANN's 640 samples."""
    noise = 0.1 * np.random.default_rng(0).standard_normal((1, 9700)).astype(np.float32)
    return np.concatenate([tone("low", 9700 / 16_000, 1), tone("high", 9700 / 16_000, 1), noise])


def small(kind: type[Cnn14]) -> Cnn14:
    """A narrow PANN."""
    network = kind(SMALL).eval()
    randomise(network, 1, "keras", "fan_in")
    return network


@pytest.mark.parametrize("kind", [Cnn14, WavegramLogmelCnn14])
@pytest.mark.parametrize("tags", [True, False], ids=["tags", "no tags"])
def test_pann(sounds: np.ndarray, kind: type[Cnn14], tags: bool) -> None:
    """From samples, front end and all, with a free batch; tags are a second output."""
    network, heard = small(kind), resampled(sounds, 16_000, 32_000)
    graph = export_sound(network, heard, tags=tags)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    (taken,), given = session.get_inputs(), session.get_outputs()
    assert (taken.name, taken.type, taken.shape) == ("waveform", "tensor(float)", ["batch", 19_400])
    wanted = [("embedding", ["batch", 8]), ("tags", ["batch", 527])][: 1 + tags]
    assert [(output.name, output.shape) for output in given] == wanted
    with torch.inference_mode():
        embedding = network(torch.from_numpy(heard))
        outputs = [embedding, network.tags(embedding)][: 1 + tags]
    for count in (1, 2, 3):
        for found, output in zip(session.run(None, {"waveform": heard[:count]}), outputs, strict=True):
            np.testing.assert_allclose(found, output[:count].numpy(), atol=1e-4 * output.max().item())


def test_openl3(sounds: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several frames of each sound, with a free batch, in one file."""
    monkeypatch.setattr(openl3, "CHANNELS", (2, 2, 2, 2, 2, 2, 4))
    monkeypatch.setattr(openl3, "EMBEDDING_CHANNELS", 8)
    network = Openl3(128, 8, Frames(0.5)).eval()
    randomise(network, 1, "keras", "fan_in")
    heard = resampled(sounds, 16_000, 48_000)
    graph = export_sound(network, heard[:2], tags=False)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"waveform": heard[:1]})
    with torch.inference_mode():
        wanted = network(torch.from_numpy(heard[:1])).numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-3 * np.abs(wanted).max())
    assert [output.shape for output in session.get_outputs()] == [["batch", 8]]
    assert not any(tensor.external_data for tensor in onnx.load_from_string(graph).graph.initializer)


def test_a_graph_that_differs_is_refused(sounds: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """What differs by more than is allowed is not exported, in embeddings nor in tags alone."""
    network, heard = small(Cnn14), resampled(sounds, 16_000, 32_000)
    monkeypatch.setattr(sound, "TOLERANCE", 0.0)
    with pytest.raises(MonitorError, match=r"ONNX and torch differ by .* nothing was written"):
        export_sound(network, heard, tags=True)
    monkeypatch.undo()
    torch.nn.init.constant_(network.fc_audioset.bias, torch.nan)
    assert export_sound(network, heard, tags=False)
    with pytest.raises(MonitorError, match="differ by nan"):
        export_sound(network, heard, tags=True)
