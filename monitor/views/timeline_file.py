"""A timeline as a file: SVG, a page with it, or PNG."""

from __future__ import annotations

import subprocess
from html import escape
from pathlib import Path

from monitor.errors import Exit, MonitorError, safe
from monitor.views.axis import heading
from monitor.views.timeline import Timeline
from monitor.views.timeline_svg import svg

SUFFIXES = (".svg", ".png", ".html")
CONVERTER = ("rsvg-convert", "--format=png", "--zoom=2")
"""Of librsvg: a small program that distributions keep up to date, instead of a second way to draw"""
TIMEOUT_S = 60.0


def write(timeline: Timeline, path: Path) -> None:
    """Write a picture; the end of the name says of which kind.

    Args:
        timeline: what to draw.
        path: ends in one of `SUFFIXES`.

    Raises:
        MonitorError: exit code 69 if the converter for PNG is missing, 74 if the file cannot be written.
    """
    drawn = svg(timeline)
    data = {".png": _png, ".html": _page, ".svg": _plain}[path.suffix.lower()](drawn, timeline)
    try:
        path.write_bytes(data)
    except OSError as exc:
        raise MonitorError(f"{safe(str(path))} cannot be written: {exc.strerror}", Exit.IO) from exc


def _plain(drawn: str, _: Timeline) -> bytes:
    return drawn.encode()


def _page(drawn: str, timeline: Timeline) -> bytes:
    title = escape(heading(timeline.start, timeline.end))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        "<style>body { margin: 0; text-align: center } svg { max-width: 100%; height: auto }</style></head>\n"
        f"<body>\n{drawn}</body></html>\n"
    ).encode()


def _png(drawn: str, _: Timeline) -> bytes:
    try:
        done = subprocess.run(
            CONVERTER, input=drawn.encode(), capture_output=True, check=True, timeout=TIMEOUT_S
        )
    except FileNotFoundError as exc:
        text = (
            f"PNG needs {CONVERTER[0]} (Debian: apt install librsvg2-bin); or choose a name in .svg or .html"
        )
        raise MonitorError(text, Exit.UNAVAILABLE) from exc
    except subprocess.SubprocessError as exc:
        raise MonitorError(
            f"{CONVERTER[0]} failed: {safe(str(exc))}; choose a name in .svg", Exit.IO
        ) from exc
    return done.stdout
