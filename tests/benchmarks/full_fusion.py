"""The paper's full fusion: three CRNNs on four channels and four image networks on the channels' mean.

All weights are random: what a network costs does not depend on them, and what it says is of no use here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from export.crnn import Ensemble
from export.onnx import relative, to_onnx
from monitor.inference import bundle, selftest, svm
from monitor.inference.graph import Graph, processor
from monitor.inference.manifest import (
    STACK,
    CrnnMember,
    DeepSpectrumMember,
    Manifest,
    Member,
    SpectrogramMember,
    Stack,
)
from monitor.inference.sound import Sound
from monitor.inference.svm import LinearSvm
from tests.benchmarks import eager, recogniser
from tests.benchmarks.measure import compared, take_turns
from trainer import embeddings, recipes
from trainer.checkpoints import RANDOM
from trainer.models import backbones
from trainer.models.crnn import Crnn
from trainer.recipes import CrnnRecipe, SvmRecipe
from trainer.tables import Row

REPETITIONS = 10
LABELS = tuple(f"activity-{number}" for number in range(9))
THRESHOLDS_DB = (-30.0, -45.0, -60.0)
"""Of the CRNNs"""
FOLDS = 4
"""Models of each CRNN, whose mean it is"""
BACKBONES = ("vgg16", "vgg19", "resnet50", "densenet121")
TOLERANCE = 1e-3
"""Largest difference between onnxruntime and PyTorch, by `export.onnx.relative`"""
CRNN = recipes.load_as(CrnnRecipe, "dcase2018")
PICTURES = recipes.load_as(SvmRecipe, "dcase2018-deep-spectrum")
assert (CRNN.channels, PICTURES.channels) == ("each", "mono")


def rows() -> Iterator[Row]:
    """Every network alone against itself in PyTorch, then all of them as a bundle."""
    signal = selftest.signal(manifest())
    files: dict[str, bytes] = {}
    with TemporaryDirectory() as folder:
        for member in manifest().members:
            network, shown = _network(member), _input(member, signal)
            several = np.repeat(shown[:1], 2, axis=0)
            files[member.file] = to_onnx(network, torch.from_numpy(several), "seen", "said")
            yield _against_torch(member, files[member.file], network, shown)
        path = Path(folder) / "bundle"
        bundle.write(path, manifest(), files | {bundle.MACHINES: svm.to_bytes(_machines())})
        files.clear()  # more than a gigabyte
        yield from recogniser.rows(path)


def manifest() -> Manifest:
    """Of the bundle; members hear the channels that the recipes let them learn from."""
    crnns = tuple(
        CrnnMember(f"crnn{threshold:g}", f"crnn{threshold:g}.onnx", CRNN.log_mel, "mean", threshold)
        for threshold in THRESHOLDS_DB
    )
    networks = tuple(
        DeepSpectrumMember(name, f"{name}.onnx", PICTURES.log_mel, "mono", PICTURES.picture, 1.0)
        for name in BACKBONES
    )
    members = (*crnns, *networks)
    return Manifest(
        name="full-fusion",
        created="2026-01-01T00:00:00Z",
        labels=LABELS,
        sample_rate=CRNN.sample_rate,
        window_seconds=CRNN.window_seconds,
        members=members,
        stack=Stack(tuple(member.name for member in members), 1.0),
    )


def _network(member: Member) -> nn.Module:
    if isinstance(member, CrnnMember):
        recipe = recipes.with_changes(CRNN, {"model.threshold_db": member.threshold_db})
        torch.manual_seed(0)
        return Ensemble([Crnn(recipe.crnn(len(LABELS))) for _ in range(FOLDS)]).eval()
    return embeddings.load(recipes.with_changes(PICTURES, {"backbone": member.name, "weights": f"{RANDOM}0"}))


def _input(member: SpectrogramMember, signal: npt.NDArray[np.float32]) -> npt.NDArray[np.float32 | np.uint8]:
    """What a member's network is given of a window."""
    sound = Sound(signal, CRNN.sample_rate)
    return sound.spectrogram(member) if isinstance(member, CrnnMember) else sound.pictures(member)


def _features(member: SpectrogramMember) -> int:
    return len(LABELS) if isinstance(member, CrnnMember) else backbones.BACKBONES[member.name].embedding


def _machines() -> dict[str, LinearSvm]:
    rng = np.random.default_rng(0)
    members = manifest().members
    lengths = {member.name: _features(member) for member in members if isinstance(member, DeepSpectrumMember)}
    lengths[STACK] = len(LABELS) * len(members)
    return {
        name: LinearSvm(rng.standard_normal((len(LABELS), length)), np.zeros(len(LABELS)))
        for name, length in lengths.items()
    }


def _against_torch(
    member: SpectrogramMember,
    model: bytes,
    network: nn.Module,
    shown: npt.NDArray[np.float32 | np.uint8],
) -> Row:
    graph = Graph(
        member.file,
        model,
        processor("cpu", 1),
        takes="float" if isinstance(member, CrnnMember) else "uint8",
        shape=shown.shape[1:],
        outputs=(_features(member),),
    )
    in_torch = eager.runner(network, shown)
    assert relative(graph.run(shown)[0], in_torch()) <= TOLERANCE
    with eager.one_thread():
        ours, other = take_turns(REPETITIONS, lambda: graph.run(shown), in_torch)
    what = f"network {member.name}, batch of {len(shown)}, one thread"
    return compared(what, ours, "PyTorch eager", other, f"equal within {TOLERANCE:g} of the largest number")
