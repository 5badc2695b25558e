"""The errors a user sees: one class, an exit code and a message of one or two lines."""

from __future__ import annotations

import difflib
import enum
import unicodedata
from collections.abc import Iterable


class Exit(enum.IntEnum):
    """Exit codes of every command (sysexits.h where one fits)."""

    OK = 0
    USAGE = 2
    DATA = 65
    """Bad bundle, wrong channel count, unusable audio."""
    NO_INPUT = 66
    """File missing, folder without audio."""
    UNAVAILABLE = 69
    """Device absent or busy, port in use."""
    IO = 74
    """Capture lost and retries exhausted, journal not writable."""
    NO_PERMISSION = 77
    CONFIG = 78


class MonitorError(Exception):
    """Something the user can mend: the message says what was wanted, what was found and what to do."""

    exit_code: Exit = Exit.DATA

    def __init__(self, message: str, exit_code: Exit | None = None) -> None:
        super().__init__(message)
        if exit_code is not None:
            self.exit_code = exit_code


def safe(text: str, limit: int = 500) -> str:
    """Text from outside (file names, labels, device names) made harmless for a terminal.

    Control, format, surrogate and unassigned characters are dropped, among them escape sequences and
    bidirectional overrides, and at most two combining marks in a row are kept. A line break becomes a space.

    Args:
        text: any string.
        limit: most characters to return; what is cut off is replaced by an ellipsis.
    """
    kept: list[str] = []
    combining = 0
    for char in unicodedata.normalize("NFC", text[: 4 * limit]):
        combining = combining + 1 if unicodedata.combining(char) else 0
        if char in "\n\r\t":
            kept.append(" ")
        elif not unicodedata.category(char).startswith("C") and combining <= 2:
            kept.append(char)
    cleaned = "".join(kept)
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 1] + "…"


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean ...?` for a mistyped word, or nothing."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else ""
