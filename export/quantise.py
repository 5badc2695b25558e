"""Image networks in int8, where that costs next to no accuracy: faster, and a quarter of the size.

Products (convolutions, matrices) work on integers, with a scale for every output channel of the weights; what
is between them stays float32. The largest and smallest number of every activation are those of real clips.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from rich.progress import track

from export.clips import some_clips
from export.graph import inputs
from export.onnx import open_graph
from monitor.errors import MonitorError, safe
from trainer.datasets import Clip
from trainer.recipes import SvmRecipe
from trainer.svm import fit, standardise
from trainer.system import Part, System
from trainer.tables import percent

CLIPS = 400
"""On which the cost is measured, from all over the data set: one clip is a quarter of a point"""
CALIBRATION = 10
"""Every so manieth of them is for calibration"""
MOST = 0.005
"""Accuracy that a member may lose"""
PRODUCTS = ["Conv", "Gemm", "MatMul"]

Rows = npt.NDArray[np.float32]
"""Embeddings of a clip `[channels, embedding]`"""


@dataclass(frozen=True)
class Trial:
    """A network in int8, and what it costs."""

    file: str
    """Of the network in the bundle"""
    graph: bytes
    """In int8"""
    smaller: float
    """Times that the graph is smaller"""
    clips: int
    exact: dict[str, float]
    """Of each member with this network: its accuracy in float32"""
    rounded: dict[str, float]
    """The same in int8"""

    @property
    def affordable(self) -> bool:
        """Whether no member loses more than `MOST`."""
        return all(self.exact[name] - rounded <= MOST for name, rounded in self.rounded.items())

    @property
    def summary(self) -> str:
        """One line."""
        members = ", ".join(
            f"{percent(self.rounded[name])} % instead of {percent(exact)} % by {name}"
            for name, exact in self.exact.items()
        )
        taken = "in int8" if self.affordable else "left in float32, int8 costs too much"
        return f"{self.file} {taken}: {members}; {self.clips} clips, {self.smaller:.1f} times smaller"


def try_int8(system: System, files: dict[str, bytes], data: Path | None) -> list[Trial]:
    """Quantise every image network of a system and measure what its members lose.

    The accuracy is cross-validated: machines with the run's C learn from the float32 embeddings of all other
    folds, and hear those of both networks. The run's own machines know the clips, and would hide the loss.

    Args:
        system: what is packed.
        files: file -> graph in float32.
        data: where its data set is; None: where it was when the run was made.

    Raises:
        MonitorError: there is no image network, a clip is too short, or as `some_clips`.
    """
    networks = {file: part for file, part in system.networks.items() if isinstance(part.recipe, SvmRecipe)}
    if not networks:
        raise MonitorError(f"{safe(str(system.run.folder))} has no image network; leave --int8 out")
    return [_try(file, files[file], _parts(system, file), data) for file in networks]


def quantise(graph: bytes, batches: Sequence[npt.NDArray[Any]]) -> bytes:
    """A graph whose products work on integers: activations uint8, weights int8.

    Weights have 7 bits: processors without instructions of their own for it (VNNI) add pairs of products in
    16 bits, where 8 would overflow. So all processors find the same.

    Args:
        graph: ONNX with one input.
        batches: of real inputs, for the range of every activation.
    """
    with TemporaryDirectory() as folder:
        exact, folded, rounded = (Path(folder) / f"{name}.onnx" for name in ("exact", "folded", "rounded"))
        exact.write_bytes(graph)
        quant_pre_process(exact, folded, skip_symbolic_shape=True)
        quantize_static(
            folded,
            rounded,
            _Batches(open_graph(graph).get_inputs()[0].name, batches),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=PRODUCTS,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return rounded.read_bytes()


class _Batches(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    def __init__(self, name: str, batches: Sequence[npt.NDArray[Any]]) -> None:
        self._feeds = iter([{name: batch} for batch in batches])

    def get_next(self) -> dict[str, npt.NDArray[Any]] | None:
        return next(self._feeds, None)


def _try(file: str, graph: bytes, parts: Sequence[Part], data: Path | None) -> Trial:
    clips = some_clips(parts[0].run.config, data, CLIPS)
    seen = {part.name: [_seen(clip, part) for clip in clips] for part in parts}
    small = quantise(graph, [batch for batches in seen.values() for batch in batches[::CALIBRATION]])
    exact, rounded = {}, {}
    for part in parts:
        both = [list(_embeddings(each, seen[part.name])) for each in (graph, small)]
        exact[part.name], rounded[part.name] = _accuracies(part, clips, *both)
    return Trial(file, small, len(graph) / len(small), len(clips), exact, rounded)


def _parts(system: System, file: str) -> list[Part]:
    return [part for part in system.parts if part.file == file]


def _seen(clip: Clip, part: Part) -> npt.NDArray[Any]:
    found = inputs(clip, part)
    if found is None:
        raise MonitorError(f"clip {safe(str(clip.path))} is shorter than a window")
    return found


def _embeddings(graph: bytes, batches: Sequence[npt.NDArray[Any]]) -> Iterator[Rows]:
    session = open_graph(graph)
    name = session.get_inputs()[0].name
    for batch in track(batches, "float32 against int8", transient=True):
        yield session.run(None, {name: batch})[0]


def _accuracies(
    part: Part, clips: Sequence[Clip], exact: Sequence[Rows], rounded: Sequence[Rows]
) -> tuple[float, float]:
    """Of the embeddings of each network, by machines that learnt from the exact ones of all other folds."""
    labels = part.run.config.labels
    truth, fold = np.array([labels.index(clip.label) for clip in clips]), np.array([c.fold for c in clips])
    right = np.zeros((2, len(clips)), dtype=np.bool_)
    for tested in np.unique(fold):
        others = np.flatnonzero(fold != tested).tolist()
        rows = np.concatenate([exact[clip] for clip in others])
        # Of few clips, some fold may be all that there is of a class.
        classes, targets = np.unique(
            np.repeat(truth[others], [len(exact[clip]) for clip in others]), return_inverse=True
        )
        machines, _ = fit(standardise(rows), targets, part.run.results["c"])
        for clip in np.flatnonzero(fold == tested).tolist():
            for network, embeddings in enumerate((exact, rounded)):
                said = classes[machines.decide(embeddings[clip]).mean(axis=0).argmax()]
                right[network, clip] = said == truth[clip]
    before, after = right.mean(axis=1).tolist()
    return before, after
