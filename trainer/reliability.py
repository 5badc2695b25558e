"""The picture of a calibration: a reliability diagram before and after, with the number of clips beneath.

Above: a point per bin of confidence, its accuracy against its mean confidence; on the diagonal they agree,
below it the probabilities promise too much. Beneath: how many clips a point stands for, in powers of ten, so
that a bin of three clips shows for what it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, PercentFormatter, StrMethodFormatter

from monitor.errors import safe
from trainer import pictures

# Apart in lightness and in shape, too: the same picture to the colour-blind and in grey.
BEFORE: dict[str, Any] = {"color": "0.6", "marker": "s"}
AFTER: dict[str, Any] = {"color": "#08519c", "marker": "o"}


def draw(folder: Path, name: str, title: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Write `<name>.png` and `<name>.svg`.

    Args:
        folder: exists.
        name: of the files, without ending.
        title: above the picture.
        before: of the probabilities as they come, from `calibration.reliability`.
        after: of the calibrated ones, in the same bins.
    """
    pictures.write(folder, name, lambda: _figure(title, before, after))


def _figure(title: str, before: dict[str, Any], after: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(5.5, 7.0))
    FigureCanvasAgg(figure)  # never a window, whatever backend is configured
    above, beneath = figure.subplots(2, sharex=True, height_ratios=(3, 1), gridspec_kw={"hspace": 0.08})
    above.set_title(safe(title), fontsize=14, pad=12, parse_math=False)
    above.plot((0, 1), (0, 1), color="0.3", linewidth=0.8, linestyle="--", label="accuracy = probability")
    for side, (name, look, found) in enumerate((("before", BEFORE, before), ("after", AFTER, after))):
        _accuracies(above, name, look, found)
        _counts(beneath, side, look["color"], found["bins"])
    _name_axes(above, beneath)
    # Outside the axes: points may lie anywhere in them.
    figure.legend(loc="upper center", bbox_to_anchor=(0.5, 0.04), fontsize=11, frameon=False)
    return figure


def _accuracies(axes: Axes, name: str, look: dict[str, Any], found: dict[str, Any]) -> None:
    filled = [part for part in found["bins"] if part["clips"]]
    label = f"{name}: ECE {100 * found['ece']:.1f} %, NLL {found['nll']:.2f}, Brier {found['brier']:.2f}"
    axes.plot(
        [part["confidence"] for part in filled],
        [part["accuracy"] for part in filled],
        label=label,
        clip_on=False,  # points at 0 and 100 % are whole
        **look,
    )


def _counts(axes: Axes, side: int, colour: str, bins: list[dict[str, Any]]) -> None:
    """Bars of half a bin's width: left (0) before, right (1) after."""
    for part in bins:
        half = (part["high"] - part["low"]) / 2
        axes.bar(part["low"] + side * half, part["clips"], half, align="edge", color=colour)


def _name_axes(above: Axes, beneath: Axes) -> None:
    above.set_xlim(0.0, 1.0)
    above.set_ylim(0.0, 1.0)
    above.set_ylabel("accuracy (%)", fontsize=13)
    above.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=None))
    beneath.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=None))
    beneath.set_xlabel("probability of the label (%)", fontsize=13)
    beneath.set_ylabel("clips", fontsize=13)
    beneath.set_yscale("log")
    beneath.set_ylim(bottom=0.5)  # a single clip has a bar
    beneath.yaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
    beneath.yaxis.set_minor_formatter(NullFormatter())
    for axes in (above, beneath):
        axes.set_axisbelow(True)
        axes.grid(color="0.9", linewidth=0.6)
