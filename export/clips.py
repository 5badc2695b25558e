"""Real clips of a run's data set, to try an export on."""

from __future__ import annotations

from pathlib import Path

from monitor.errors import MonitorError, safe
from trainer import datasets, run
from trainer.datasets import Clip


def some_clips(config: run.Config, data: Path | None, count: int) -> list[Clip]:
    """Clips from all over a run's data set, the same ones every time.

    Args:
        config: of the run.
        data: where its data set is; None: where it was when the run was made.
        count: how many; fewer if there are not so many.

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
    count = min(count, len(usable))
    return [usable[number * len(usable) // count] for number in range(count)]
