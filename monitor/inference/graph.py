"""One ONNX graph, checked and ready to run. The only file that imports onnxruntime."""

from __future__ import annotations

import contextlib
import io
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import onnxruntime

from monitor.errors import MonitorError, safe
from monitor.inference.manifest import BundleError

log = logging.getLogger(__name__)

CUDA = "CUDAExecutionProvider"


class ModelError(MonitorError):
    """A model failed on this window, or its output is not finite or no distribution.

    From a graph or a member, the message goes on where the member's name ends.
    """


@dataclass(frozen=True)
class Processor:
    """Where graphs run."""

    threads: int
    """Of one run on the CPU"""
    providers: tuple[str, ...]
    """onnxruntime's names, best first"""


def processor(provider: str, threads: int) -> Processor:
    """The processor for `cpu`, `cuda`, or `auto`, which is CUDA where there is a usable NVIDIA GPU."""
    onnxruntime.set_default_logger_severity(4)
    gpu = any(Path("/dev").glob("nvidia[0-9]*"))
    if provider == "cpu" or not gpu or CUDA not in onnxruntime.get_available_providers():
        return Processor(threads, ("CPUExecutionProvider",))
    onnxruntime.preload_dlls()
    return Processor(threads, (CUDA, "CPUExecutionProvider"))


class Graph:
    """A graph with one input and some float32 outputs `[batch, ...]`; the batch is free.

    Args:
        file: its name, for messages.
        model: ONNX.
        where: to run it.
        takes: type of the input's numbers.
        shape: of the input, without the batch.
        outputs: length of a row of each output.

    Raises:
        BundleError: it does not load, or its input or output is another.
    """

    def __init__(
        self,
        file: str,
        model: bytes,
        where: Processor,
        *,
        takes: Literal["float", "uint8"],
        shape: tuple[int, ...],
        outputs: tuple[int, ...],
    ) -> None:
        self._session = _open(file, model, where)
        found, given = self._session.get_inputs(), self._session.get_outputs()
        if (len(found), len(given)) != (1, len(outputs)):
            wanted = "one each is" if len(outputs) == 1 else f"one and {len(outputs)} are"
            raise BundleError(f"{file} has {len(found)} inputs and {len(given)} outputs; {wanted} wanted")
        try:
            self._input = _check(file, found[0], takes, shape)
            for output, length in zip(given, outputs, strict=True):
                _check(file, output, "float", (length,))
        except UnicodeDecodeError as exc:
            raise BundleError(f"{file} has names that are no text") from exc

    @property
    def on_gpu(self) -> bool:
        """Whether it runs on a GPU: a session falls back to the CPU without an error, so it is asked."""
        return bool(self._session.get_providers()[0] == CUDA)

    def run(self, batch: npt.NDArray[Any]) -> list[npt.NDArray[np.float32]]:
        """Outputs `[batch, ...]` of inputs `[batch, ...]`; they may be anything, NaN too.

        Raises:
            ModelError: onnxruntime failed.
        """
        try:
            outputs: list[npt.NDArray[np.float32]] = self._session.run(None, {self._input: batch})
        except Exception as exc:  # onnxruntime raises many unrelated classes
            raise ModelError(f"failed: {safe(str(exc), 200)}") from exc
        return outputs


def _open(file: str, model: bytes, where: Processor) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = where.threads
    options.inter_op_num_threads = 1
    # Between two windows there are seconds; threads that spin meanwhile cost several times the work itself.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Memory planned ahead for each shape is held between two windows, and saves no time (`make bench`).
    options.enable_mem_pattern = False
    options.log_severity_level = 4
    printed = io.StringIO()  # trouble with a provider, which onnxruntime prints where only data belongs
    try:
        with contextlib.redirect_stdout(printed):
            return onnxruntime.InferenceSession(model, options, providers=list(where.providers))
    except Exception as exc:  # onnxruntime raises many unrelated classes
        raise BundleError(f"{file} is not a usable ONNX model: {safe(str(exc), 200)}") from exc
    finally:
        if printed.getvalue():
            log.info("%s: onnxruntime says %s", file, safe(printed.getvalue()))


def _check(file: str, tensor: Any, numbers: str, shape: tuple[int, ...]) -> str:
    """The name of an input or output, if it is what is wanted."""
    name: str = tensor.name
    free_batch = len(tensor.shape) > 0 and not isinstance(tensor.shape[0], int)
    if tensor.type != f"tensor({numbers})" or not free_batch or tuple(tensor.shape[1:]) != shape:
        found = safe(f"{tensor.type} {tensor.shape}", 100)
        wanted = ", ".join(map(str, shape))
        raise BundleError(f"{file}: {safe(name, 40)} is {found}; {numbers} [batch, {wanted}] is wanted")
    return name
