"""Networks as PyTorch runs them without more ado, in one thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from threadpoolctl import threadpool_limits
from torch import nn


@contextmanager
def one_thread() -> Iterator[None]:
    """NumPy, SciPy and PyTorch have one thread meanwhile."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)


def runner(network: nn.Module, batch: npt.NDArray[Any]) -> Callable[[], npt.NDArray[np.float32]]:
    """What runs a network on a batch."""
    seen = torch.from_numpy(batch)

    def run() -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            found: npt.NDArray[np.float32] = network(seen).numpy()
        return found

    return run
