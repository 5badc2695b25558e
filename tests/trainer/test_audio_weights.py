from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from monitor.errors import MonitorError
from trainer import checkpoints, download
from trainer.audio_weights import load
from trainer.download import Remote
from trainer.models import audio
from trainer.models.audio import AUDIO_BACKBONES, AudioFacts
from trainer.models.openl3 import RATE, Frames
from trainer.models.pann import WavegramLogmelCnn14
from trainer.weights import identity

FRAMES = Frames()
OPENL3 = "openl3-mel128"
KERAS = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """`pann` is a narrow one, with all the layers."""
    channels = (4, 4, 4, 4, 4, 8)
    monkeypatch.setitem(
        audio.AUDIO_BACKBONES, "pann", AudioFacts("pann", lambda _: WavegramLogmelCnn14(channels), 8)
    )


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    """Of an openl3, with numbers in it that tell its entries apart."""
    made = AUDIO_BACKBONES[OPENL3].network(FRAMES).state_dict()
    return {
        key: value if key.startswith("speclayer.") else torch.full_like(value, number)
        for number, (key, value) in enumerate(made.items())
    }


def numbered(kind: AudioFacts) -> dict[str, torch.Tensor]:
    """A state whose entries hold their numbers."""
    made = kind.network(FRAMES).state_dict()
    return {key: torch.full_like(value, number) for number, (key, value) in enumerate(made.items())}


def saved(folder: Path, content: Any) -> str:
    """The path of a checkpoint."""
    path = folder / "weights.pth"
    torch.save(content, path)
    return str(path)


def write_keras(path: Path, state: dict[str, torch.Tensor]) -> str:
    """The file that Keras would write: groups of layers, kapre's among them, and numbers that go on."""
    with h5py.File(path, "w") as file:
        file["melspectrogram_3/melspectrogram_3/real_kernels:0"] = np.zeros(4, dtype=np.float32)
        file.create_group("activation_2")
        for key, value in state.items():
            layer, _, part = key.rpartition(".")
            name, _, number = layer.rpartition("_")
            if name in ("batch_normalization", "conv2d"):
                layer = f"{name}_{int(number) + 8}"
            if value.ndim == 4:
                file[f"{layer}/{layer}/kernel:0"] = value.permute(2, 3, 1, 0).numpy()
            elif name == "batch_normalization" and part in KERAS:
                file[f"{layer}/{layer}/{KERAS[part]}:0"] = value.numpy()
            elif part == "bias":
                file[f"{layer}/{layer}/bias:0"] = value.numpy()
    return str(path)


@pytest.mark.usefixtures("narrow")
def test_pann_as_published(tmp_path: Path) -> None:
    """The state stands under `model`; a sampler's NumPy arrays and numbers beside it do no harm."""
    wanted = numbered(AUDIO_BACKBONES["pann"])
    sampler = {"indexes": np.arange(9), "pointers": [np.int64(3), np.float64(0.5)]}
    path = saved(tmp_path, {"iteration": 600_000, "model": wanted, "sampler": sampler})
    network = load("pann", path, FRAMES)
    found = network.state_dict()
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[key], value) for key, value in wanted.items())
    assert not any(value.requires_grad for value in network.parameters())
    assert not any(module.training for module in network.modules())


def test_openl3_as_the_port_publishes_it(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    """A plain state dict, the front end in it; its own mel filters are used."""
    own = {**state, "speclayer.mel_basis": torch.zeros(128, 1025)}
    found = load(OPENL3, saved(tmp_path, own), FRAMES).state_dict()
    assert found.keys() == state.keys()
    assert all(torch.equal(found[key], value) for key, value in own.items())


def test_openl3_as_keras_has_it(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    """The original file gives the same network as the port's, with the front end that belongs to it."""
    found = load(OPENL3, write_keras(tmp_path / "openl3.h5", state), FRAMES).state_dict()
    assert found.keys() == state.keys()
    for key, value in state.items():
        assert key.endswith("num_batches_tracked") or torch.equal(found[key], value)


@pytest.mark.usefixtures("narrow")
def test_weights_of_another_network(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    """What is missing, unknown or of another shape is named, in every kind of file."""
    short = {key: value for key, value in state.items() if key != "conv2d_3.bias"}
    with pytest.raises(
        MonitorError, match=rf"does not fit {OPENL3}: 1 differences: conv2d_3.bias is missing"
    ):
        load(OPENL3, saved(tmp_path, short), FRAMES)
    with pytest.raises(MonitorError, match=r"speclayer\.mel_basis is \[128, 1025\] instead of \[256, 1025\]"):
        load("openl3", saved(tmp_path, state), FRAMES)
    with pytest.raises(MonitorError, match=r"does not fit pann: .* is missing"):
        load("pann", saved(tmp_path, state), FRAMES)
    gone = {key: value for key, value in state.items() if not key.startswith("audio_embedding_layer")}
    with pytest.raises(MonitorError, match=r"audio_embedding_layer\.weight is missing"):
        load(OPENL3, write_keras(tmp_path / "openl3.h5", gone), FRAMES)


@pytest.mark.parametrize("name", ["pann.pth", "openl3.h5"])
def test_damaged_and_absent_files(tmp_path: Path, name: str) -> None:
    """Noise is exit code 65, nothing 66."""
    path, backbone = tmp_path / name, name.partition(".")[0]
    with pytest.raises(MonitorError, match=r"no weights at") as caught:
        load(backbone, str(path), FRAMES)
    assert caught.value.exit_code == 66
    path.write_bytes(b"noise" * 100)
    with pytest.raises(MonitorError, match=r"fetch it again|is refused") as caught:
        load(backbone, str(path), FRAMES)
    assert caught.value.exit_code == 65


class Harm:
    """Something that would run."""

    def __reduce__(self) -> Any:
        """Calls print."""
        return print, ("harm",)


@pytest.mark.parametrize("extra", [Harm(), np.array([Harm()], dtype=object)], ids=["code", "in an array"])
def test_code_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], extra: Any) -> None:
    """A file that would run something is not loaded, wherever it hides."""
    with pytest.raises(MonitorError, match="may be code"):
        load("pann", saved(tmp_path, {"model": {}, "sampler": extra}), FRAMES)
    assert capsys.readouterr().out == ""


def test_keras_without_h5py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without h5py, what to install is said."""
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MonitorError, match=r"install activity-monitor\[keras\]") as caught:
        load("openl3", str(tmp_path / "openl3.h5"), FRAMES)
    assert caught.value.exit_code == 69


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("name", ["pann", OPENL3])
def test_random_weights(name: str) -> None:
    """A seed gives the same weights each time, another others; the front end is not drawn."""
    first, again, other = (load(name, f"random:{seed}", FRAMES).state_dict() for seed in (7, 7, 8))
    fixed = ("speclayer.", "spectrogram_extractor.", "logmel_extractor.")
    differ = [key for key in first if not torch.equal(first[key], other[key])]
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any("conv" in key for key in differ)
    assert not any(key.startswith(fixed) for key in differ)


def test_a_short_clip_has_an_embedding() -> None:
    """A loaded openl3 takes a clip of a thousandth of a second."""
    with torch.inference_mode():
        assert load(OPENL3, "random:1", FRAMES)(torch.ones(1, RATE // 1000)).shape == (1, 512)


def test_the_published_files() -> None:
    """Every network has a file with a digest of its publisher, at an address that fits its name."""
    assert checkpoints.AUDIO_CHECKPOINTS.keys() == AUDIO_BACKBONES.keys()
    for name, remote in checkpoints.AUDIO_CHECKPOINTS.items():
        kind, _, digest = str(remote.digest).partition(":")
        assert (kind, len(digest)) == (("git", 40) if name.startswith("openl3") else ("md5", 32))
        assert remote.url.startswith("https://")
        assert remote.name in remote.url.replace("%3D", "=")
        assert 30e6 < remote.size < 400e6


@pytest.fixture
def blob(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that is published by its id in git's books, and a cache that is empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "blob"
    path.write_bytes(b"test content\n")
    remote = Remote("http://127.0.0.1/", "small.pth", 13, "git:d670460b4b4aece5915caf5c68d12f560a9fe3e4")
    monkeypatch.setitem(checkpoints.AUDIO_CHECKPOINTS, OPENL3, remote)
    return path


def test_ids_of_blobs(blob: Path) -> None:
    """A file is proved by git's id of it, as in git's own manual; one byte more is another file."""
    assert checkpoints.take(OPENL3, blob, checkpoints.default_folder()).read_bytes() == b"test content\n"
    assert checkpoints.find(OPENL3).name == "small.pth"
    assert identity(OPENL3, "audioset", "keras") == "git:d670460b4b4aece5915caf5c68d12f560a9fe3e4"
    blob.write_bytes(b"test content\n\n")
    with pytest.raises(
        MonitorError, match=r"not the published small\.pth: wanted git:d67.*\(14 of 13 bytes\)"
    ):
        checkpoints.take(OPENL3, blob, checkpoints.default_folder())
    assert download.hasher("md5", 0).digest() == hashlib.md5(usedforsecurity=False).digest()


def test_weights_that_were_not_downloaded(blob: Path) -> None:
    """The command that fetches them is named."""
    assert blob.exists()
    with pytest.raises(MonitorError, match=f"run: activity-trainer download weights {OPENL3}") as caught:
        load(OPENL3, "audioset", FRAMES)
    assert caught.value.exit_code == 66
