"""How fast we are, against what others use: a Markdown table. `make bench` runs it.

Every subject is a file whose `rows()` measures and yields rows of the table; `SUBJECTS` lists them. Those in
`OF_A_BUNDLE` are measured for each bundle.

    measure        functions that take turns  ->  seconds  ->  rows
    machine        what the numbers depend on besides the code
    log_mel        against librosa and torch
    pictures       against matplotlib
    deep_spectrum  the front end's share; clips per second of every backbone
    svm_grid       the choice of C
    command_line   --help
    full_fusion    all that the paper has: every network against PyTorch (eager), then one window of the whole
    recogniser     one window: time, share outside onnxruntime, GFLOP/s, memory
    pann           the same window through PANNs' CNN14
    settings       of onnxruntime, others than ours
    end_to_end     a daemon in real time: last sample  ->  subscriber; CPU, memory, start
    capacity       arrays in real time
    flops          ONNX graph  ->  floating-point operations

What is compared is first shown to give the same. Nothing here passes or fails by its speed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path

from monitor.config import DEFAULT_BUNDLE
from tests.benchmarks import (
    capacity,
    command_line,
    deep_spectrum,
    end_to_end,
    full_fusion,
    log_mel,
    machine,
    measure,
    pann,
    pictures,
    recogniser,
    settings,
    svm_grid,
)
from trainer import files
from trainer.tables import Column, Row, markdown

SUBJECTS = (log_mel, pictures, deep_spectrum, svm_grid, command_line, full_fusion)
OF_A_BUNDLE = (recogniser, pann, settings, end_to_end, capacity)
COLUMNS = (
    Column("what", "what"),
    Column("ours", "ours: median (quartiles)", measure.text, number=True),
    Column("against", "against"),
    Column("other", "other", measure.text, number=True),
    Column("ratio", "other / ours", measure.text, number=True),
    Column("note", "note"),
)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write machine and all measured values, too"
    )
    parser.add_argument(
        "--bundle",
        type=Path,
        action="append",
        metavar="PATH",
        help="measure this one instead of the bundle that is shipped; repeatable",
    )
    parser.add_argument(
        "--only-bundles", action="store_true", help="leave out what depends on no bundle, which takes longest"
    )
    arguments = parser.parse_args(argv)
    where = machine.describe()
    with redirect_stdout(sys.stderr):  # the table alone goes to stdout
        rows = _shown(_measure(arguments.bundle or [DEFAULT_BUNDLE], arguments.only_bundles))
    print(machine.text(where))
    print(markdown(COLUMNS, rows), end="")
    if arguments.json:
        document = {"machine": where, "rows": rows}
        files.write(arguments.json, (json.dumps(document, indent=2) + "\n").encode())


def _measure(bundles: Sequence[Path], only_bundles: bool) -> Iterator[Row]:
    for subject in () if only_bundles else SUBJECTS:
        yield from subject.rows()
    for bundle in bundles:
        for subject in OF_A_BUNDLE:
            yield from subject.rows(bundle)


def _shown(measured: Iterator[Row]) -> list[Row]:
    rows = []
    for row in measured:
        print(f"{row['what']}: {measure.text(row['ours'])}", flush=True)
        rows.append(row)
    return rows


if __name__ == "__main__":
    main()
