from __future__ import annotations

import math
import warnings
from collections.abc import Iterator

import librosa
import numpy as np
import pytest
import torch
from torch import nn

from trainer.models.initial import randomise
from trainer.models.openl3 import RATE, Frames, MelSpectrogram, Openl3, cut, from_keras

SIZES = (1, 64, 64, 128, 128, 256, 256, 512)
"""Of the batch normalisations; each is followed by a convolution"""
STAGES = {
    128: {2: (64, 128, 199), 4: (128, 64, 99), 6: (256, 32, 49), 7: (512, 16, 24)},
    256: {2: (64, 256, 199), 4: (128, 128, 99), 6: (256, 64, 49), 7: (512, 32, 24)},
}
"""Bands -> convolution -> its output, as published"""
of_bands = pytest.mark.parametrize("bands", [128, 256])


@pytest.fixture(scope="module")
def network() -> Openl3:
    """With the same weights each time."""
    made = Openl3(128, 512, Frames()).eval()
    randomise(made, 1, "keras", "fan_in")
    return made


def shapes_only(bands: int, embedding: int, frames: Frames = Frames()) -> Openl3:  # noqa: B008 - frozen
    """A network without weights or numbers, which still tells its shapes."""
    with torch.device("meta"):
        return Openl3(bands, embedding, frames).eval()


def published(bands: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Entries of the PyTorch port's checkpoints, written down apart from the network."""
    yield "speclayer.dft_real_kernels", (1025, 1, 2048)
    yield "speclayer.dft_imag_kernels", (1025, 1, 2048)
    yield "speclayer.mel_basis", (bands, 1025)
    names = (*(f"conv2d_{number}" for number in range(1, 8)), "audio_embedding_layer")
    for number, (name, inputs, outputs) in enumerate(
        zip(names, SIZES, (*SIZES[1:], 512), strict=True), start=1
    ):
        for part in ("weight", "bias", "running_mean", "running_var"):
            yield f"batch_normalization_{number}.{part}", (inputs,)
        yield f"batch_normalization_{number}.num_batches_tracked", ()
        yield f"{name}.weight", (outputs, inputs, 3, 3)
        yield f"{name}.bias", (outputs,)


def noise(samples: int) -> torch.Tensor:
    """The same Gaussian noise each time, `[1, samples]`."""
    return 0.1 * torch.randn(1, samples, generator=torch.Generator().manual_seed(0))


@of_bands
def test_published_entries(bands: int) -> None:
    """Names and shapes are those of the PyTorch port; both sizes of embedding have the same."""
    for embedding in (512, 6144):
        found = {key: tuple(value.shape) for key, value in shapes_only(bands, embedding).state_dict().items()}
        assert found == dict(published(bands))


@of_bands
def test_number_of_parameters(bands: int) -> None:
    """As many are learnt as published."""
    learnt = [value for value in shapes_only(bands, 512).parameters() if value.requires_grad]
    assert sum(value.numel() for value in learnt) == 4_687_042


@of_bands
def test_shapes(bands: int) -> None:
    """Every stage has the published shape for a frame."""
    network, seen = shapes_only(bands, 512), {}
    for number in STAGES[bands]:
        network.get_submodule(f"conv2d_{number}").register_forward_hook(
            lambda _module, _inputs, output, number=number: seen.update({number: tuple(output.shape[1:])})
        )
    frames = torch.empty(3, RATE, device="meta")
    assert network.embed(frames).shape == (3, 512)
    assert shapes_only(bands, 6144).embed(frames).shape == (3, 6144)
    assert seen == STAGES[bands]


@of_bands
def test_front_end_is_that_of_librosa(bands: int) -> None:
    """Spectrogram, HTK mel bands and decibels agree with an independent computation."""
    frame = noise(RATE)
    with torch.inference_mode():
        found = MelSpectrogram(bands)(frame)[0, 0].numpy()
    padded = np.pad(frame[0].numpy().astype(np.float64), 982)
    power = np.abs(librosa.stft(padded, n_fft=2048, hop_length=242, center=False)) ** 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of 256 bands, two are narrower than a bin
        mel = librosa.filters.mel(sr=RATE, n_fft=2048, n_mels=bands, htk=True, norm="slaney") @ power
    # Of the amplitude, and yet 10 log10.
    decibel = 10 * np.log10(np.maximum(np.sqrt(mel), 1e-10))
    assert found.shape == (bands, 199)
    np.testing.assert_allclose(found, np.maximum(decibel - decibel.max(), -80), atol=2e-3)


def test_decibels_of_a_louder_half() -> None:
    """A tone that becomes 100 times as loud gains 20 of these decibels; its level does not matter."""
    tone = torch.sin(2 * torch.pi * 1500 * torch.arange(RATE) / RATE)
    tone[: RATE // 2] *= 0.01
    front_end = MelSpectrogram(128)
    with torch.inference_mode():
        found, quiet = front_end(tone[None])[0, 0], front_end(0.1 * tone[None])[0, 0]
    assert found.max() == 0
    band = int(found[:, 150].argmax())
    assert (found[band, 150] - found[band, 50]).item() == pytest.approx(20.0, abs=1e-2)
    heard = found > -35  # below, single precision rounds
    assert torch.allclose(found[heard], quiet[heard], atol=0.01)
    edges = 700 * (10 ** (np.linspace(0, 2595 * math.log10(1 + 24000 / 700), 130) / 2595) - 1)
    assert edges[band] < 1500 < edges[band + 2]


def test_silence(network: Openl3) -> None:
    """Silence is its own maximum: 0 dB everywhere, as in the library; its embedding is finite."""
    with torch.inference_mode():
        assert not MelSpectrogram(128)(torch.zeros(1, RATE)).any()
        assert network(torch.zeros(1, RATE)).isfinite().all()


@pytest.mark.parametrize(
    ("seconds", "hop", "frames"), [(10, 0.1, 96), (5, 0.1, 46), (10, 1.0, 11), (0.5, 0.1, 1), (0.001, 1.0, 1)]
)
def test_number_of_frames(seconds: float, hop: float, frames: int) -> None:
    """As many as the library makes; a clip of less than a frame is one."""
    waveform = torch.empty(2, round(seconds * RATE), device="meta")
    assert cut(waveform, Frames(hop).hop).shape == (2, frames, RATE)


def test_frames_cover_the_clip() -> None:
    """Half a second of zeros comes first; no sample is lost at the end."""
    waveform = torch.arange(1.0, 2.2 * RATE + 1)[None]
    frames = cut(waveform, RATE)[0]
    joined = frames.flatten()
    assert not joined[: RATE // 2].any()
    assert torch.equal(joined[RATE // 2 : RATE // 2 + waveform.shape[1]], waveform[0])
    assert not joined[RATE // 2 + waveform.shape[1] :].any()


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_pooling_over_frames(network: Openl3, pooling: str) -> None:
    """A clip's embedding is the mean, or the maximum, of those of its frames."""
    clip = noise(round(1.4 * RATE))
    pooled = Openl3(128, 512, Frames(0.5, pooling)).eval()
    pooled.load_state_dict(network.state_dict())
    with torch.inference_mode():
        each = torch.cat([network.embed(frame) for frame in cut(clip, RATE // 2).unbind(1)])
        wanted = each.mean(0) if pooling == "mean" else each.max(0).values
        assert len(each) == 3
        assert torch.allclose(pooled(clip)[0], wanted, rtol=1e-4, atol=1e-5)


def test_embedding_in_the_order_of_keras() -> None:
    """6144 numbers are 4 bands x 3 moments x 512 channels, the channel fastest, each a maximum."""
    network = Openl3(128, 6144, Frames()).eval()
    last = torch.randn(1, 512, 16, 24, generator=torch.Generator().manual_seed(0))
    network.audio_embedding_layer.register_forward_hook(lambda *_: last)
    with torch.inference_mode():
        found = network.embed(torch.zeros(1, RATE))[0]
    wanted = [
        last[0, channel, 4 * band : 4 * band + 4, 8 * moment : 8 * moment + 8].max().item()
        for band, moment, channel in ((0, 0, 0), (0, 0, 511), (0, 1, 0), (3, 2, 7))
    ]
    assert [found[index].item() for index in (0, 511, 512, 3 * 1536 + 1024 + 7)] == wanted


def test_normalisation_as_in_keras(network: Openl3) -> None:
    """The epsilon is Keras' 0.001, and the last convolution is neither normalised nor cut at 0."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert {norm.eps for norm in norms} == {0.001}
    with torch.inference_mode():
        assert network(noise(RATE)).min() < 0


@pytest.mark.parametrize("first", [1, 21])
def test_state_from_keras(network: Openl3, first: int) -> None:
    """Keras' arrays land under our names whatever number its layers begin with, kernels turned round."""
    state = network.state_dict()
    layers = {"melspectrogram_1": {"real_kernels": torch.zeros(1)}}
    names = [f"conv2d_{number}" for number in range(1, 8)]
    for number, name in enumerate(names):
        # Written from the last to the first, as sorting by name would not give them.
        layers[f"conv2d_{first + number}"] = {
            "kernel": state[f"{name}.weight"].permute(2, 3, 1, 0),
            "bias": state[f"{name}.bias"],
        }
    layers["audio_embedding_layer"] = {
        "kernel": state["audio_embedding_layer.weight"].permute(2, 3, 1, 0),
        "bias": state["audio_embedding_layer.bias"],
    }
    theirs = {
        "gamma": "weight",
        "beta": "bias",
        "moving_mean": "running_mean",
        "moving_variance": "running_var",
    }
    for number in range(1, 9):
        layers[f"batch_normalization_{first + number - 1}"] = {
            key: state[f"batch_normalization_{number}.{ours}"] for key, ours in theirs.items()
        }
    found = from_keras(dict(reversed(layers.items())))
    wanted = {key for key in state if not key.startswith("speclayer.") and not key.endswith("tracked")}
    assert found.keys() == wanted
    assert all(torch.equal(found[key], state[key]) for key in wanted)


@pytest.mark.parametrize("hop", [0.0, -1.0, 1.5, math.nan, 1e-6])
def test_hops_that_are_none(hop: float) -> None:
    """A hop of nothing, or one that would skip sound, is refused."""
    with pytest.raises(ValueError, match="hop_seconds must be above 0 and at most 1"):
        Frames(hop)


def test_unknown_pooling() -> None:
    """Another pooling is refused."""
    with pytest.raises(ValueError, match="pooling must be one of mean, max"):
        Frames(pooling="sum")


GOLDEN = [1.06858, 0.9707, 0.0350389, 0.461742, 1.12226, 0.372052]
"""The first numbers of what the network made of the noise when it was written"""


def test_golden(network: Openl3) -> None:
    """The same weights and the same sound give the embedding that they always gave."""
    with torch.inference_mode():
        found = network(noise(RATE // 2))[0, :6]
    assert found.tolist() == pytest.approx(GOLDEN, rel=1e-3, abs=1e-5)
