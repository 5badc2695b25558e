"""Floods cost the publisher at most its life; `python -m tests.floods` has more of everything."""

from __future__ import annotations

from typing import get_args

import pytest

from tests.floods import FLOODS, MOST_MB, Peer, flood


@pytest.mark.parametrize("peer", get_args(Peer))
def test_a_listener_gets_everything_once(peer: Peer) -> None:
    """While all floods come together, from clients that may connect or from strangers."""
    row = flood(dict(zip(FLOODS, (4000, 2000, 2000, 200, 50), strict=True)), peer)
    assert row["messages"] > 10
    assert row["lost"] == 0
    assert row["memory"] < MOST_MB
    if peer == "stranger":
        assert row["ended"] == 0
