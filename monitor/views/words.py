"""Names, times, numbers and colours as people see them."""

from __future__ import annotations

import colorsys
from typing import TYPE_CHECKING

from monitor.errors import safe

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

PALETTE = (
    *("#4e9ad4", "#e8923a", "#4fae62", "#d9575c", "#a07cc9", "#c9a227"),
    *("#e377a8", "#35a8a0", "#a0704f", "#8bab2e", "#6f7de0"),
)
"""Of middle lightness, so that they show on dark and on light terminals"""
ABSENCE, GOOD, WARN, BAD = "#8492a6", "#4fae62", "#c9a227", "#d9575c"
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def name(text: str) -> str:
    """A name from outside (label, array, fault), fit to be shown."""
    return safe(text.replace("_", " "), 64)


def clock(moment: datetime) -> str:
    """Local time of day."""
    return f"{moment.astimezone():%H:%M:%S}"


def share(value: float) -> float:
    """A number from outside, forced into 0 to 1; NaN is 0."""
    return min(max(0.0, value), 1.0)


def percent(value: float) -> str:
    """A share of 1, five characters."""
    return f"{100 * share(value):3.0f} %"


def duration(span: timedelta | float) -> str:
    """How long, in one or two units.

    Args:
        span: a float is seconds.
    """
    seconds = span if isinstance(span, float) else span.total_seconds()
    whole = int(min(max(seconds, 0.0), 1e9))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def colours(labels: Iterable[str]) -> dict[str, str]:
    """A colour for every label, by its place; `absence` is always the quiet grey."""
    return {label: _colour(label, place) for place, label in enumerate(labels)}


def _colour(label: str, place: int) -> str:
    if label == "absence" or place < len(PALETTE):
        return ABSENCE if label == "absence" else PALETTE[place]
    hue = place * 0.618 % 1  # the golden section spreads any number of hues
    return "#" + "".join(f"{int(255 * part):02x}" for part in colorsys.hls_to_rgb(hue, 0.55, 0.5))


def letters(labels: Iterable[str]) -> dict[str, str]:
    """A letter for every label, from its own name if one is free; all differ as far as the alphabet goes."""
    given: dict[str, str] = {}
    for label in labels:
        own = [char for char in label.upper() if char in _ALPHABET]
        free = [char for char in [*own, *_ALPHABET] if char not in given.values()]
        given[label] = free[0] if free else "?"
    return given
