"""Figures as files: the same figure gives the same bytes."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from trainer import files

PNG_DPI = 160
# A fixed font, fixed names inside the SVG, and no date.
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "svg.hashsalt": "activity-monitor",
    "svg.fonttype": "path",
}


def write(folder: Path, name: str, draw: Callable[[], Figure]) -> None:
    """Write `<name>.png` and `<name>.svg`.

    Args:
        folder: exists.
        name: of the files, without ending.
        draw: makes the figure; it is called with the style set, which texts take when they are made.
    """
    with mpl.rc_context(STYLE):
        figure = draw()
        _save(folder / f"{name}.png", figure, dpi=PNG_DPI, metadata={"Software": None})
        _save(folder / f"{name}.svg", figure, metadata={"Date": None})


def _save(path: Path, figure: Figure, **options: Any) -> None:
    content = io.BytesIO()
    figure.savefig(content, format=path.suffix[1:], bbox_inches="tight", **options)
    files.write(path, content.getvalue())
