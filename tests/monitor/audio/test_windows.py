"""Blocks -> windows."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.audio.sources import Block, Gap
from monitor.audio.windows import Window, windows

WINDOW = 100


def counter(start: int, end: int) -> Block:
    """A block whose samples are their own indices."""
    return Block(np.arange(start, end, dtype=np.float32)[None].repeat(2, axis=0), start, float(end))


def cut(*records: Block | Gap, hop: int = WINDOW) -> list[Window | Gap]:
    """All windows and gaps."""
    return list(windows(records, WINDOW, hop))


def spans(items: list[Window | Gap]) -> list[tuple[str, int, int]]:
    """Kind, start and end of each item."""
    return [(item.reason if isinstance(item, Gap) else "window", item.start, item.end) for item in items]


@given(st.lists(st.integers(1, 250), max_size=12), st.integers(1, WINDOW))
def test_any_chunking_equals_one_shot(cuts: list[int], hop: int) -> None:
    """However the samples arrive, the windows are the same."""
    edges = [0, *np.minimum(np.cumsum(cuts), 733).tolist(), 733]
    chunked = cut(*(counter(a, b) for a, b in pairwise(edges) if b > a), hop=hop)
    whole = cut(counter(0, 733), hop=hop)
    assert spans(chunked) == spans(whole)
    for one, other in zip(chunked, whole, strict=True):
        if isinstance(one, Window) and isinstance(other, Window):
            np.testing.assert_array_equal(one.samples, other.samples)


def test_a_window_holds_its_samples() -> None:
    """Window k begins at sample k * hop and holds the samples from there."""
    items = cut(counter(0, 200), hop=30)
    whole = [item for item in items if isinstance(item, Window)]
    assert [window.start for window in whole] == [0, 30, 60, 90]
    for window in whole:
        np.testing.assert_array_equal(window.samples[1], np.arange(window.start, window.start + WINDOW))


def test_a_gap_starts_a_fresh_window() -> None:
    """After a gap the next window begins with the first sample after it."""
    items = cut(counter(0, 150), Gap(150, 170, "overflow"), counter(170, 270))
    assert spans(items) == [("window", 0, 100), ("overflow", 100, 170), ("window", 170, 270)]


def test_the_rest_of_a_file_is_a_gap() -> None:
    """What is shorter than a window at the end of a file is not padded."""
    items = cut(counter(0, 180), Gap(180, 180, "end_of_file"), counter(180, 280))
    assert spans(items) == [("window", 0, 100), ("end_of_file", 100, 180), ("window", 180, 280)]


def test_a_window_that_misses_one_percent_is_completed() -> None:
    """99 of 100 samples make a window, completed with zeros and saying so; 98 make a gap."""
    (window,) = cut(counter(0, 99), Gap(99, 99, "end_of_file"))
    assert isinstance(window, Window)
    assert (window.start, window.end, window.valid_fraction) == (0, 99, 0.99)
    np.testing.assert_array_equal(window.samples[0], [*range(99), 0])
    assert spans(cut(counter(0, 98), Gap(98, 98, "end_of_file"))) == [("end_of_file", 0, 98)]


def test_audio_that_simply_ends_was_stopped() -> None:
    """When the source is closed in the middle of a window, that time is a gap `stopped`."""
    assert spans(cut(counter(0, 120))) == [("window", 0, 100), ("stopped", 100, 120)]


@given(
    st.lists(st.tuples(st.integers(1, 260), st.integers(0, 60)), min_size=1, max_size=8),
    st.integers(1, WINDOW),
)
def test_windows_and_gaps_account_for_every_sample(pieces: list[tuple[int, int]], hop: int) -> None:
    """Every sample is in a window or in a gap, never in both, and in order."""
    records: list[Block | Gap] = []
    end = 0
    for received, lost in pieces:
        records += [counter(end, end + received), Gap(end + received, end + received + lost, "overflow")]
        end += received + lost
    covered = 0
    for item in cut(*records, hop=hop):
        assert item.start <= covered
        assert not isinstance(item, Gap) or item.start == covered
        assert item.end > covered
        covered = item.end
    assert covered == end


@pytest.mark.parametrize("hop", [0, -1, WINDOW + 1])
def test_a_hop_beyond_the_window_is_refused(hop: int) -> None:
    """A hop longer than the window would leave samples out."""
    with pytest.raises(ValueError, match="hop must be from 1 to 100"):
        cut(counter(0, 10), hop=hop)
