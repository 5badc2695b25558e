"""What the numbers depend on besides the code."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import onnxruntime

VERSIONS_OF = ("numpy", "scipy", "torch", "librosa", "matplotlib", "scikit-learn", "soundfile", "soxr")


def describe() -> dict[str, Any]:
    """Processor, cores, load (mean number of busy cores in the last minute) and versions."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "load": os.getloadavg()[0],
        "versions": {
            "python": platform.python_version(),
            "onnxruntime": onnxruntime.__version__,  # its packages have several names
            **{name: version(name) for name in VERSIONS_OF},
        },
    }


def text(machine: dict[str, Any]) -> str:
    """What `describe` gave, as two paragraphs."""
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}; "
        f"load {machine['load']:.1f} before the first measurement.\n\n{versions}\n"
    )


def _processor() -> str:
    """The model; `platform` does not know it on Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
