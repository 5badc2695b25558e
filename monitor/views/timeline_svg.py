"""A timeline as SVG: a lane for every array, the clock, and a table that is legend and totals at once."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import datetime
from html import escape

from monitor.views.axis import heading, mark_text, marks, step
from monitor.views.state import Span
from monitor.views.timeline import Lane, Timeline, What
from monitor.views.words import ABSENCE, colours, duration, letters, name

WIDTH, MARGIN = 1200.0, 32.0
PLOT = WIDTH - 2 * MARGIN
TITLE, STRIP, CURVE, SPACE = 26.0, 40.0, 30.0, 20.0
"""Heights of the parts of a lane"""
ROW = 24.0
"""Height of a row of the table"""
NAMES = 200.0
"""Width of its first column"""
ABREAST = 6
"""Arrays beside each other in the table; more go below"""
TICKS, APART = 14, 8.0
"""Most times on the axis, and least space between them"""
THINNEST, HATCHED = 1.0, 7.0
"""Least width of what is drawn, so that no gap is too short to be seen, and of what shows the pattern"""
INK, QUIET, LINES, EMPTY = "#1f2933", "#5f6c7b", "#d5dbe3", "#eef1f5"
GAP = "#46525f"
"""Not the dashboard's red: an activity may have that, too, and of a short gap no pattern shows"""
FONT = "system-ui, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"
HATCH = f"""<defs><pattern id="gap" width="7" height="7" patternUnits="userSpaceOnUse" \
patternTransform="rotate(45)"><rect width="7" height="7" fill="#fff"/>\
<rect width="2.5" height="7" fill="{GAP}"/></pattern></defs>"""
NOTE = "Below each strip: how probable the activity was, from 0 to 100 %."


def svg(timeline: Timeline) -> str:
    """The picture: text of an SVG file without anything from outside, 1200 units wide."""
    height, parts = _Drawing(timeline).parts()
    size = f'viewBox="0 0 {WIDTH:g} {height:g}" width="{WIDTH:g}" height="{height:g}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{FONT}">'
    return "\n".join([head, HATCH, _rect(0, 0, WIDTH, height, fill="#fff"), *parts, "</svg>\n"])


class _Drawing:
    """What all parts share."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self.colours, self.letters = colours(timeline.activities), letters(timeline.activities)

    def parts(self) -> tuple[float, list[str]]:
        """Height of the picture, and what is in it."""
        timeline = self.timeline
        parts = [_text(MARGIN, 42, heading(timeline.start, timeline.end), size=20, bold=True)]
        top = 62.0
        if not timeline.lanes:
            return 120.0, [*parts, _text(MARGIN, 84, "Nothing was recorded in this time.", colour=QUIET)]
        bottom = top + len(timeline.lanes) * (TITLE + STRIP + CURVE + SPACE) - SPACE
        for number, lane in enumerate(timeline.lanes):
            parts += self._lane(lane, number, top)
            top += TITLE + STRIP + CURVE + SPACE
        parts += self._axis(bottom)
        height, table = self._table(bottom + 56)
        return height + 44, [*parts, *table, _text(MARGIN, height + 14, NOTE, colour=QUIET, size=12)]

    def x(self, moment: datetime) -> float:
        """Where a time is."""
        timeline = self.timeline
        share = (moment - timeline.start) / (timeline.end - timeline.start)
        return MARGIN + PLOT * min(max(share, 0.0), 1.0)

    def _lane(self, lane: Lane, number: int, top: float) -> Iterator[str]:
        strip = top + TITLE
        yield _text(MARGIN, strip - 9, _fitted(self.timeline.title(lane), PLOT, 14), size=14, bold=True)
        frame = _rect(MARGIN, strip, PLOT, STRIP + CURVE, fill=EMPTY, radius=5)
        yield f'<clipPath id="lane{number}">{frame}</clipPath>'
        curve = self._curve(lane, strip + STRIP + CURVE)
        yield f'<clipPath id="curve{number}"><path d="{curve}"/></clipPath>'
        yield frame
        yield f'<g clip-path="url(#curve{number})" opacity="0.55">'
        for span in lane.spans:
            if span.activity is not None:
                left = self.x(span.start)
                yield _rect(left, strip, self.x(span.end) - left, STRIP + CURVE, fill=self._colour(span))
        yield "</g>"
        yield f'<g clip-path="url(#lane{number})">'
        yield from (self._span(span, strip) for span in sorted(lane.spans, key=_is_gap))
        yield "</g>"

    def _span(self, span: Span, top: float) -> str:
        left = self.x(span.start)
        width = max(THINNEST, self.x(span.end) - left)
        what = name(span.activity) if span.activity is not None else f"no label: {name(span.reason)}"
        lasted = duration(span.end - span.start)
        height = STRIP + CURVE * _is_gap(span)
        tip = f"{what}, {_moment(span.start)} to {_moment(span.end)}, {lasted}"
        fill = GAP if _is_gap(span) and width < HATCHED else self._colour(span)
        drawn = _rect(left, top, width - (0.7 if width > 4 else 0.0), height, fill=fill)
        return f"<g><title>{escape(tip)}</title>{drawn}{self._word(span, left + width / 2, top, width)}</g>"

    def _word(self, span: Span, middle: float, top: float, width: float) -> str:
        """The name of a stretch, or its letter, as far as it fits; colours alone do not tell everybody."""
        if span.activity is None:
            text = name(span.reason)
            if _width(text, 12) + 12 > width:
                return ""
            plate = _width(text, 12) + 8
            backed = _rect(middle - plate / 2, top + STRIP / 2 - 10, plate, 20, fill="#fff", radius=3)
            return backed + _text(middle, top + STRIP / 2 + 4, text, size=12, anchor="middle")
        text = name(span.activity)
        if _width(text, 13) + 8 > width:
            text = self.letters[span.activity]
            if _width(text, 13) + 3 > width:
                return ""
        colour = _legible(self._colour(span))
        return _text(middle, top + STRIP / 2 + 4.5, text, colour=colour, anchor="middle")

    def _colour(self, span: Span) -> str:
        return "url(#gap)" if span.activity is None else self.colours.get(span.activity, ABSENCE)

    def _curve(self, lane: Lane, bottom: float) -> str:
        """The area below the curve, with a break wherever there is no label."""
        column = self.timeline.column
        path = []
        last = len(lane.confidence) - 1
        for number, (moment, probability) in enumerate(lane.confidence):
            height = bottom - (CURVE - 4) * probability
            begins = number == 0 or moment - lane.confidence[number - 1][0] > 1.5 * column
            ends = number == last or lane.confidence[number + 1][0] - moment > 1.5 * column
            left, right = self.x(moment), self.x(moment + column)
            path.append(f"M{left:.1f} {bottom:g}" if begins else "")
            path.append(f"L{left:.1f} {height:.1f}L{right:.1f} {height:.1f}")
            path.append(f"L{right:.1f} {bottom:g}Z" if ends else "")
        return "".join(path)

    def _axis(self, bottom: float) -> Iterator[str]:
        timeline = self.timeline
        minutes = step(timeline.end - timeline.start, TICKS)
        free = 0.0  # from here on there is room for text
        for moment in marks(timeline.start, timeline.end, minutes):
            x = self.x(moment)
            yield f'<path d="M{x:.1f} {bottom:g}v7" stroke="{QUIET}"/>'
            text = mark_text(moment, minutes)
            half = _width(text, 12) / 2
            middle = min(max(x, MARGIN + half), WIDTH - MARGIN - half)
            if middle - half >= free:
                yield _text(middle, bottom + 25, text, colour=QUIET, size=12, anchor="middle")
                free = middle + half + APART

    def _table(self, top: float) -> tuple[float, list[str]]:
        """Lower end and parts; of many arrays in several blocks."""
        lanes, totals = self.timeline.lanes, self.timeline.totals()
        longest = max(max(seconds) for seconds in totals.values())
        parts: list[str] = []
        for first in range(0, len(lanes), ABREAST):
            block = {what: seconds[first : first + ABREAST] for what, seconds in totals.items()}
            parts += self._block(lanes[first : first + ABREAST], block, top, longest)
            top += ROW * (len(block) + 1) + SPACE
        return top, parts

    def _block(
        self, lanes: list[Lane], totals: dict[What, list[float]], top: float, longest: float
    ) -> Iterator[str]:
        width = min(360.0, (PLOT - NAMES) / min(ABREAST, len(self.timeline.lanes)))
        for column, lane in enumerate(lanes):
            title = _fitted(self.timeline.title(lane), width - 12, 13)
            yield _text(MARGIN + NAMES + column * width, top + 16, title, bold=True)
        for what, seconds in totals.items():
            top += ROW
            yield f'<path d="M{MARGIN:g} {top:g}h{NAMES + width * len(lanes):g}" stroke="{LINES}"/>'
            yield self._key(what, top)
            for column, lasted in enumerate(seconds):
                if lasted:
                    left = MARGIN + NAMES + column * width
                    yield _text(left, top + 16.5, duration(lasted))
                    bar = max(THINNEST, (width - 100) * lasted / longest)
                    yield _rect(left + 84, top + 8, bar, 8, fill=self._bar(what), radius=2)

    def _key(self, what: What, top: float) -> str:
        activity, reason = what
        text = name(activity) if activity is not None else name(reason) or "not recorded"
        swatch = _rect(MARGIN, top + 4, 16, 16, fill=self._fill(what), radius=3)
        if activity is not None:
            colour = _legible(self._fill(what))
            swatch += _text(
                MARGIN + 8, top + 16, self.letters[activity], colour=colour, size=11, anchor="middle"
            )
        return swatch + _text(MARGIN + 26, top + 16.5, _fitted(text, NAMES - 36, 13))

    def _bar(self, what: What) -> str:
        return GAP if what[1] else self._fill(what)  # too thin for a pattern

    def _fill(self, what: What) -> str:
        activity, reason = what
        if activity is not None:
            return self.colours[activity]
        return "url(#gap)" if reason else LINES


def _is_gap(span: Span) -> bool:
    return span.activity is None


def _rect(x: float, y: float, width: float, height: float, *, fill: str, radius: float = 0.0) -> str:
    corner = f' rx="{radius:g}"' if radius else ""
    place = f'x="{x:.2f}" y="{y:g}" width="{max(0.0, width):.2f}" height="{height:g}"'
    return f'<rect {place}{corner} fill="{fill}"/>'


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: float = 13,
    colour: str = INK,
    bold: bool = False,
    anchor: str = "start",
) -> str:
    weight = ' font-weight="600"' if bold else ""
    place = f'x="{x:.1f}" y="{y:g}" font-size="{size:g}" text-anchor="{anchor}"'
    return f'<text {place} fill="{colour}"{weight}>{escape(text)}</text>'


def _width(text: str, size: float) -> float:
    """About how wide a text is in whatever font there is, rather too wide than too narrow."""
    cells = sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
    return 0.62 * size * cells


def _fitted(text: str, width: float, size: float) -> str:
    text = name(text)
    while len(text) > 1 and _width(text, size) > width:
        text = f"{text[:-2]}…"
    return text


def _legible(background: str) -> str:
    """Dark or white, whichever has more contrast on a colour (WCAG 2: relative luminance)."""
    parts = [int(background[first : first + 2], 16) / 255 for first in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return INK if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.2 else "#fff"


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone():%a %H:%M:%S}"
