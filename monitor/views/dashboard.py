"""The terminal dashboard: what is heard is drawn, again and again."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from monitor.stream.messages import Message
from monitor.views.look import colourless
from monitor.views.render import WAITING, render
from monitor.views.state import State

REDRAW_S = 0.25
"""Fewest seconds between two pictures"""


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
        return render(
            self._state,
            datetime.now(UTC),
            width,
            height,
            colourless=colourless(self._console),
            ascii_only=self._console.options.ascii_only,
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
