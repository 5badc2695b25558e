"""Fixtures of the export's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import toy_resnet, toy_training
from trainer.models import backbones


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished toy run; nobody writes to it."""
    return toy_training.write_run(tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="module")
def tiny_resnet() -> Iterator[None]:
    """resnet50 is something smaller."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(backbones.BACKBONES, "resnet50", toy_resnet.FACTS)
        yield
