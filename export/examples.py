"""Real sounds that a graph is tried on before it is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from monitor.errors import MonitorError, safe
from trainer import datasets, run
from trainer.features import example

CLIPS = 40


def real_windows(config: run.Config, data: Path | None) -> npt.NDArray[np.float32]:
    """Log-mel dB `[windows, n_mels, frames]` of some clips from all over a run's data set.

    Args:
        config: of the run.
        data: where its data set is; None: where it was when the run was made.

    Raises:
        MonitorError: the data is not there, or is other data.
    """
    where = Path(config.data["path"]) if data is None else data
    try:
        found = datasets.read(where)
    except MonitorError as exc:
        raise MonitorError(
            f"the export is checked on the run's data: {exc}; say where it is with --data", exc.exit_code
        ) from exc
    if found.labels != config.labels:
        raise MonitorError(f"{safe(str(where))} has other classes than the run; give its data with --data")
    left_out = {*config.data["short"], *config.data["bad"]}
    usable = [clip for clip in found.clips if found.file(clip) not in left_out]
    some = usable[:: max(1, len(usable) // CLIPS)]
    examples = [example(clip, config.recipe.front_end) for clip in some]
    return np.concatenate([windows for windows in examples if windows is not None])
