"""What the signals do that ask a program to end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STOP_SECONDS = 1.5
"""After a signal a run may take so long to end; then whatever it waits for (a reader of stdout, a sound card
that does not open) is given up"""


def on_signals(handler: Callable[..., object], *numbers: signal.Signals) -> None:
    """Handle these signals, except those that the program was started to ignore."""
    for number in numbers:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, handler)


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """An event that a signal sets; what has not ended by itself `STOP_SECONDS` later is interrupted."""
    stop = threading.Event()

    def end(*_: object) -> None:
        stop.set()
        signal.setitimer(signal.ITIMER_REAL, STOP_SECONDS)

    signal.signal(signal.SIGALRM, signal.default_int_handler)
    on_signals(end, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    try:
        yield stop
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
