from __future__ import annotations

import os

import pytest

from monitor.errors import MonitorError
from trainer.simulate.workers import each


def test_results_come_in_the_order_of_the_jobs() -> None:
    """Whichever process did them."""
    assert list(each(abs, [-3, 1, -2, 0], 2, "count")) == [3, 1, 2, 0]


def test_an_error_comes_through() -> None:
    """What a job raises is raised here."""
    with pytest.raises(ValueError, match="invalid literal"):
        list(each(int, ["1", "x"], 1, "count"))


def test_a_process_that_was_killed() -> None:
    """It is exit code 74 with advice, not a traceback."""
    with pytest.raises(MonitorError, match=r"a process was killed.*fewer --processes") as caught:
        list(each(os._exit, [1], 1, "count"))
    assert caught.value.exit_code == 74
