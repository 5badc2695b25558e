"""The picture of all arrays: render(state, ...) -> Text.

Every line is cut to its width and every list to its height, so whatever the terminal and the message, nothing
overflows.
"""

from __future__ import annotations

import math
from datetime import datetime

from rich.text import Text

from monitor.errors import safe
from monitor.views.lines import Lines, as_ascii, columns, cut, padded
from monitor.views.look import Look
from monitor.views.panel import SMALLEST, panel
from monitor.views.state import Array, State
from monitor.views.summary import summary
from monitor.views.words import WARN, colours, letters

WAITING = "waiting for the first message"


def render(
    state: State,
    now: datetime,
    width: int,
    height: int,
    *,
    colourless: bool = False,
    ascii_only: bool = False,
    waiting: str = WAITING,
    note: str = "",
) -> Text:
    """The picture of all arrays: at most `height` lines, each of exactly `width` cells.

    Args:
        state: what is known.
        now: time of the picture.
        width: cells.
        height: lines.
        colourless: letters instead of colours.
        ascii_only: no other characters than ASCII.
        waiting: what stands there before the first message.
        note: a warning for the last line.
    """
    arrays = list(state.arrays.values())
    names = _names(arrays)
    look = Look(
        now, colours(names), letters(names), colourless, ascii_only, len({array.node for array in arrays}) > 1
    )
    room = height - 1 if note and len(arrays) != 1 else height  # one panel can spare its last line
    lines = _arranged(arrays, look, width, room) if arrays else [Text(f" {safe(waiting)}")]
    if note:
        lines = [*padded(lines, height - 1), Text(f" {safe(note)}", style=WARN)]
    if ascii_only:
        lines = [as_ascii(line) for line in lines]
    return Text("\n", no_wrap=True, overflow="crop").join(cut(lines, width)[:height])


def _names(arrays: list[Array]) -> list[str]:
    """Every activity, those of the models first, so that colours stay what they are."""
    scores = [activity for array in arrays if array.label for activity in array.label.scores]
    heard = [span.activity for array in arrays for span in array.hour if span.activity is not None]
    said = [
        activity for array in arrays if array.label for activity in (array.label.stable, array.label.label)
    ]
    return list(dict.fromkeys([*scores, *heard, *said]))


def _arranged(arrays: list[Array], look: Look, width: int, height: int) -> Lines:
    most = max(1, min(len(arrays), width // SMALLEST[0]))
    down = math.ceil(len(arrays) / most)
    across = math.ceil(len(arrays) / down)
    each = ((width - 3 * (across - 1)) // across, (height - down + 1) // down)
    if len(arrays) > 1 and each[1] < SMALLEST[1]:
        return summary(arrays, look, width, height)
    lines: Lines = []
    for i in range(0, len(arrays), across):
        panels = [panel(array, look, *each) for array in arrays[i : i + across]]
        lines += [*columns(panels, [each[0]] * len(panels), " │ "), Text()]
    return lines
