"""The picture of a confusion matrix, as in Figures 2 to 4 of the paper.

Row: true class, column: predicted class. The colour is the share of the row; each cell also says it in
percent, with the number of clips below. Cells without a clip stay empty, so that the confusions show.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from monitor.errors import safe
from trainer import pictures

COLOURS = "Blues"
"""From white to dark in even steps of lightness: the same picture to the colour-blind and in grey"""
DARK = 0.7
"""Share from which white text has more contrast than black"""
MANY = 20
"""Classes from which cells are small, with percentages of no decimals"""
LONGEST_LABEL = 30


def write(folder: Path, name: str, title: str, labels: Sequence[str], confusion: list[list[int]]) -> None:
    """Write `<name>.png` and `<name>.svg`.

    Args:
        folder: exists.
        name: of the files, without ending.
        title: above the picture.
        labels: in the order of rows and columns.
        confusion: clips `[true class, predicted class]`.
    """
    pictures.write(folder, name, lambda: draw(title, labels, np.array(confusion)))


def draw(title: str, labels: Sequence[str], counts: npt.NDArray[np.integer[Any]]) -> Figure:
    """The picture of counts `[true class, predicted class]`."""
    inches = 0.3 if len(labels) > MANY else 0.62  # of a cell's side: room for its text
    side = inches * len(labels)
    figure = Figure(figsize=(side + 1.0, side))
    FigureCanvasAgg(figure)  # never a window, whatever backend is configured
    axes = figure.add_axes((0.0, 0.0, side / (side + 1.0), 1.0))
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    mesh = axes.pcolormesh(shares, cmap=COLOURS, vmin=0.0, vmax=1.0, edgecolors="0.85", linewidth=0.4)
    axes.set_title(safe(title), fontsize=14, pad=12, parse_math=False)
    _name_classes(axes, labels)
    _fill_cells(axes, counts, shares, decimals=0 if len(labels) > MANY else 1)
    _add_scale(figure, mesh, side)
    return figure


def _name_classes(axes: Axes, labels: Sequence[str]) -> None:
    names = [safe(label, LONGEST_LABEL) for label in labels]
    middles = np.arange(len(names)) + 0.5
    # A folder may be called "$x$": that is a name, not a formula.
    axes.set_xticks(middles, names, rotation=90, fontsize=11, parse_math=False)
    axes.set_yticks(middles, names, fontsize=11, parse_math=False)
    axes.tick_params(length=0)
    axes.invert_yaxis()
    axes.set_xlabel("predicted class", fontsize=13)
    axes.set_ylabel("true class", fontsize=13)


def _fill_cells(
    axes: Axes, counts: npt.NDArray[np.integer[Any]], shares: npt.NDArray[np.floating[Any]], decimals: int
) -> None:
    large, small = (11.0, 8.0) if decimals else (9.0, 6.5)  # points; four and five digits fit
    for row, column in np.argwhere(counts).tolist():
        share = float(shares[row, column])
        look: dict[str, Any] = {"ha": "center", "color": "white" if share > DARK else "black"}
        x = column + 0.5
        axes.text(x, row + 0.5, _percent(share, decimals), va="baseline", fontsize=large, **look)
        axes.text(x, row + 0.85, f"{counts[row, column]}", va="baseline", fontsize=small, **look)


def _percent(share: float, decimals: int) -> str:
    least = 10.0**-decimals
    if 100 * share < least:
        return f"<{least:g}"
    return "100" if share == 1.0 else f"{100 * share:.{decimals}f}"


def _add_scale(figure: Figure, mesh: Any, side: float) -> None:
    width = side + 1.0
    axes = figure.add_axes(((side + 0.2) / width, 0.0, 0.2 / width, 1.0))
    bar = figure.colorbar(mesh, cax=axes, format=lambda share, _: f"{100 * share:.0f}")
    bar.set_label("% of the true class", fontsize=13)
    bar.ax.tick_params(labelsize=11)
