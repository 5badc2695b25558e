"""Many arrays in little room."""

from __future__ import annotations

from rich.text import Text

from monitor.views.lines import Lines, cut, ends
from monitor.views.look import Look
from monitor.views.panel import absent, standing
from monitor.views.state import Array
from monitor.views.strips import blocks, legend, times
from monitor.views.words import BAD, clock, duration, name, percent


def summary(arrays: list[Array], look: Look, width: int, height: int) -> Lines:
    """One row per array, its strip below it where the height allows, and a legend."""
    inner = width - 2
    shown = arrays[: max(1, height - 2)]
    each = max(1, min(6, (height - 3) // len(shown)))
    lines: Lines = []
    for array in shown:
        lines += _rows(array, look, inner, each)
    more = f"{len(arrays) - len(shown)} more arrays" if len(shown) < len(arrays) else ""
    lines += [Text(more, style="dim"), legend(shown, look) if each > 1 else Text()]
    return [Text.assemble(" ", line) for line in cut(lines, inner)]


def _rows(array: Array, look: Look, width: int, height: int) -> Lines:
    label, now = array.label, array.clock(look.now)
    title = cut([Text(look.title(array), style="bold")], min(16, width // 4))
    if not label or array.stale(look.now):
        what = absent(array, look)[2]
    else:
        activity = Text(name(label.stable), style=f"bold {look.colours[label.stable]}")
        sure = percent(label.confidence).strip() if label.stable == label.label else "…"
        what = Text.assemble(*cut([activity], min(18, width // 4)), " ", (sure, "bold"))
    for index, channel in enumerate(array.channels()):
        what.append(f"  mic {index} {name(channel.fault)}" if channel.fault else "", style=BAD)
    if label and not array.stale(look.now):
        since = f"since {clock(label.since)}, " if width >= 90 else ""
        what.append(f"  {since}for {duration(now - label.since)}")
    line = ends(Text.assemble(*title, "  ", what), standing(array, look), width)
    strip = [blocks(array.strip(now, width), look)] * max(1, height - 3)
    return [line, *strip, times(now, width), Text()][:height]
