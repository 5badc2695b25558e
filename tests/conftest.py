"""Fixtures for all tests."""

from __future__ import annotations

import random
import signal
import socket
from pathlib import Path

import hypothesis
import pytest

from tests.toys import write_toy_bundle

# Timing is no test: a busy machine is slow.
hypothesis.settings.register_profile("tests", deadline=None)
hypothesis.settings.load_profile("tests")
# A shell starts background jobs with SIGINT ignored, which the programs under test would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def toy_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Path of a bundle that tells three tones apart."""
    return write_toy_bundle(tmp_path_factory.mktemp("bundles") / "toy.bundle")


# Below the range that the system gives to outgoing connections: a client that waits for its daemon on such a
# port could otherwise connect to itself and take it. In any order, so that workers, and other checkouts whose
# tests run at the same time, do not take the same ones.
PORTS = iter(random.sample(range(20_000, 32_000, 2), k=6_000))


def free_port() -> int:
    """A port that is free, as is the next one."""
    for port in PORTS:
        with socket.socket() as first, socket.socket() as second:
            try:
                first.bind(("127.0.0.1", port))
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
    raise RuntimeError("no free ports")


@pytest.fixture
def endpoint() -> str:
    """A live endpoint on a port that is free, as is the next one."""
    return f"tcp://127.0.0.1:{free_port()}"


@pytest.fixture
def port() -> int:
    """Another port that is free."""
    return free_port()
