"""What a terminal gets to see of text from outside."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import safe


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Küche 1", "Küche 1"),
        ("[red]x[/red]", "[red]x[/red]"),
        ("\x1b[2Jx", "[2Jx"),
        ("\x1b]52;c;AAAA\x07", "]52;c;AAAA"),
        ("a\r\nb\tc", "a  b c"),
        ("\x9b31mx\x00\x7f", "31mx"),
        ("abc\u202ecba", "abccba"),
        ("a\u200bb\ud800c", "abc"),
        ("x" + "\u0301" * 3000, "x\u0301\u0301"),
    ],
)
def test_control_is_taken_from_text(text: str, cleaned: str) -> None:
    """Escape sequences, bidirectional overrides and heaps of accents lose their power."""
    assert safe(text) == cleaned


def test_long_text_is_cut() -> None:
    """A label of 100 kB does not fill the screen."""
    assert safe("x" * 100_000, 10) == "x" * 9 + "…"


@given(st.text())
def test_no_text_brings_control_characters(text: str) -> None:
    """Whatever comes in, only printable characters go out."""
    assert all(not unicodedata.category(char).startswith("C") for char in safe(text))
