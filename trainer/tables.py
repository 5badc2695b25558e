"""Tables as data: the same rows in a file, on a terminal and as JSON.

A row is a JSON-ready dict (`json.dumps(rows)` is the third form); a column says under which key its value
stands and how it is written. A column that no row has a value for is left out. Scores are shares in [0, 1],
written in percent.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from monitor.errors import safe

NOT_IN_TEXT = "not in text"
NOTHING = "-"

Row = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    key: str
    """In the rows; a row without it has an empty cell"""
    title: str
    text: Callable[[Any], str] = str
    number: bool = False
    """Numbers stand on the right"""

    def cell(self, row: Row) -> str:
        """The text of a row's cell, harmless for a terminal."""
        return safe(self.text(row[self.key])) if self.key in row else ""


def markdown(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    """A table for a file, with a line break at its end."""
    columns = _used(columns, rows)
    lines = [
        [column.title for column in columns],
        ["---:" if column.number else "---" for column in columns],
        *([plain(column.cell(row)) for column in columns] for row in rows),
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def terminal(columns: Sequence[Column], rows: Sequence[Row], title: str) -> Table:
    """A table for a terminal."""
    table = Table(
        title=Text(safe(title)), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False
    )
    columns = _used(columns, rows)
    for column in columns:
        # "fold": in a narrow window a long name takes several lines, but none of it is lost.
        table.add_column(column.title, justify="right" if column.number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(column.cell(row)) for column in columns))
    return table


def measured(scores: Mapping[str, Any], score: str) -> dict[str, Any]:
    """A score as the value of a cell: `value`, and its `interval` `[low, high]` or None.

    Args:
        scores: of `evaluate.summarise`: a fold, the mean, all pooled, or a part of the evaluation partition.
        score: "accuracy" or "macro_f1".
    """
    return {"value": scores[score], "interval": scores["interval"] and scores["interval"][score]}


def over_runs(values: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Mean and sample standard deviation of a score over runs with different seeds, as the value of a cell.

    Args:
        values: what `measured` gave for each run, two or more.
    """
    scores = [value["value"] for value in values]
    return {
        "value": statistics.fmean(scores),
        "deviation": statistics.stdev(scores),
        "runs": len(scores),
    }


def percent(share: float) -> str:
    """A share with one decimal: `78.8`."""
    return f"{100 * share:.1f}"


def score(value: Mapping[str, Any] | None) -> str:
    """What `measured` or `over_runs` gave: `78.8 (75.1 to 81.9)`, or `78.5 ± 0.6`."""
    if value is None:
        return NOTHING
    if "deviation" in value:
        return f"{percent(value['value'])} ± {percent(value['deviation'])}"
    if value["interval"] is None:
        return percent(value["value"])
    low, high = value["interval"]
    return f"{percent(value['value'])} ({percent(low)} to {percent(high)})"


def signed(value: Mapping[str, Any]) -> str:
    """What `evaluate.difference` gave, in points: `+1.2 (-0.5 to +3.0)`."""
    numbers = [value["value"], *(value["interval"] or ())]
    texts = [f"{100 * number:+.1f}" for number in numbers]
    return f"{texts[0]} ({texts[1]} to {texts[2]})" if len(texts) > 1 else texts[0]


def published(value: float | str | None) -> str:
    """A number of the paper: a share, its own words ("above 70.0"), or None where its text gives none."""
    if value is None:
        return NOT_IN_TEXT
    return value if isinstance(value, str) else percent(value)


def plain(text: str) -> str:
    """Text that Markdown shows as it is, in a heading or a cell."""
    return re.sub(r"([\\`*<>|\[\]])", r"\\\1", safe(text))


def _used(columns: Sequence[Column], rows: Sequence[Row]) -> list[Column]:
    return [column for column in columns if any(column.key in row for row in rows)]
