"""What waits for recognition."""

from __future__ import annotations

import threading
import time

import numpy as np

from monitor.audio.backlog import LIMIT, Backlog
from monitor.audio.sources import Gap
from monitor.audio.windows import Window

HOP = 10


def window(number: int) -> Window:
    """The window with the given number."""
    return Window(
        np.zeros((1, HOP), dtype=np.float32), number * HOP, (number + 1) * HOP, (number + 1) * HOP, 0.0
    )


def drain(backlog: Backlog[str]) -> list[Window | Gap | None]:
    """All items that wait."""
    items = []
    while (entry := backlog.get(0.0)) is not None:
        items.append(entry[1])
    return items


def test_a_live_array_loses_its_oldest_windows() -> None:
    """Overload skips the oldest windows, keeps the order, counts them, and leaves one gap in their place."""
    backlog: Backlog[str] = Backlog(HOP)
    for number in range(LIMIT + 3):
        backlog.put("hall", window(number), live=True)
    assert (backlog.waiting("hall"), backlog.skipped("hall")) == (LIMIT, 3)
    gap, *kept = drain(backlog)
    assert gap == Gap(0, 3 * HOP, "overload")
    assert [item.start for item in kept if item] == [k * HOP for k in range(3, LIMIT + 3)]


def test_other_gaps_keep_their_place() -> None:
    """Among skipped windows, too."""
    backlog: Backlog[str] = Backlog(HOP)
    for number in range(2 * LIMIT + 1):
        item = Gap(HOP, 2 * HOP, "stalled") if number == 1 else window(number)
        backlog.put("hall", item, live=True)
        backlog.put("kitchen", Gap(0, 1, "stopped"), live=True)
    hall = []
    while (entry := backlog.get(0.0)) is not None:
        hall += [entry[1]] if entry[0] == "hall" else []
    assert hall[:3] == [
        Gap(0, HOP, "overload"),
        Gap(HOP, 2 * HOP, "stalled"),
        Gap(2 * HOP, (LIMIT + 1) * HOP, "overload"),
    ]
    assert len(hall) == 3 + LIMIT


def test_what_waits_is_bounded_however_long_recognition_halts() -> None:
    """A week of windows leaves as many entries as a minute."""
    backlog: Backlog[str] = Backlog(HOP)
    for number in range(60_480):
        backlog.put("hall", window(number), live=True)
    assert len(drain(backlog)) == LIMIT + 1


def test_one_array_does_not_crowd_out_another() -> None:
    """The limit is for each array by itself."""
    backlog: Backlog[str] = Backlog(HOP)
    backlog.put("kitchen", window(0), live=True)
    for number in range(LIMIT + 1):
        backlog.put("hall", window(number), live=True)
    assert backlog.waiting("kitchen") == 1
    assert backlog.waiting("hall") == LIMIT


def test_a_replay_waits_until_there_is_room() -> None:
    """Replayed audio is never skipped, however slow recognition is."""
    backlog: Backlog[str] = Backlog(HOP)
    numbers = range(3 * LIMIT)
    thread = threading.Thread(target=lambda: [backlog.put("file", window(n), live=False) for n in numbers])
    thread.start()
    time.sleep(0.05)
    assert backlog.waiting("file") == LIMIT
    items = []
    while len(items) < len(numbers):
        entry = backlog.get(5.0)
        assert entry is not None
        items.append(entry[1])
    thread.join(5.0)
    assert [item.start for item in items if isinstance(item, Window)] == [n * HOP for n in numbers]


def test_gaps_of_a_replay_wait_as_well() -> None:
    """A folder of files shorter than a window is gaps only."""
    backlog: Backlog[str] = Backlog(HOP)

    def read() -> None:
        for number in range(3 * LIMIT):
            backlog.put("file", Gap(number, number + 1, "end_of_file"), live=False)

    thread = threading.Thread(target=read)
    thread.start()
    time.sleep(0.05)
    assert thread.is_alive()
    assert len([backlog.get(5.0) for _ in range(3 * LIMIT)]) == 3 * LIMIT
    thread.join(5.0)
    assert not thread.is_alive()


def test_stop_releases_a_waiting_replay() -> None:
    """Nobody waits for room once the run is being stopped."""
    backlog: Backlog[str] = Backlog(HOP)
    for number in range(LIMIT):
        backlog.put("file", window(number), live=False)
    thread = threading.Thread(target=backlog.put, args=("file", window(LIMIT)), kwargs={"live": False})
    thread.start()
    backlog.stop()
    thread.join(5.0)
    assert not thread.is_alive()
