"""A timeline on the terminal: rows of time for every array, then totals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from monitor.views.axis import DAY, heading, mark_text, marks, step
from monitor.views.lines import as_ascii
from monitor.views.look import Look, colourless
from monitor.views.state import strip
from monitor.views.strips import blocks
from monitor.views.timeline import Lane, Timeline, What
from monitor.views.words import BAD, colours, duration, letters, name

ROWS = 25
"""Most rows of an array, or one more where they do not begin with the period"""
LENGTHS = (20, 60, 4 * 60, DAY, 28 * DAY, 364 * DAY)
"""Minutes of a row; quarters of them are round"""
LABEL = 12
"""Cells before each row"""
WIDEST = 120
"""Cells of a row"""


def show(timeline: Timeline, console: Console | None = None) -> None:
    """Print the rows of every array, an hour each for a day, and how long everything lasted."""
    console = console or Console()
    console.print(Text(heading(timeline.start, timeline.end), style="bold"))
    if not timeline.lanes:
        console.print(Text("Nothing was recorded in this time."))
        return
    names = timeline.activities
    look = Look(
        timeline.end, colours(names), letters(names), colourless(console), console.options.ascii_only, False
    )
    for lane in timeline.lanes:
        console.print()
        for line in _lane(timeline, lane, look, console.width):
            console.print(as_ascii(line) if look.ascii_only else line, no_wrap=True, overflow="crop")
    console.print()
    console.print(_totals(timeline, look))


def _lane(timeline: Timeline, lane: Lane, look: Look, width: int) -> Iterator[Text]:
    cells = max(4, min(WIDEST, width - LABEL) // 4 * 4)
    minutes = step(timeline.end - timeline.start, ROWS, LENGTHS)
    row = timedelta(minutes=minutes)
    parts = 4 if cells >= 40 else 1  # as many as there is room for
    scale = "".join(f"+{duration(row * part / parts)}".ljust(cells // parts) for part in range(parts))
    yield Text(name(timeline.title(lane)), "bold")
    yield Text(" " * LABEL + scale, "dim")
    begin = (marks(timeline.start - row, timeline.start, minutes) or [timeline.start])[-1]
    while begin < timeline.end:
        first, last = (
            min(max(round((moment - begin) / row * cells), 0), cells)
            for moment in (timeline.start, timeline.end)
        )
        if first < last:  # the period may end just after the hour
            label = Text(mark_text(begin, minutes).rjust(LABEL - 1) + " " * (first + 1), "dim")
            yield label + blocks(strip(lane.spans, begin, begin + row, cells)[first:last], look)
        begin += row


def _totals(timeline: Timeline, look: Look) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("")
    for lane in timeline.lanes:
        table.add_column(Text(name(timeline.title(lane))), justify="right", overflow="fold")
    for what, seconds in timeline.totals().items():
        table.add_row(_key(what, look), *(duration(lasted) if lasted else "" for lasted in seconds))
    return table


def _key(what: What, look: Look) -> Text:
    activity, reason = what
    if activity is not None:
        line = Text.assemble(look.mark(activity), " ", name(activity))
    else:
        mark = ("░", BAD) if reason else ("·", "dim")
        line = Text.assemble(mark, " ", name(reason) or "not recorded")
    return as_ascii(line) if look.ascii_only else line
