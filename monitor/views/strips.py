"""Strips of time: a block or a letter for what went on in each cell, the times below it, the legend."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby

from rich.text import Text

from monitor.views.look import Look, solid
from monitor.views.state import HOUR, Array, Span
from monitor.views.words import ABSENCE, BAD, name


def blocks(cells: Iterable[Span | None], look: Look) -> Text:
    """A coloured block, or a letter, for each cell of a strip."""
    line = Text()
    for span, run in groupby(cells):
        line.append(_stretch(span, len(list(run)), look))
    return line


def _stretch(span: Span | None, count: int, look: Look) -> Text:
    if span is None:
        return Text("·" * count, style="dim")
    if span.activity is None:
        return Text("░" * count, style=BAD)
    char = look.letters.get(span.activity, "?") if look.colourless else "█"
    return solid(char * count, look.colours.get(span.activity, ABSENCE))


def times(end: datetime, width: int) -> Text:
    """Five times of the hour before `end`, the first and the last at the edges."""
    line = ""
    for mark in range(5):
        moment = (end - HOUR * (4 - mark) / 4).astimezone()
        line = line.ljust((width - 5) * mark // 4) + f"{moment:%H:%M}"
    return Text(line, style="dim")


def legend(arrays: list[Array], look: Look) -> Text:
    """The signs of everything in the strips of these arrays."""
    heard = {span.activity for array in arrays for span in array.hour}
    marks = [
        Text.assemble(look.mark(activity), f" {name(activity)}  ")
        for activity in look.colours
        if activity in heard
    ]
    return Text.assemble(("░░", BAD), (" no audio  ", "dim"), *marks)
