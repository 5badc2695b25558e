from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import librosa
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from trainer.models.initial import randomise
from trainer.models.pann import (
    BANDS,
    RATE,
    Cnn14,
    ConvBlock,
    ConvPreWavBlock,
    LogMel,
    Spectrogram,
    WavegramLogmelCnn14,
    completed,
)

SMALL = (4, 4, 4, 4, 4, 8)
PARAMETERS = {WavegramLogmelCnn14: (82_148_943, 81_065_487), Cnn14: (81_837_071, 80_753_615)}
"""All, and those that are learnt"""
STAGES = {
    "pre_bn0": (64, 64000),
    "pre_block1": (64, 16000),
    "pre_block2": (128, 4000),
    "pre_block3": (128, 1000),
    "pre_block4": (64, 500, 32),
    "spectrogram_extractor": (1001, 513),
    "logmel_extractor": (1001, 64),
    "conv_block1": (64, 500, 32),
    "conv_block2": (128, 250, 16),
    "conv_block3": (256, 125, 8),
    "conv_block4": (512, 62, 4),
    "conv_block5": (1024, 31, 2),
    "conv_block6": (2048, 31, 2),
}
"""Module -> shape of its output for 10 s, as published: channels, time, frequency"""

both = pytest.mark.parametrize("kind", PARAMETERS)


def norm(name: str, channels: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Entries of a batch normalisation."""
    for part in ("weight", "bias", "running_mean", "running_var"):
        yield f"{name}.{part}", (channels,)
    yield f"{name}.num_batches_tracked", ()


def block(name: str, inputs: int, outputs: int, *kernel: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Entries of a block of two convolutions."""
    yield f"{name}.conv1.weight", (outputs, inputs, *kernel)
    yield f"{name}.conv2.weight", (outputs, outputs, *kernel)
    yield from norm(f"{name}.bn1", outputs)
    yield from norm(f"{name}.bn2", outputs)


def published(kind: type[Cnn14]) -> dict[str, tuple[int, ...]]:
    """What the published checkpoint holds, written down apart from the network."""
    wavegram = kind is WavegramLogmelCnn14
    entries = {
        "spectrogram_extractor.stft.conv_real.weight": (513, 1, 1024),
        "spectrogram_extractor.stft.conv_imag.weight": (513, 1, 1024),
        "logmel_extractor.melW": (513, 64),
        "fc1.weight": (2048, 2048),
        "fc1.bias": (2048,),
        "fc_audioset.weight": (527, 2048),
        "fc_audioset.bias": (527,),
        **dict(norm("bn0", 64)),
    }
    channels = (1, 64, 128, 256, 512, 1024, 2048)
    for number, (inputs, outputs) in enumerate(pairwise(channels), start=1):
        taken = 128 if wavegram and number == 2 else inputs
        entries |= dict(block(f"conv_block{number}", taken, outputs, 3, 3))
    if wavegram:
        entries |= {"pre_conv0.weight": (64, 1, 11), **dict(norm("pre_bn0", 64))}
        for number, (inputs, outputs) in enumerate(((64, 64), (64, 128), (128, 128)), start=1):
            entries |= dict(block(f"pre_block{number}", inputs, outputs, 3))
        entries |= dict(block("pre_block4", 4, 64, 3, 3))
    return entries


def shapes_only(kind: type[Cnn14]) -> Cnn14:
    """A network without weights or numbers, which still tells its shapes."""
    with torch.device("meta"):
        return kind().eval()


def small(kind: type[Cnn14]) -> Cnn14:
    """A narrow network with the same weights each time."""
    network = kind(SMALL).eval()
    randomise(network, 1, "keras", "fan_in")
    return network


def noise(samples: int, clips: int = 1) -> torch.Tensor:
    """The same Gaussian noise each time, `[clips, samples]`."""
    return 0.1 * torch.randn(clips, samples, generator=torch.Generator().manual_seed(0))


@both
def test_published_entries(kind: type[Cnn14]) -> None:
    """Names and shapes are those of the published checkpoint, 138 or 84 of them."""
    found = {key: tuple(value.shape) for key, value in shapes_only(kind).state_dict().items()}
    assert found == published(kind)
    assert len(found) == (138 if kind is WavegramLogmelCnn14 else 84)


@both
def test_number_of_parameters(kind: type[Cnn14]) -> None:
    """There are as many as published, and the front end is not learnt."""
    values = list(shapes_only(kind).parameters())
    learnt = [value for value in values if value.requires_grad]
    assert tuple(sum(value.numel() for value in some) for some in (values, learnt)) == PARAMETERS[kind]


@both
def test_shapes(kind: type[Cnn14]) -> None:
    """Every stage has the published shape for 10 s, and a clip one embedding, however long it is."""
    network, seen = shapes_only(kind), {}
    wanted = {name: shape for name, shape in STAGES.items() if hasattr(network, name)}
    for stage in wanted:
        network.get_submodule(stage).register_forward_hook(
            lambda _module, _inputs, output, stage=stage: seen.update({stage: tuple(output.shape)})
        )
    embedding = network(torch.empty(2, 320_000, device="meta"))
    assert seen == {stage: (2, *shape) for stage, shape in wanted.items()}
    assert embedding.shape == (2, 2048)
    assert network.tags(embedding).shape == (2, 527)
    for samples in (160_000, 38_720, 1):
        assert network(torch.empty(1, samples, device="meta")).shape == (1, 2048)


def test_front_end_is_that_of_librosa() -> None:
    """Spectrogram and mel bands agree with an independent computation."""
    waveform = noise(16_000)
    with torch.inference_mode():
        found = LogMel()(Spectrogram()(waveform))[0].T.numpy()
    mel = librosa.feature.melspectrogram(
        y=waveform[0].numpy().astype(np.float64),
        sr=RATE,
        n_fft=1024,
        hop_length=320,
        pad_mode="reflect",
        n_mels=64,
        fmin=50,
        fmax=14_000,
    )
    np.testing.assert_allclose(found, librosa.power_to_db(mel, amin=1e-10, top_db=None), atol=2e-3)


def test_power_of_a_tone() -> None:
    """A tone of amplitude a on bin k has the power (a * 1024 / 4)^2 there, a quarter of it beside."""
    tone = 0.5 * torch.sin(2 * torch.pi * 64 * torch.arange(16_000) / 1024)
    with torch.inference_mode():
        power = Spectrogram()(tone[None])[0, 20]
    assert power[64].item() == pytest.approx(128.0**2, rel=1e-4)
    assert power[[63, 65]].tolist() == pytest.approx([128.0**2 / 4] * 2, rel=1e-4)
    assert power[[0, 61, 67, 512]].max() < 1e-4


@both
@pytest.mark.parametrize("samples", [0, 1, 640, 32_000])
def test_silence_and_short_clips(kind: type[Cnn14], samples: int) -> None:
    """Silence is -100 dB in every band, its embedding finite, however short it is."""
    with torch.inference_mode():
        decibel = LogMel()(Spectrogram()(completed(torch.zeros(1, samples))))
        assert decibel.unique().tolist() == pytest.approx([-100.0])
        network = small(kind)
        embedding = network(torch.zeros(1, samples))
        tags = network.tags(embedding)
    assert embedding.shape == (1, SMALL[-1])
    assert embedding.isfinite().all()
    assert ((tags > 0) & (tags < 1)).all()


def test_odd_lengths_are_completed() -> None:
    """121 hops, with which the branches do not fit together, are the same as 122, the last one silent."""
    network, waveform = small(WavegramLogmelCnn14), noise(121 * 320)
    with torch.inference_mode():
        assert torch.equal(network(waveform), network(F.pad(waveform, (0, 320))))
    assert completed(noise(1280)).shape == (1, 10_240)
    assert completed(noise(320_000)).shape == (1, 320_000)


def test_block_by_hand() -> None:
    """With kernels of ones: neighbours are added twice, normalised, and cells averaged."""
    convolutions = ConvBlock(1, 1, (2, 1)).eval()
    for module in (convolutions.conv1, convolutions.conv2):
        nn.init.ones_(module.weight)
    nn.init.constant_(convolutions.bn2.running_var, 4.0)  # halves
    x = torch.zeros(1, 1, 4, 3)
    x[0, 0, 0, 1] = 8.0
    with torch.inference_mode():
        found = convolutions(x)
    # First [8 8 8], [8 8 8], 0, 0; then 32 48 32 | 32 48 32 | 16 24 16 | 0, halved, two rows averaged.
    assert found[0, 0].flatten().tolist() == pytest.approx([16.0, 24.0, 16.0, 4.0, 6.0, 4.0], rel=1e-4)


def test_dilated_block_by_hand() -> None:
    """The second convolution reaches two samples to each side; the largest of every four is kept."""
    convolutions = ConvPreWavBlock(1, 1).eval()
    nn.init.dirac_(convolutions.conv1.weight)
    with torch.no_grad():
        convolutions.conv2.weight.copy_(torch.tensor([[[3.0, 2.0, 1.0]]]))
        x = torch.zeros(1, 1, 12)
        x[0, 0, 4] = 1.0
        found = convolutions(x)
    # 1 at sample 2, 2 at sample 4, 3 at sample 6
    assert found.flatten().tolist() == pytest.approx([1.0, 3.0, 0.0], rel=1e-4)


def test_layout_of_the_wavegram() -> None:
    """Channel 32 g + b of the waveform's branch becomes bin b of picture g; time stays."""
    network = WavegramLogmelCnn14(SMALL).eval()
    for name in ("pre_conv0", "pre_bn0", "pre_block1", "pre_block2", "pre_block4"):
        network.add_module(name, nn.Identity())
    channels = torch.arange(128.0)[None, :, None] + torch.tensor([0.0, 0.25])
    network.pre_block3 = nn.Flatten(0, 1)  # anything that is called; replaced by its hook
    network.pre_block3.register_forward_hook(lambda *_: channels)
    found = network._wavegram(torch.zeros(1, 640))
    assert found.shape == (1, 4, 2, 32)
    assert found[0, 3, 0].tolist() == list(range(96, 128))
    assert found[0, 1, 1, 5].item() == 37.25


def test_spectrogram_comes_before_wavegram() -> None:
    """The second block takes the spectrogram's channels first."""
    network, plain = small(WavegramLogmelCnn14), Cnn14(SMALL).eval()
    waveform = noise(10_240)
    plain.load_state_dict(
        network.state_dict() | {"conv_block2.conv1.weight": torch.zeros(4, 4, 3, 3)}, strict=False
    )
    with torch.inference_mode():
        found = network.first(waveform)
        assert torch.equal(found[:, :4], plain.first(waveform))
        assert torch.equal(found[:, 4:], network._wavegram(waveform))


def test_mean_and_maximum_over_time() -> None:
    """The last block's mean over frequency goes into the layer as maximum over time plus mean over time."""
    network = Cnn14(SMALL).eval()
    last = torch.rand(1, 8, 5, 2, generator=torch.Generator().manual_seed(0))
    network.get_submodule("conv_block6").register_forward_hook(lambda *_: last)
    with torch.inference_mode():
        x = last.mean(3)
        pooled = torch.stack([x[..., step] for step in range(5)]).max(0).values + x.sum(2) / 5
        wanted = (pooled @ network.fc1.weight.T + network.fc1.bias).clamp(min=0)
        found = network(noise(10_240))
        assert torch.allclose(found, wanted, rtol=1e-5, atol=1e-6)
        logits = found @ network.fc_audioset.weight.T + network.fc_audioset.bias
        assert torch.allclose(network.tags(found), 1 / (1 + torch.exp(-logits)))


def test_bands_are_normalised_one_by_one() -> None:
    """`bn0` has a mean and a deviation for each mel band."""
    network = Cnn14(SMALL).eval()
    seen = []
    network.get_submodule("conv_block1").register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    network.bn0.running_mean.copy_(torch.arange(BANDS))
    with torch.inference_mode():
        network(torch.zeros(1, 10_240))
    assert seen[0].shape == (1, 1, 33, BANDS)
    assert seen[0][0, 0, 7].tolist() == pytest.approx([-100.0 - band for band in range(BANDS)], rel=1e-4)


GOLDEN: dict[type[Cnn14], list[float]] = {
    WavegramLogmelCnn14: [0, 0.0260213, 0.0112566, 0, 0.0350488, 0, 0, 0.0235831],
    Cnn14: [0.00651076, 0.00132134, 0.00352378, 0.00510251, 0, 0, 0, 0.00101362],
}
"""What `small` made of the noise when the network was written"""


@both
def test_golden(kind: type[Cnn14]) -> None:
    """The same weights and the same sound give the embedding that they always gave."""
    with torch.inference_mode():
        found = small(kind)(noise(32_000))[0]
    assert found.tolist() == pytest.approx(GOLDEN[kind], rel=1e-3, abs=1e-5)
