"""Window -> Recognition: runs a bundle's members. The only file that imports onnxruntime."""

from __future__ import annotations

import contextlib
import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from monitor.errors import MonitorError, safe
from monitor.inference.bundle import Bundle
from monitor.inference.logmel import log_mel
from monitor.inference.manifest import BundleError, Manifest, Member

log = logging.getLogger(__name__)

SUM_TOLERANCE = 1e-3
"""Posteriors that miss a sum of 1 by more than this are no probabilities."""


class ModelError(MonitorError):
    """A model failed on this window, or its output is not finite or no distribution."""


@dataclass(frozen=True)
class Recognition:
    """What the models say about one window."""

    scores: npt.NDArray[np.float64]
    """`[labels]`, probabilities that sum to 1, in the bundle's order"""
    members: dict[str, npt.NDArray[np.float64]]
    """Member -> its own `[labels]`"""


class Recogniser:
    """A bundle ready to run.

    Args:
        bundle: verified bundle.
        threads: threads of one model run.
        provider: `cpu`; `cuda`; or `auto`, CUDA where there is a usable NVIDIA GPU.

    Raises:
        BundleError: a member does not load, or its input or output does not fit the manifest.
    """

    def __init__(self, bundle: Bundle, threads: int = 1, provider: str = "auto") -> None:
        self.bundle = bundle
        self.sessions = {}
        providers = _providers(provider)
        for member in bundle.manifest.members:
            session = _open(bundle.files[member.file], member, threads, providers)
            _check_fit(session, member, bundle.manifest)
            self.sessions[member.name] = session
        self.provider = "CUDA" if _uses_cuda(self.sessions) else "CPU"
        if provider == "cuda" and self.provider == "CPU":
            log.warning("CUDA was asked for, but no usable GPU was found")
        log.info(
            "models run on the %s", "GPU (CUDA)" if self.provider == "CUDA" else f"CPU, threads: {threads}"
        )

    def recognise(self, samples: npt.NDArray[np.float32]) -> Recognition:
        """Recognise one window: channels by the bundle's policy, then the mean over members.

        Args:
            samples: finite float32 `[channels, window]` at the bundle's sample rate.

        Raises:
            ModelError: the output cannot be used.
        """
        if self.bundle.manifest.channel_policy == "mono":
            samples = samples.mean(axis=0, keepdims=True)
        spectrogram = log_mel(samples, self.bundle.manifest.log_mel)  # [channels, n_mels, frames]
        members = {name: _run(session, spectrogram, name) for name, session in self.sessions.items()}
        return Recognition(np.mean(list(members.values()), axis=0), members)


def _run(session: Any, spectrogram: npt.NDArray[np.float32], name: str) -> npt.NDArray[np.float64]:
    try:
        (posteriors,) = session.run(None, {session.get_inputs()[0].name: spectrogram})
    except Exception as exc:  # onnxruntime raises many unrelated classes
        raise ModelError(f"member {name} failed: {safe(str(exc), 200)}") from exc
    mean: npt.NDArray[np.float64] = np.asarray(posteriors, dtype=np.float64).mean(axis=0)  # [labels]
    # Written so that NaN, which compares as false, is refused.
    if not (mean.min() >= 0.0 and abs(mean.sum() - 1.0) <= SUM_TOLERANCE):
        raise ModelError(f"member {name} gave no probabilities (sum {mean.sum():.6g})")
    normalised: npt.NDArray[np.float64] = np.minimum(mean / mean.sum(), 1.0)  # 1 + 2e-16 is no probability
    return normalised


def _open(model: bytes, member: Member, threads: int, providers: list[str]) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Between two windows there are seconds; threads that spin meanwhile cost several times the work itself.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    try:
        # onnxruntime prints provider trouble to stdout, which belongs to the data.
        with contextlib.redirect_stdout(sys.stderr):
            return onnxruntime.InferenceSession(model, options, providers=providers)
    except Exception as exc:  # onnxruntime raises many unrelated classes
        raise BundleError(f"{member.file} is not a usable ONNX model: {safe(str(exc), 200)}") from exc


def _check_fit(session: Any, member: Member, manifest: Manifest) -> None:
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1:
        raise BundleError(
            f"{member.file} has {len(inputs)} inputs and {len(outputs)} outputs; one each is wanted"
        )
    for tensor, shape in (
        (inputs[0], [manifest.log_mel.n_mels, manifest.frames]),
        (outputs[0], [len(manifest.labels)]),
    ):
        free_batch = len(tensor.shape) > 0 and not isinstance(tensor.shape[0], int)
        if tensor.type != "tensor(float)" or not free_batch or list(tensor.shape[1:]) != shape:
            found = safe(f"{tensor.type} {tensor.shape}", 100)
            raise BundleError(
                f"{member.file}: {safe(tensor.name, 40)} is {found}; float [batch, {str(shape)[1:]} is wanted"
            )


def _providers(wanted: str) -> list[str]:
    onnxruntime.set_default_logger_severity(4)
    gpu = any(Path("/dev").glob("nvidia[0-9]*"))
    if wanted == "cpu" or not gpu or "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return ["CPUExecutionProvider"]
    onnxruntime.preload_dlls()
    return ["CUDAExecutionProvider", "CPUExecutionProvider"]


def _uses_cuda(sessions: dict[str, Any]) -> bool:
    # A session falls back to the CPU without an error, so what it really got is asked.
    return all(session.get_providers()[0] == "CUDAExecutionProvider" for session in sessions.values())
