"""From clips on disk through trainer, export and daemon: one and the same prediction."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.toys import SHARED
from trainer import datasets, recipes
from trainer.train_crnn import train
from trainer.training import Settings

ESC10 = SHARED / "esc10"


def run(module: str, *arguments: object) -> str:
    """A command in a process of its own; its stdout."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was trained, briefly and with few filters, on folds 1 to 3 and tested on fold 4."""
    out = tmp_path_factory.mktemp("run") / "esc10"
    recipe = recipes.load("esc50")
    recipe = replace(recipe, epochs=2, model=recipe.model | {"filters": [16, 16, 16, 16]})
    settings = Settings(threads=2, device="cpu", cache=out.parent / "cache")
    train(datasets.read(ESC10), recipe, out, [4], settings)
    return out


@pytest.mark.skipif(not ESC10.is_dir(), reason="needs the real clips of ../shared/data/esc10")
def test_the_daemon_says_what_the_trainer_says(trained: Path, tmp_path: Path) -> None:
    """Every clip of fold 4, replayed as an array: the same label, and scores within 1e-4."""
    run("export.cli", "bundle", trained, "-o", tmp_path / "esc10.bundle")
    clips = tmp_path / "fold4"
    clips.mkdir()
    for clip in (ESC10 / "audio").glob("4-*.ogg"):
        (clips / clip.name).symlink_to(clip)
    options = ("--mono-to-all", "--speed", "max", "--json", "--publish", "none")
    lines = run("monitor.cli", "--replay", clips, "--bundle", tmp_path / "esc10.bundle", *options)
    messages = [json.loads(line) for line in lines.splitlines()]
    labels = {message["file"]: message for message in messages if message["type"] == "label"}
    with (trained / "predictions.csv").open(newline="") as file:
        rows = {Path(row["file"]).name: row for row in csv.DictReader(file)}
    assert len(labels) == sum(message["type"] == "label" for message in messages)
    assert labels.keys() == rows.keys()
    assert len(rows) == 79  # the 80th clip is 3.6 s long: a gap in one, left out in the other
    differences = [difference(labels[name], row) for name, row in rows.items()]
    assert max(differences) < 1e-4


def difference(message: dict[str, Any], row: dict[str, str]) -> float:
    """Largest difference between the scores of a message and a prediction; infinite if labels differ."""
    if message["label"] != row["predicted"]:
        return float("inf")
    return max(abs(score - float(row[f"p_{label}"])) for label, score in message["scores"].items())
