from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from monitor.errors import MonitorError
from tests.backbone_entries import PUBLISHED, Entries, checkpoint, without_dots
from trainer import checkpoints
from trainer.download import Remote
from trainer.models.backbones import BACKBONES
from trainer.weights import load

TRACKED = ".num_batches_tracked"


def untracked(entries: Entries) -> Entries:
    """The entries as before torch 0.4.1."""
    return {name: shape for name, shape in entries.items() if not name.endswith(TRACKED)}


def saved(folder: Path, content: Any, **options: bool) -> str:
    """The path of a checkpoint."""
    path = folder / "weights.pth"
    torch.save(content, path, **options)
    return str(path)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy file"])
@pytest.mark.parametrize("old", [False, True], ids=["complete", "untracked"])
@pytest.mark.parametrize("name", checkpoints.CHECKPOINTS)
def test_published_checkpoints(tmp_path: Path, name: str, old: bool, zipped: bool) -> None:
    """Every entry lands under its name, whether the file is of today or from before torch 0.4.1."""
    entries = untracked(PUBLISHED[name]) if old else PUBLISHED[name]
    path = saved(tmp_path, checkpoint(entries), _use_new_zipfile_serialization=zipped)
    network = load(name, path, "torchvision")
    state = network.state_dict()
    head = BACKBONES[name].head
    for index, key in enumerate(without_dots(entries)):
        if not key.startswith(f"{head}."):
            first, last = state[key].flatten()[0], state[key].flatten()[-1]
            assert first == last == index
    assert len(state) == len(PUBLISHED[name]) - 2
    assert not any(value.is_meta for value in state.values())


def test_names_of_today(tmp_path: Path) -> None:
    """DenseNet's weights load under the names that torchvision itself saves today, too."""
    entries = without_dots(PUBLISHED["densenet121"])
    state = load("densenet121", saved(tmp_path, checkpoint(entries)), "torchvision").state_dict()
    name = "features.denseblock4.denselayer16.conv2.weight"
    assert state[name][0, 0, 0, 0] == list(entries).index(name)


def test_ready_to_extract(tmp_path: Path) -> None:
    """A network comes frozen, in evaluation mode and in single precision, whatever the file has."""
    halves = {name: value.half() for name, value in checkpoint(PUBLISHED["densenet121"]).items()}
    for weights in ("random:0", saved(tmp_path, halves)):
        network = load("densenet121", weights, "keras")
        assert not any(module.training for module in network.modules())
        assert not any(value.requires_grad for value in network.parameters())
        assert {value.dtype for value in network.parameters()} == {torch.float32}


def test_imagenet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`imagenet` is the downloaded file, proved by its digest; one that is missing or damaged is told."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = Path(saved(tmp_path, checkpoint(PUBLISHED["densenet121"])))
    content = file.read_bytes()
    remote = Remote(
        "http://127.0.0.1/", "small.pth", len(content), f"sha256:{hashlib.sha256(content).hexdigest()}"
    )
    monkeypatch.setitem(checkpoints.CHECKPOINTS, "densenet121", remote)
    advice = "run: activity-trainer download weights densenet121"
    with pytest.raises(MonitorError, match=rf"no file .*small\.pth; {advice}") as caught:
        load("densenet121", "imagenet", "torchvision")
    assert caught.value.exit_code == 66
    cached = checkpoints.take("densenet121", file, checkpoints.default_folder())
    assert load("densenet121", "imagenet", "torchvision").state_dict()["features.norm0.bias"][0] == 2
    cached.write_bytes(content[:-1])
    with pytest.raises(MonitorError, match=rf"\({len(content) - 1} of {len(content)} bytes\); {advice}"):
        load("densenet121", "imagenet", "torchvision")


def test_random_weights() -> None:
    """`random:SEED` gives weights by the scheme: the same for a seed, others for others."""
    first, again, other = (
        load("densenet121", weights, "torchvision") for weights in ("random:7", "random:7", "random:8")
    )
    name = "features.denseblock1.denselayer1.conv1.weight"
    weight = first.get_parameter(name)
    assert torch.equal(weight, again.get_parameter(name))
    assert not torch.equal(weight, other.get_parameter(name))
    assert weight.std().item() == pytest.approx((2 / 64) ** 0.5, rel=0.05)  # He, by the 64 inputs
    glorot = load("densenet121", "random:7", "keras").get_parameter(name)
    assert glorot.abs().max() <= (6 / (64 + 128)) ** 0.5


@pytest.mark.parametrize("weights", ["random:", "random:x", "random:-1", "random:4294967296", "random:²"])
def test_seeds_that_are_none(weights: str) -> None:
    """A seed that is no whole number is exit code 2."""
    with pytest.raises(MonitorError, match="wanted random:SEED") as caught:
        load("densenet121", weights, "keras")
    assert caught.value.exit_code == 2


def test_another_network(tmp_path: Path) -> None:
    """Weights of another network are refused with the first differences and their number."""
    path = saved(tmp_path, checkpoint(PUBLISHED["vgg16"]))
    # 3 layers of VGG16 stand elsewhere, 6 of VGG19 are missing, one has a shape of its own; all with biases.
    message = (
        "does not fit vgg19: 19 differences: features.16.weight is missing, features.16.bias is missing, "
    )
    with pytest.raises(MonitorError, match=message):
        load("vgg19", path, "torchvision")


def test_wrong_shapes_and_names(tmp_path: Path) -> None:
    """A wrong shape is told with the right one; a missing and an unknown name are told as such."""
    entries = dict(PUBLISHED["resnet50"])
    entries["layer4.2.conv3.weight"] = (2048, 512, 3, 3)
    entries["layer9\x1b[31m.weight"] = entries.pop("conv1.weight")
    message = (
        "weights.pth does not fit resnet50: 3 differences: conv1.weight is missing, "
        "layer4.2.conv3.weight is [2048, 512, 3, 3] instead of [2048, 512, 1, 1], "
        "layer9[31m.weight is unknown"
    )
    with pytest.raises(MonitorError, match=re.escape(message)):
        load("resnet50", saved(tmp_path, checkpoint(entries)), "torchvision")


class Code:
    """What runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self._command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self._command,)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy file"])
def test_code_is_not_run(tmp_path: Path, zipped: bool) -> None:
    """A checkpoint with code in it is refused in one line, and the code does not run."""
    mark = tmp_path / "mark"
    path = saved(tmp_path, {"conv1.weight": Code(f"touch {mark}")}, _use_new_zipfile_serialization=zipped)
    with pytest.raises(MonitorError, match=r"weights\.pth is refused") as caught:
        load("resnet50", path, "torchvision")
    assert "\n" not in str(caught.value)
    assert not mark.exists()


@pytest.mark.parametrize("content", [torch.zeros(3), {"epoch": 3}, {1: torch.zeros(3)}, ["a"]])
def test_other_contents(tmp_path: Path, content: Any) -> None:
    """What is no dictionary of named tensors is refused."""
    with pytest.raises(MonitorError, match="no file of tensors alone"):
        load("resnet50", saved(tmp_path, content), "torchvision")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy file"])
def test_truncated_files(tmp_path: Path, share: float, zipped: bool) -> None:
    """A file that is cut off is named, with its size."""
    path = saved(tmp_path, checkpoint(PUBLISHED["resnet50"]), _use_new_zipfile_serialization=zipped)
    length = round(share * Path(path).stat().st_size)
    os.truncate(path, length)
    with pytest.raises(MonitorError, match=rf"weights\.pth is damaged or cut off: its {length} bytes"):
        load("resnet50", path, "torchvision")


def test_a_page_instead_of_a_file(tmp_path: Path) -> None:
    """A web page under the name of a checkpoint is refused."""
    path = tmp_path / "weights.pth"
    path.write_text("<!DOCTYPE html><html>not found</html>")
    with pytest.raises(MonitorError, match="no file of tensors alone"):
        load("resnet50", str(path), "torchvision")


def test_no_file(tmp_path: Path) -> None:
    """Weights that are not there are exit code 66."""
    with pytest.raises(MonitorError, match=r"there are no weights at .*absent") as caught:
        load("resnet50", str(tmp_path / "absent.pth"), "torchvision")
    assert caught.value.exit_code == 66
