"""Fixtures of the export's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import toy_training


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished toy run; nobody writes to it."""
    return toy_training.write_run(tmp_path_factory.mktemp("trained"))
