"""Fixtures for all tests."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import hypothesis
import pytest

from monitor.inference import bundle
from tests.toys import toy_manifest, toy_model

# Timing is no test: a busy machine is slow.
hypothesis.settings.register_profile("tests", deadline=None)
hypothesis.settings.load_profile("tests")
# A shell starts background jobs with SIGINT ignored, which the programs under test would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def toy_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Path of a bundle that tells three tones apart."""
    path = tmp_path_factory.mktemp("bundles") / "toy.bundle"
    manifest = toy_manifest()
    bundle.write(path, manifest, {"tones.onnx": toy_model(manifest.log_mel, manifest.frames)})
    return path


@pytest.fixture
def endpoint() -> str:
    """A live endpoint on a port that is free, as is the next one."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return f"tcp://127.0.0.1:{port}"
