"""The whole path on small data sets of the published layouts: check, train, predict, report, pack."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from export.pack import pack
from monitor.inference.recognise import Recogniser
from tests.published import write_dcase2017, write_dcase2018, write_esc50
from tests.toy_training import RECIPE, write_recipe
from trainer import run
from trainer.cli import main
from trainer.datasets import EVALUATION


@pytest.mark.parametrize(
    ("write", "labels", "channels"),
    [
        (write_dcase2018, ("absence", "cooking", "eating"), "each"),
        (write_dcase2018, ("absence", "cooking", "eating"), "mono"),
        (write_dcase2017, ("beach", "cafe/restaurant", "tram"), "mono"),
        (write_esc50, ("dog", "hen", "rain"), "each"),
    ],
)
def test_from_the_files_to_a_bundle(
    tmp_path: Path, write: Callable[..., Path], labels: tuple[str, ...], channels: str
) -> None:
    """Every development clip is predicted once, the evaluation clips too, and the bundle runs."""
    data = write(tmp_path / "data", seconds=1.0, labels=labels)
    recipe = write_recipe(tmp_path, f'channels = "{channels}"\n' + RECIPE)
    out = tmp_path / "run"
    options = [f"--data={data}", f"--recipe={recipe}", f"--out={out}", f"--cache={tmp_path}/cache"]
    assert main(["train", "crnn", *options, "--epochs=2", "--threads=1"]) == 0
    development, evaluation = run.load(out).predictions()
    assert evaluation is not None
    assert set(development.fold) == {1, 2, 3, 4}
    assert set(evaluation.fold) == {EVALUATION}
    assert len(set(development.file) | set(evaluation.file)) == len(development.file) + len(evaluation.file)
    assert set(np.unique(development.truth)) == {0, 1, 2}
    results = run.load_results(out)
    assert results["metric"] == ("macro_f1" if write is write_dcase2018 else "accuracy")
    assert ("unknown" in results["evaluation"]) == (write is write_dcase2018)
    for name in ("report.md", "confusion.png", "confusion.svg", "confusion_evaluation.png"):
        assert (out / name).stat().st_size > 500
    made = pack(out, tmp_path / "made.bundle", "made", "", None)
    assert made.manifest.labels == labels
    (member,) = made.manifest.members
    assert member.channels == ("mono" if channels == "mono" else "mean")
    samples = np.random.default_rng(0).uniform(-0.1, 0.1, (4, made.manifest.window)).astype(np.float32)
    assert Recogniser(made).recognise(samples).scores.shape == (3,)
