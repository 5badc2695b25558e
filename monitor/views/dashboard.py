"""The terminal dashboard: State.update(message), render(state, ...) -> Text, and a short live loop.

A picture is a list of lines, and so is each part of it; `_columns` puts parts side by side. Every line is cut
to its width and every list to its height, so whatever the terminal and the message, nothing overflows.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.text import Text

from monitor.errors import safe
from monitor.views.bigtext import big
from monitor.views.state import HOUR, Array, Span, State
from monitor.views.words import (
    ABSENCE,
    BAD,
    GOOD,
    WARN,
    clock,
    colours,
    duration,
    letters,
    name,
    percent,
    share,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType
    from typing import Self

    from monitor.stream.messages import ChannelHealth, Message

__all__ = ["Dashboard", "State", "render", "show"]

REDRAW_S = 0.25
"""Fewest seconds between two pictures"""
WAITING = "waiting for the first message"
PANEL = (60, 14)
"""Columns and lines that an array needs, else several arrays get a row each"""
ROOMY = 20
"""Lines from which a panel has blank lines"""
WIDE = 108
"""Columns from which the probabilities stand beside the activity"""
QUIETEST_DBFS = -90.0
STATES = {"starting": WARN, "listening": GOOD, "degraded": WARN, "reconnecting": BAD, "stopped": BAD}
PLAIN = str.maketrans("█░●■━╸─·│…", "#:*#=-.-|~")  # blocks to ASCII, one for one

Lines = list[Text]


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
    lines = _picture(arrays, look, width, room) if arrays else [Text(f" {safe(waiting)}")]
    if note:
        lines = [*_padded(lines, height - 1), Text(f" {safe(note)}", style=WARN)]
    if ascii_only:
        lines = [as_ascii(line) for line in lines]
    return Text("\n", no_wrap=True, overflow="crop").join(_cut(lines, width)[:height])


def as_ascii(line: Text) -> Text:
    """The same line in characters that every terminal has."""
    line.plain = line.plain.translate(PLAIN).encode("ascii", "replace").decode("ascii")
    return line


def _names(arrays: list[Array]) -> list[str]:
    """Every activity, those of the models first, so that colours stay what they are."""
    scores = [activity for array in arrays if array.label for activity in array.label.scores]
    heard = [span.activity for array in arrays for span in array.hour if span.activity is not None]
    said = [
        activity for array in arrays if array.label for activity in (array.label.stable, array.label.label)
    ]
    return list(dict.fromkeys([*scores, *heard, *said]))


# ---- arrangement


def _picture(arrays: list[Array], look: Look, width: int, height: int) -> Lines:
    most = max(1, min(len(arrays), width // PANEL[0]))
    down = math.ceil(len(arrays) / most)
    across = math.ceil(len(arrays) / down)
    each = ((width - 3 * (across - 1)) // across, (height - down + 1) // down)
    if len(arrays) > 1 and each[1] < PANEL[1]:
        return _summary(arrays, look, width, height)
    lines: Lines = []
    for i in range(0, len(arrays), across):
        panels = [_panel(array, look, *each) for array in arrays[i : i + across]]
        lines += [*_columns(panels, [each[0]] * len(panels), " │ "), Text()]
    return lines


def _cut(lines: Lines, width: int) -> Lines:
    """Lines of exactly `width` cells."""
    copies = [line.copy() for line in lines]
    for line in copies:
        line.truncate(max(0, width), overflow="ellipsis", pad=True)
    return copies


def _columns(parts: list[Lines], widths: list[int], between: str = "  ") -> Lines:
    """Parts side by side."""
    height = max(len(part) for part in parts)
    padded = [_cut(_padded(part, height), width) for part, width in zip(parts, widths, strict=True)]
    gap = Text.assemble((between, "dim"))
    return [gap.join(line) for line in zip(*padded, strict=True)]


def _ends(left: Text, right: Text, width: int) -> Text:
    """One line with a part at each end; the left one gives way."""
    return Text.assemble(*_cut([left], width - right.cell_len - 1), " ", right)


def _padded(lines: Lines, height: int) -> Lines:
    return (lines + [Text()] * height)[: max(0, height)]


# ---- one array


def _panel(array: Array, look: Look, width: int, height: int) -> Lines:
    inner = width - 2
    space = [Text()] if height >= ROOMY else []
    state = Text.assemble(_state(array, look), "  ", clock(array.clock(look.now)))
    head = [_ends(Text(look.title(array), style="bold"), state, inner), *space]
    foot = [*space, *_footer(array, inner, 2 if space else 1)]
    hour = [Text(), *_hour(array, look, inner, 1 + max(0, height - 24) // 3)]
    room = height - len(head) - len(hour) - len(foot)
    lines = [*head, *_padded(_body(array, look, inner, room), room), *hour, *foot]
    return [Text.assemble(" ", line) for line in _cut(lines, inner)]


def _body(array: Array, look: Look, width: int, height: int) -> Lines:
    """Between heading and strip: activity, probabilities, microphones and changes, as the width allows."""
    wide = width >= WIDE
    left = min(width * 17 // 25, width - 45) if wide else width
    activity = [*_activity(array, look, left, max(4, (height + 2) // 3)), Text()]
    rest, half = height - len(activity), left // 2 - 1
    meters = _meters(array, half)
    if wide:
        below = _columns([meters, _changes(array, look, half, rest)], [half, half])
        right = width - left - 4
        return _columns([[*activity, *below], _scores(array, look, right, height)], [left, right], "    ")
    if width < PANEL[0]:
        return [*activity, *_scores(array, look, width, rest - 2), Text(), _meter_line(array)]
    if len(meters) > rest - 3:
        meters = [meters[0], _meter_line(array)]
    changes = _changes(array, look, half, rest - len(meters) - 1)
    return [
        *activity,
        *_columns([_scores(array, look, half, rest), [*meters, Text(), *changes]], [half, half]),
    ]


def _activity(array: Array, look: Look, width: int, height: int) -> Lines:
    """The activity as large as it fits, and below it how sure and since when."""
    label = array.label
    if not label or array.stale(look.now):
        word, colour, line = _absent(array, look)
    else:
        word, colour = name(label.stable), look.colours[label.stable]
        line = Text.assemble(*_sureness(array, look, min(20, width // 4)))
    lines = _big(word, colour, look, width, height - 1)
    full = "█" in lines[-1].plain  # else the letters leave half a line free
    return [*lines, *[Text()] * (full and height - 1 > len(lines)), line]


def _sureness(array: Array, look: Look, width: int) -> list[Text | str | tuple[str, str]]:
    label = array.label
    if not label:
        return []
    lasted = duration(array.clock(look.now) - label.since)
    since: list[Text | str | tuple[str, str]] = ["since ", (clock(label.since), "bold"), f", for {lasted}"]
    if label.stable != label.label:  # one window alone changes nothing yet
        return [*since, (f" · last window: {name(label.label)} {percent(label.confidence).strip()}", "dim")]
    bar = _bar(label.confidence, width, look.colours[label.stable], track=True)
    return [(percent(label.confidence).strip(), "bold"), "  ", bar, "  ", *since]


def _absent(array: Array, look: Look) -> tuple[str, str, Text]:
    """What stands in place of an activity when none is known to be current."""
    if not array.label:
        state = array.health.state if array.health else "listening"
        word = "listening" if state == "degraded" else state
        return (
            word,
            STATES[state],
            Text("the first label follows after one whole window of audio", style="dim"),
        )
    reason, end = name(array.reason()), array.label.end
    stopped = array.health and array.health.state == "stopped"
    silent = "no label" if reason in ("overload", "model error", "no healthy channel") else "no audio"
    what = "stopped" if stopped else silent
    line = Text.assemble(
        (f"{what} since {clock(end)}", f"bold {BAD}"),
        (f", for {duration(array.clock(look.now) - end)}", BAD),
        f" · {reason}" if reason not in ("", what) else "",
        (f" · before: {name(array.label.stable)}", "dim"),
    )
    return what, BAD, line


def _big(word: str, colour: str, look: Look, width: int, height: int) -> Lines:
    for scale in () if look.ascii_only else (4, 3, 2, 1):
        lines = big(word, scale)
        if lines and len(lines) <= height and len(lines[0]) <= width:
            return [_blocks(line, colour) for line in lines]
    return [Text(f" {word} ", style=f"bold reverse {colour}")]


def _scores(array: Array, look: Look, width: int, height: int) -> Lines:
    """Probabilities in the order of the model; of too many the weightiest."""
    label = array.label
    if not label or height < 2:
        return []
    stale = array.stale(look.now)
    shown = array.weightiest(height - 1)
    room = min(max(len(name(activity)) for activity in shown), max(8, width // 2)) if shown else 0
    lines = []
    for activity in shown:
        top = activity == label.label and not stale
        value = label.scores[activity]
        line = Text.assemble(
            *(look.mark(activity), " "),
            *_cut([Text(name(activity), style="bold" if top else "")], room),
            *(" ", (percent(value), "bold" if top else "dim"), "  "),
        )
        bar = _bar(value, width - line.cell_len, look.colours[activity], dim=not top)
        lines.append(line.append(bar))
    more = len(label.scores) - len(shown)
    head = f"probability{f' at {clock(label.end)}' if stale else ''}{f' ({more} more)' if more else ''}"
    airy = [part for line in lines for part in (line, Text())]
    return [Text(head, style="dim"), *(airy if len(airy) < height else lines)]


def _meters(array: Array, width: int) -> Lines:
    lines = [Text("microphones", style="dim")]
    for index, channel in enumerate(array.channels()):
        number, level = (f"{index:>2} ", "dim"), Text(_level(channel, " dBFS"), style="dim")
        value = (channel.level_dbfs - QUIETEST_DBFS) / -QUIETEST_DBFS
        bar = _bar(value, width - 14, BAD if channel.level_dbfs > -1 else ABSENCE)
        fault = Text(name(channel.fault or ""), style=f"bold {BAD}")
        lines.append(_ends(Text.assemble(number, fault if channel.fault else bar), level, width))
    return lines


def _meter_line(array: Array) -> Text:
    """All microphones in one line, faults by name."""
    line = Text()
    for index, channel in enumerate(array.channels()):
        line.append(f"{'' if index else 'mics'}  {index} ", style="dim")
        line.append(
            name(channel.fault) if channel.fault else _level(channel), style=BAD if channel.fault else ""
        )
    return line


def _level(channel: ChannelHealth, unit: str = "") -> str:
    return "ok" if math.isnan(channel.level_dbfs) else f"{channel.level_dbfs:.0f}{unit}"


def _changes(array: Array, look: Look, width: int, height: int) -> Lines:
    lines = [Text("recent", style="dim")]
    for span in array.changes():
        if span.activity is None:
            what = Text(f"░ {name(span.reason)}", style=BAD)
        else:
            style = "bold" if span is array.current and not array.stale(look.now) else ""
            what = Text.assemble(look.mark(span.activity), " ", (name(span.activity), style))
        lasted = Text(duration(span.end - span.start), style="dim")
        lines.append(_ends(Text.assemble((clock(span.start), "dim"), "  ", what), lasted, width))
    return lines[: max(0, height)]


def _hour(array: Array, look: Look, width: int, rows: int) -> Lines:
    """The last hour: heading, strip, and the times below it."""
    end = array.clock(look.now)
    legend = Text.assemble(
        ("░░", BAD), " ", ("no audio", "dim"), "  ", ("··", "dim"), " ", ("unknown", "dim")
    )
    head = _ends(Text("last hour", style="dim"), legend, width)
    if width < PANEL[0]:
        head = Text.assemble(("last hour  ", "dim"), _legend([array], look))
    return [head, *[_strip(array, look, end, width)] * rows, _axis(end, width)]


def _strip(array: Array, look: Look, end: datetime, width: int) -> Text:
    return blocks(array.strip(end, width), look)


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
    return _blocks(char * count, look.colours.get(span.activity, ABSENCE))


def _axis(end: datetime, width: int) -> Text:
    """Five times, the first and the last at the edges."""
    line = ""
    for mark in range(5):
        moment = (end - HOUR * (4 - mark) / 4).astimezone()
        line = line.ljust((width - 5) * mark // 4) + f"{moment:%H:%M}"
    return Text(line, style="dim")


def _state(array: Array, look: Look) -> Text:
    """In word and colour."""
    state = array.health.state if array.health else "listening"
    word, colour = str(state), STATES[state]
    if array.silent(look.now) and state != "stopped":
        word, colour = f"no news for {duration(look.now - array.heard)}", BAD
    unsaved = "  not saved" if array.health and not array.health.durable else ""
    return Text.assemble((f"● {word}", colour), (unsaved, BAD))


def _footer(array: Array, width: int, rows: int) -> Lines:
    label, health = array.label, array.health
    facts = [f"{safe(array.node)}/{safe(array.name)}"]
    if label:
        facts += [f"model {safe(label.model, 64)}", f"latency {label.latency_ms:.0f} ms"]
    if health:
        facts += [f"gaps {health.gaps}", f"windows {health.windows}", f"up {duration(health.uptime_s)}"]
        facts += [f"queue {health.queue}", f"cpu {health.cpu_percent:.0f} %", f"{health.rss_mb:.0f} MB"]
    lines = [""]
    for fact in facts:
        if lines[-1] and len(lines[-1]) + len(fact) + 3 > width:
            lines.append("")
        lines[-1] += f" · {fact}" if lines[-1] else fact
    return [Text(line, style="dim") for line in lines[:rows]]


# ---- many arrays in little room


def _summary(arrays: list[Array], look: Look, width: int, height: int) -> Lines:
    """One row per array, its strip below it where the height allows, and a legend."""
    inner = width - 2
    shown = arrays[: max(1, height - 2)]
    each = max(1, min(6, (height - 3) // len(shown)))
    lines: Lines = []
    for array in shown:
        lines += _rows(array, look, inner, each)
    more = f"{len(arrays) - len(shown)} more arrays" if len(shown) < len(arrays) else ""
    lines += [Text(more, style="dim"), _legend(shown, look) if each > 1 else Text()]
    return [Text.assemble(" ", line) for line in _cut(lines, inner)]


def _legend(arrays: list[Array], look: Look) -> Text:
    heard = {span.activity for array in arrays for span in array.hour}
    marks = [
        Text.assemble(look.mark(activity), f" {name(activity)}  ")
        for activity in look.colours
        if activity in heard
    ]
    return Text.assemble(("░░", BAD), (" no audio  ", "dim"), *marks)


def _rows(array: Array, look: Look, width: int, height: int) -> Lines:
    label, now = array.label, array.clock(look.now)
    title = _cut([Text(look.title(array), style="bold")], min(16, width // 4))
    if not label or array.stale(look.now):
        what = _absent(array, look)[2]
    else:
        activity = Text(name(label.stable), style=f"bold {look.colours[label.stable]}")
        sure = percent(label.confidence).strip() if label.stable == label.label else "…"
        what = Text.assemble(*_cut([activity], min(18, width // 4)), " ", (sure, "bold"))
    for index, channel in enumerate(array.channels()):
        what.append(f"  mic {index} {name(channel.fault)}" if channel.fault else "", style=BAD)
    if label and not array.stale(look.now):
        since = f"since {clock(label.since)}, " if width >= 90 else ""
        what.append(f"  {since}for {duration(now - label.since)}")
    line = _ends(Text.assemble(*title, "  ", what), _state(array, look), width)
    strip = [_strip(array, look, now, width)] * max(1, height - 3)
    return [line, *strip, _axis(now, width), Text()][:height]


# ---- blocks


def _bar(value: float, width: int, colour: str, *, track: bool = False, dim: bool = False) -> Text:
    """A line as long as the value, 0 to 1, in half cells."""
    halves = round(2 * max(0, width) * share(value))
    line = Text("━" * (halves // 2) + "╸" * (halves % 2), style=f"dim {colour}" if dim else colour)
    return Text.assemble(line, ("─" * (width - line.cell_len), "dim")) if track else line


def _blocks(text: str, colour: str) -> Text:
    """Full blocks get their colour as background too, which leaves no seams between lines."""
    runs = ("".join(run) for _, run in groupby(text))
    return Text.assemble(*((run, f"{colour} on {colour}" if run[0] == "█" else colour) for run in runs))


# ---- the live loop


class Dashboard:
    """Draws on the alternate screen of a terminal while entered; any thread may call it."""

    def __init__(self, console: Console | None = None, waiting: str = WAITING) -> None:
        self._state = State()
        self._waiting = waiting
        self._note = ""
        self._console = console or Console()
        self._live = Live(console=self._console, screen=True, auto_refresh=False)
        self._lock = threading.Lock()
        self._drawn = -math.inf

    def __enter__(self) -> Self:
        self._live.start()
        self.tick()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()
        with self._lock:  # leaving the alternate screen takes the picture with it
            self._console.print(self._picture())

    def note(self, text: str) -> None:
        """Show a warning below the picture, until the next one."""
        with self._lock:
            self._note = text

    def update(self, message: Message) -> None:
        """Take in one message, and redraw unless the last picture is very young."""
        with self._lock:
            self._state.update(message)
            self._draw()

    def tick(self) -> None:
        """Redraw, so that clocks move; to be called about once a second while no message comes."""
        with self._lock:
            self._draw()

    def _draw(self) -> None:
        if time.monotonic() - self._drawn >= REDRAW_S:
            self._live.update(self._picture(), refresh=True)
            self._drawn = time.monotonic()

    def _picture(self) -> Text:
        width, height = self._console.size
        colourless = self._console.no_color or self._console.color_system in (None, "standard")
        ascii_only = self._console.options.ascii_only
        now = datetime.now(UTC)
        return render(
            self._state,
            now,
            width,
            height,
            colourless=colourless,
            ascii_only=ascii_only,
            waiting=self._waiting,
            note=self._note,
        )


def show(messages: Iterable[Message | None], dashboard: Dashboard) -> None:
    """Draw until the messages end; None means that there is nothing new, and lets the clocks move."""
    with dashboard:
        for message in messages:
            if message is None:
                dashboard.tick()
            else:
                dashboard.update(message)
