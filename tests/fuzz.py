"""Tries everything that reads bytes from outside with bad ones: `python -m tests.fuzz --examples 3000`.

Each reader runs in a process of its own, with limits of time and memory, because libsndfile and onnxruntime
could crash it. Prints a table; exits 1 if a reader crashed, hung, took too much memory, or raised anything
but a MonitorError of one line. The input that did it is kept.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import multiprocessing
import resource
import signal
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase
from rich.console import Console
from rich.progress import track

from monitor.errors import Exit, MonitorError, safe
from tests.targets import Target, targets
from trainer.tables import Column, markdown

SECONDS = 30
"""For one input; a busy machine is slow"""
MEMORY = 1 << 30
"""Bytes that an input may make a reader take, beyond what it has at the start"""
LINE = 1200
"""Characters of a message, at most"""
KEPT = Path("build/fuzz")
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.targets"])  # imported once, not by each reader's process
COLUMNS = (
    Column("target", "reader"),
    Column("taken", "taken", "{:,}".format, number=True),
    Column("refused", "refused", "{:,}".format, number=True),
    Column("problem", "problem"),
)


def fuzz(name: str, examples: int, seed: int) -> dict[str, Any]:
    """A row of the table, with the input that was a problem as `input`."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        child = PROCESSES.Process(target=_child, args=(name, folder, examples, seed))
        child.start()
        child.join()
        if child.exitcode:
            (folder / "row").write_text(json.dumps({"problem": _end(child.exitcode)}))
        row = {"target": name, **json.loads((folder / "row").read_text())}
        return row | {"input": (folder / "input").read_bytes()} if "problem" in row else row


def _end(code: int) -> str:
    if code == -signal.SIGALRM:
        return f"no end within {SECONDS} s"
    return signal.Signals(-code).name if code < 0 else f"ended with exit code {code}"


def _child(name: str, folder: Path, examples: int, seed: int) -> None:
    _limit_memory()
    logging.disable()  # warnings of files that are cut off
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # it must end the process, whatever that is doing
    (folder / "row").write_text(json.dumps(attempt(targets()[name], folder, examples, seed)))


def attempt(target: Target, folder: Path, examples: int, seed: int) -> dict[str, Any]:
    """Try a reader in this process: how many inputs it took and refused, or what was the problem.

    The last input that was tried stands in the file `input` of the folder.
    """
    counts = {"taken": 0, "refused": 0}
    (folder / "work").mkdir()
    read = target.open(folder / "work")

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(target.inputs)
    def one(data: bytes) -> None:
        (folder / "input").write_bytes(data)
        signal.alarm(SECONDS)
        try:
            read(data)
            counts["taken"] += 1
        except MonitorError as exc:
            _check(exc)
            counts["refused"] += 1
        finally:
            signal.alarm(0)

    try:
        one()
    except Exception as exc:  # noqa: BLE001 - anything else than a MonitorError is what is looked for
        place = traceback.extract_tb(exc.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        return {"problem": safe(f"{type(exc).__name__} in {where}: {exc}", 300)}
    return counts


def _check(error: MonitorError) -> None:
    """One line, and an exit code that says more than failure."""
    text = str(error)
    assert error.exit_code in set(Exit) - {Exit.OK}
    assert text == safe(text, LINE), f"not for a terminal: {text!r}"


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def main(argv: Sequence[str] | None = None) -> int:
    """Fuzz and print the table; 1 if there was a problem."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument(
        "--examples", type=int, default=3000, metavar="N", help="inputs of each reader (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of chance (default: %(default)s)")
    parser.add_argument("--only", choices=targets(), metavar="READER", help="one of %(choices)s")
    arguments = parser.parse_args(argv)
    names = [arguments.only] if arguments.only else list(targets())
    turns = track(names, "fuzz", console=Console(stderr=True), transient=True)
    rows = [fuzz(name, arguments.examples, arguments.seed) for name in turns]
    for row in rows:
        if data := row.pop("input", b""):
            KEPT.mkdir(parents=True, exist_ok=True)
            kept = KEPT / f"{row['target']}-{hashlib.sha256(data).hexdigest()[:8]}"
            kept.write_bytes(data)
            row["problem"] += f" (kept as {kept})"
    print(markdown(COLUMNS, rows), end="")
    return int(any("problem" in row for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
