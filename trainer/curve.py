"""The picture of how the C of support vector machines was chosen: score against C."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from monitor.errors import safe
from trainer import pictures


def draw(folder: Path, name: str, title: str, curve: list[dict[str, Any]], metric: str) -> None:
    """Write `<name>.png` and `<name>.svg`.

    Args:
        folder: exists.
        name: of the files, without ending.
        title: above the picture.
        curve: of `trainer.train_svm.train`.
        metric: what the scores are, in words.
    """
    pictures.write(folder, name, lambda: _figure(title, curve, metric))


def _figure(title: str, curve: list[dict[str, Any]], metric: str) -> Figure:
    figure = Figure(figsize=(7.0, 4.5))
    FigureCanvasAgg(figure)  # never a window, whatever backend is configured
    axes = figure.subplots()
    axes.set_title(safe(title), fontsize=13, pad=12, parse_math=False)
    values = [point["c"] for point in curve]
    for index, fold in enumerate(curve[0]["folds"]):
        label = "each fold" if index == 0 else None
        axes.plot(values, [point["folds"][fold] for point in curve], color="0.7", linewidth=1.0, label=label)
    scores = [point["score"] for point in curve]
    axes.plot(values, scores, color="#08519c", marker="o", linewidth=2.0, label="mean of the folds")
    chosen = max(curve, key=lambda point: point["score"])
    axes.plot(
        chosen["c"], chosen["score"], "o", color="#08519c", markersize=13, fillstyle="none", label="chosen"
    )
    axes.set_xscale("log")
    axes.set_xticks(values)
    axes.minorticks_off()
    axes.set_xlabel("C", fontsize=12)
    axes.set_ylabel(f"{metric} (%)", fontsize=12)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=None))
    axes.grid(color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(loc="lower right")
    return figure
