"""What all parts of a picture look like: the signs and colours of activities, bars, blocks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from rich.console import Console
from rich.text import Text

from monitor.errors import safe
from monitor.views.state import Array
from monitor.views.words import ABSENCE, share


@dataclass(frozen=True)
class Look:
    """What all parts of one picture share."""

    now: datetime
    colours: dict[str, str]
    """Of every activity"""
    letters: dict[str, str]
    colourless: bool
    """Colours cannot be told apart: letters stand for activities"""
    ascii_only: bool
    several_nodes: bool

    def title(self, array: Array) -> str:
        """Name of an array, with its node where names alone could be the same."""
        return safe(f"{array.node}/{array.name}" if self.several_nodes else array.name)

    def mark(self, activity: str) -> Text:
        """The sign of an activity in the legend."""
        char = self.letters.get(activity, "?") if self.colourless else "■"
        return Text(char, style=self.colours.get(activity, ABSENCE))


def colourless(console: Console) -> bool:
    """Whether colours cannot be told apart there."""
    return console.no_color or console.color_system in (None, "standard")


def bar(value: float, width: int, colour: str, *, track: bool = False, dim: bool = False) -> Text:
    """A line as long as the value, 0 to 1, in half cells."""
    halves = round(2 * max(0, width) * share(value))
    line = Text("━" * (halves // 2) + "╸" * (halves % 2), style=f"dim {colour}" if dim else colour)
    return Text.assemble(line, ("─" * (width - line.cell_len), "dim")) if track else line


def solid(text: str, colour: str) -> Text:
    """Full blocks get their colour as background too, which leaves no seams between lines."""
    runs = ("".join(run) for _, run in groupby(text))
    return Text.assemble(*((run, f"{colour} on {colour}" if run[0] == "█" else colour) for run in runs))
