"""How fast we are, against what others use: a Markdown table. `make bench` runs it.

Every subject is a file whose `rows()` measures and yields rows of the table; `SUBJECTS` lists them.

    measure        functions that take turns  ->  seconds  ->  rows
    machine        what the numbers depend on besides the code
    log_mel        against librosa and torch
    pictures       against matplotlib
    deep_spectrum  the front end's share; clips per second of every backbone
    svm_grid       the choice of C

What is compared is first shown to give the same. Nothing here passes or fails by its speed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

from tests.benchmarks import deep_spectrum, log_mel, machine, measure, pictures, svm_grid
from trainer import files
from trainer.tables import Column, Row, markdown

SUBJECTS = (log_mel, pictures, deep_spectrum, svm_grid)
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
    arguments = parser.parse_args(argv)
    where = machine.describe()
    with redirect_stdout(sys.stderr):  # the table alone goes to stdout
        rows = _measure()
    print(machine.text(where))
    print(markdown(COLUMNS, rows), end="")
    if arguments.json:
        document = {"machine": where, "rows": rows}
        files.write(arguments.json, (json.dumps(document, indent=2) + "\n").encode())


def _measure() -> list[Row]:
    rows = []
    for subject in SUBJECTS:
        for row in subject.rows():
            print(f"{row['what']}: {measure.text(row['ours'])}", flush=True)
            rows.append(row)
    return rows


if __name__ == "__main__":
    main()
