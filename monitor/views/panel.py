"""One array, with as much of it as there is room for."""

from __future__ import annotations

import math

from rich.text import Text

from monitor.errors import safe
from monitor.stream.messages import ChannelHealth
from monitor.views.bigtext import big
from monitor.views.lines import Lines, columns, cut, ends, padded
from monitor.views.look import Look, bar, solid
from monitor.views.state import Array
from monitor.views.strips import blocks, legend, times
from monitor.views.words import ABSENCE, BAD, GOOD, WARN, clock, duration, name, percent

SMALLEST = (60, 14)
"""Columns and lines that it needs"""
ROOMY = 20
"""Lines from which it has blank lines"""
WIDE = 108
"""Columns from which the probabilities stand beside the activity"""
QUIETEST_DBFS = -90.0
STATES = {"starting": WARN, "listening": GOOD, "degraded": WARN, "reconnecting": BAD, "stopped": BAD}


def panel(array: Array, look: Look, width: int, height: int) -> Lines:
    """Exactly `height` lines of `width` cells, one of them blank at each side."""
    inner = width - 2
    space = [Text()] if height >= ROOMY else []
    state = Text.assemble(standing(array, look), "  ", clock(array.clock(look.now)))
    head = [ends(Text(look.title(array), style="bold"), state, inner), *space]
    foot = [*space, *_footer(array, inner, 2 if space else 1)]
    hour = [Text(), *_hour(array, look, inner, 1 + max(0, height - 24) // 3)]
    room = height - len(head) - len(hour) - len(foot)
    lines = [*head, *padded(_body(array, look, inner, room), room), *hour, *foot]
    return [Text.assemble(" ", line) for line in cut(lines, inner)]


def _body(array: Array, look: Look, width: int, height: int) -> Lines:
    """Between heading and strip: activity, probabilities, microphones and changes, as the width allows."""
    wide = width >= WIDE
    left = min(width * 17 // 25, width - 45) if wide else width
    activity = [*_activity(array, look, left, max(4, (height + 2) // 3)), Text()]
    rest, half = height - len(activity), left // 2 - 1
    meters = _meters(array, half)
    if wide:
        below = columns([meters, _changes(array, look, half, rest)], [half, half])
        right = width - left - 4
        return columns([[*activity, *below], _scores(array, look, right, height)], [left, right], "    ")
    if width < SMALLEST[0]:
        return [*activity, *_scores(array, look, width, rest - 2), Text(), _meter_line(array)]
    if len(meters) > rest - 3:
        meters = [meters[0], _meter_line(array)]
    changes = _changes(array, look, half, rest - len(meters) - 1)
    return [
        *activity,
        *columns([_scores(array, look, half, rest), [*meters, Text(), *changes]], [half, half]),
    ]


def _activity(array: Array, look: Look, width: int, height: int) -> Lines:
    """The activity as large as it fits, and below it how sure and since when."""
    label = array.label
    if not label or array.stale(look.now):
        word, colour, line = absent(array, look)
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
    sure = bar(label.confidence, width, look.colours[label.stable], track=True)
    return [(percent(label.confidence).strip(), "bold"), "  ", sure, "  ", *since]


def absent(array: Array, look: Look) -> tuple[str, str, Text]:
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
            return [solid(line, colour) for line in lines]
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
            *cut([Text(name(activity), style="bold" if top else "")], room),
            *(" ", (percent(value), "bold" if top else "dim"), "  "),
        )
        line.append(bar(value, width - line.cell_len, look.colours[activity], dim=not top))
        lines.append(line)
    more = len(label.scores) - len(shown)
    head = f"probability{f' at {clock(label.end)}' if stale else ''}{f' ({more} more)' if more else ''}"
    airy = [part for line in lines for part in (line, Text())]
    return [Text(head, style="dim"), *(airy if len(airy) < height else lines)]


def _meters(array: Array, width: int) -> Lines:
    lines = [Text("microphones", style="dim")]
    for index, channel in enumerate(array.channels()):
        number, level = (f"{index:>2} ", "dim"), Text(_level(channel, " dBFS"), style="dim")
        value = (channel.level_dbfs - QUIETEST_DBFS) / -QUIETEST_DBFS
        loud = bar(value, width - 14, BAD if channel.level_dbfs > -1 else ABSENCE)
        fault = Text(name(channel.fault or ""), style=f"bold {BAD}")
        lines.append(ends(Text.assemble(number, fault if channel.fault else loud), level, width))
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
        lines.append(ends(Text.assemble((clock(span.start), "dim"), "  ", what), lasted, width))
    return lines[: max(0, height)]


def _hour(array: Array, look: Look, width: int, rows: int) -> Lines:
    """The last hour: heading, strip, and the times below it."""
    end = array.clock(look.now)
    signs = Text.assemble(("░░", BAD), " ", ("no audio", "dim"), "  ", ("··", "dim"), " ", ("unknown", "dim"))
    head = ends(Text("last hour", style="dim"), signs, width)
    if width < SMALLEST[0]:
        head = Text.assemble(("last hour  ", "dim"), legend([array], look))
    return [head, *[blocks(array.strip(end, width), look)] * rows, times(end, width)]


def standing(array: Array, look: Look) -> Text:
    """The state of an array, in word and colour."""
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
