from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from trainer import cli
from trainer.models import audio, openl3
from trainer.models.audio import AudioFacts
from trainer.models.initial import randomise
from trainer.models.openl3 import Frames, Openl3
from trainer.models.pann import WavegramLogmelCnn14

NARROW = {
    "pann": AudioFacts("pann", lambda _: WavegramLogmelCnn14((4, 4, 4, 4, 4, 8)), 8),
    "openl3": AudioFacts("openl3", lambda frames: Openl3(128, 8, frames), 8),
}


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """All layers and the real front ends, but narrow."""
    monkeypatch.setattr(openl3, "CHANNELS", (2, 2, 2, 2, 2, 2, 4))
    monkeypatch.setattr(openl3, "EMBEDDING_CHANNELS", 8)
    for name, facts in NARROW.items():
        monkeypatch.setitem(audio.AUDIO_BACKBONES, name, facts)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A second of stereo noise."""
    noise = 0.1 * np.random.default_rng(0).standard_normal((16_000, 2))
    soundfile.write(tmp_path / "noise.wav", noise, 16_000)
    return tmp_path / "noise.wav"


def state(name: str) -> dict[str, torch.Tensor]:
    """Weights that were drawn, as if they were learnt."""
    network = NARROW[name].network(Frames())
    randomise(network, 1, "keras", "fan_in")
    return network.state_dict()


def verify(name: str, folder: Path, content: dict[str, torch.Tensor], clip: Path) -> int:
    """Run the command on a checkpoint."""
    torch.save({"model": content} if name == "pann" else content, folder / "w.pth")
    return cli.main(["weights", "verify", name, "--weights", str(folder / "w.pth"), "--audio", str(clip)])


@pytest.mark.parametrize("name", NARROW)
def test_good_weights(name: str, tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Entries, front end and embedding are told; of a PANN ten classes, the most probable first."""
    assert verify(name, tmp_path, state(name), clip) == 0
    out = capsys.readouterr().out
    assert f"{name}: {len(state(name))} entries, every name and shape as expected" in out
    assert "front end: 0 of its largest number from ours" in out
    assert "embedding: 8 numbers from" in out
    tags = [float(line.split()[1]) for line in out.partition("do they fit?")[2].splitlines() if line]
    assert len(tags) == (10 if name == "pann" else 0)
    assert tags == sorted(tags, reverse=True)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("pann", "logmel_extractor.melW"),
        ("openl3", "speclayer.mel_basis"),
        ("openl3", "speclayer.dft_real_kernels"),
    ],
)
def test_another_front_end(
    *, name: str, key: str, tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Weights that were learnt with another front end are refused."""
    content = state(name)
    assert verify(name, tmp_path, {**content, key: 1.01 * content[key]}, clip) == 65
    assert f"{name} has another front end than ours: front end: 0.01 of" in capsys.readouterr().err


def test_sines_may_have_the_other_sign(tmp_path: Path, clip: Path) -> None:
    """Of the imaginary part only the square counts."""
    content, key = state("openl3"), "speclayer.dft_imag_kernels"
    assert verify("openl3", tmp_path, {**content, key: -content[key]}, clip) == 0


def test_weights_that_are_no_numbers(tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An embedding that is not finite is refused."""
    content = state("openl3")
    content["audio_embedding_layer.bias"].fill_(torch.nan)
    assert verify("openl3", tmp_path, content, clip) == 65
    assert "gives an embedding of no use: its spread is nan" in capsys.readouterr().err


def test_other_weights(tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Those of another network are told by names and shapes."""
    assert verify("openl3", tmp_path, state("pann"), clip) == 65
    assert "does not fit openl3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "code"), [(None, 66), (b"RIFF", 66), (b"", 66)], ids=["absent", "cut", "empty"]
)
def test_no_sound(tmp_path: Path, content: bytes | None, code: int) -> None:
    """A file that is no sound is exit code 66."""
    if content is not None:
        (tmp_path / "clip.wav").write_bytes(content)
    assert verify("pann", tmp_path, state("pann"), tmp_path / "clip.wav") == code


@pytest.mark.parametrize("name", NARROW)
def test_short_sounds(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A hundredth of a second is a sound; no sample at all is none."""
    soundfile.write(tmp_path / "clip.wav", np.full(160, 0.1), 16_000)
    assert verify(name, tmp_path, state(name), tmp_path / "clip.wav") == 0
    soundfile.write(tmp_path / "clip.wav", np.zeros(0), 16_000)
    assert verify(name, tmp_path, state(name), tmp_path / "clip.wav") == 65
    assert "holds no sound" in capsys.readouterr().err


def test_missing_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clip: Path) -> None:
    """Without --weights, those that were downloaded are meant."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cli.main(["weights", "verify", "pann", "--audio", str(clip)]) == 66
