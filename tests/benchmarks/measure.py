"""Functions -> seconds, and seconds -> rows of the table."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from trainer.tables import Row


def take_turns(repetitions: int, *functions: Callable[[], object]) -> list[list[float]]:
    """Seconds of every call, `[functions][repetitions]`.

    Each is called once to warm up. Then they take turns, so that whatever else the machine does hits all.
    """
    for function in functions:
        function()
    seconds: list[list[float]] = [[] for _ in functions]
    for _ in range(repetitions):
        for function, own in zip(functions, seconds, strict=True):
            started = time.perf_counter()
            function()
            own.append(time.perf_counter() - started)
    return seconds


def compared(
    what: str,
    ours: Sequence[float],
    against: str,
    other: Sequence[float],
    note: str = "",
    *,
    unit: str = "s",
) -> Row:
    """A row with two columns of the same unit; the ratio is taken turn by turn.

    Args:
        what: is measured.
        ours: value of every turn.
        against: what the other is.
        other: value of every turn.
        note: such as what the ratio should be.
        unit: of the values.
    """
    ratio = spread([theirs / own for own, theirs in zip(ours, other, strict=True)], "times")
    return {
        "what": what,
        "ours": spread(ours, unit),
        "against": against,
        "other": spread(other, unit),
        "ratio": ratio,
        "note": note,
    }


def alone(what: str, ours: dict[str, Any], note: str = "") -> Row:
    """A row of a `spread` that is compared with nothing."""
    return {"what": what, "ours": ours, "note": note}


def spread(values: Sequence[float], unit: str) -> dict[str, Any]:
    """The value of a cell: median and quartiles of what was measured, and all of it."""
    low, median, high = np.percentile(values, [25, 50, 75]).tolist()
    return {"unit": unit, "median": median, "quartiles": [low, high], "values": list(values)}


def text(cell: dict[str, Any]) -> str:
    """What `spread` gave: `12.3 ms (12.1 to 12.9)`."""
    short = cell["unit"] == "s" and cell["median"] < 1.0
    factor, unit = (1e3, "ms") if short else (1.0, cell["unit"])
    median, low, high = (_digits(factor * value) for value in (cell["median"], *cell["quartiles"]))
    return f"{median} {unit} ({low} to {high})"


def _digits(value: float) -> str:
    return f"{value:.3g}" if value < 999.5 else f"{value:.0f}"
