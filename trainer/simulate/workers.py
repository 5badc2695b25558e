"""Work for several processes, with a progress bar."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from rich.console import Console
from rich.progress import track

from monitor.errors import Exit, MonitorError

Job = TypeVar("Job")
Result = TypeVar("Result")


def each(
    function: Callable[[Job], Result], jobs: Sequence[Job], processes: int, what: str
) -> Iterator[Result]:
    """The results of the jobs, in their order, as they are ready.

    Args:
        function: of a module, because it is sent to the processes by its name.
        jobs: one or more.
        processes: at most so many.
        what: is done, in a word for the progress bar.

    Raises:
        MonitorError: exit code 74 if a process was killed; and whatever `function` raises.
    """
    pool = ProcessPoolExecutor(min(processes, len(jobs)), multiprocessing.get_context("spawn"), _begin)
    try:
        yield from track(
            pool.map(function, jobs), what, len(jobs), console=Console(stderr=True), transient=True
        )
    except BrokenProcessPool as exc:
        raise MonitorError(
            f"{what}: a process was killed, perhaps for want of memory; the same command goes on with the "
            "rest, fewer --processes need less",
            Exit.IO,
        ) from exc
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    # Ctrl-C reaches every process of the terminal; only the first one shall answer.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that was killed cannot say goodbye, and its processes would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
