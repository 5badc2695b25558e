from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monitor.errors import MonitorError
from tests.toy_training import LABELS, settings, write_data, write_recipe
from trainer import datasets, recipes, run
from trainer.cli import main
from trainer.datasets import EVALUATION, DataSet
from trainer.features import extract
from trainer.fusion import fuse, read
from trainer.predictions import Predictions
from trainer.recipes import Recipe
from trainer.run import Run
from trainer.svm import fit, standardise
from trainer.training import Material, begin, finish

CLIPS = 48


def predictions(data: DataSet, seed: int, quality: float) -> Predictions:
    """Scores of a system that is right as often as `quality` lets it."""
    rng = np.random.default_rng(seed)
    truth = np.array([LABELS.index(clip.label) for clip in data.clips])
    scores = rng.standard_normal((len(truth), len(LABELS)))
    scores[np.arange(len(truth)), truth] += quality
    return Predictions(
        file=tuple(data.file(clip) for clip in data.clips),
        fold=np.array([clip.fold for clip in data.clips]),
        group=tuple(clip.group for clip in data.clips),
        array=tuple(clip.array for clip in data.clips),
        truth=truth,
        scores=scores,
    )


def write_member(folder: Path, data: DataSet, recipe: Recipe, said: Predictions) -> Path:
    """A finished run that said this."""
    material = Material(data, extract(data.clips, recipe.front_end, folder.parent / "cache"))
    config = begin(folder, material, recipe, data.folds, settings(folder.parent), resume=False)
    parts = [
        said.take(rows, said.scores[rows])
        for rows in (np.flatnonzero(said.fold != EVALUATION), np.flatnonzero(said.fold == EVALUATION))
    ]
    finish(folder, config, parts[0], parts[1] if len(parts[1].file) else None, {})
    return folder


def loaded(folders: list[Path]) -> list[Run]:
    """Finished runs."""
    return [run.load(folder) for folder in folders]


@pytest.fixture
def data(tmp_path: Path) -> DataSet:
    """Clips in four folds, those of the last held out."""
    found = datasets.read(write_data(tmp_path / "data", clips=CLIPS // 3))
    clips = (replace(clip, fold=clip.fold if clip.fold < 4 else EVALUATION) for clip in found.clips)
    return replace(found, clips=tuple(clips))


@pytest.fixture
def members(data: DataSet, tmp_path: Path) -> list[Path]:
    """Three runs of different quality on the same clips."""
    recipe = recipes.load(write_recipe(tmp_path))
    return [
        write_member(tmp_path / f"member{seed}", data, recipe, predictions(data, seed, quality))
        for seed, quality in enumerate((1.0, 1.5, 0.0))
    ]


def decided(folder: Path, name: str = "predictions.csv") -> dict[str, list[float]]:
    """Decision values of every clip."""
    with (folder / name).open(newline="") as file:
        return {row["file"]: [float(row[f"d_{label}"]) for label in LABELS] for row in csv.DictReader(file)}


def test_what_is_fused(members: list[Path], data: DataSet, tmp_path: Path) -> None:
    """The machines learn from the members' scores side by side, matched by file."""
    results = fuse(members, tmp_path / "fused", threads=1)
    said = [predictions(data, seed, quality) for seed, quality in enumerate((1.0, 1.5, 0.0))]
    features = np.concatenate([each.scores for each in said], axis=1)
    fold, truth = said[0].fold, said[0].truth
    learnt = (fold != 1) & (fold != EVALUATION)
    machines, _ = fit(standardise(features[learnt]), truth[learnt], results["c"])
    found = decided(tmp_path / "fused")
    for row in np.flatnonzero(fold == 1):
        np.testing.assert_allclose(found[said[0].file[row]], machines.decide(features[row]), rtol=1e-6)
    final, _ = fit(standardise(features[fold != EVALUATION]), truth[fold != EVALUATION], results["c"])
    np.testing.assert_allclose(run.load_svm(tmp_path / "fused").weights, final.weights, rtol=1e-6)
    held_out = decided(tmp_path / "fused", "evaluation.csv")
    for row in np.flatnonzero(fold == EVALUATION):
        np.testing.assert_allclose(held_out[said[0].file[row]], final.decide(features[row]), rtol=1e-6)


def test_order_of_rows_does_not_matter(members: list[Path]) -> None:
    """A member whose table is in another order gives the same fusion."""
    stack = read(loaded(members))
    lines = (members[1] / "predictions.csv").read_text().splitlines()
    (members[1] / "predictions.csv").write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    np.testing.assert_array_equal(read(loaded(members)).features, stack.features)


def test_a_poisoned_fold_moves_nothing_else(
    members: list[Path], data: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that is known of a fold's clips, scores or classes, reaches the machines that test it."""
    monkeypatch.setattr("trainer.grid.C_VALUES", (0.01,))  # the choice of C is a matter of all folds
    fuse(members, tmp_path / "fused", threads=1)
    sound = decided(tmp_path / "fused")
    recipe = run.load_config(members[0]).recipe
    said = predictions(data, 0, 1.0)
    poisoned = replace(said, scores=np.where((said.fold == 2)[:, None], 1e3 - said.scores, said.scores))
    write_member(tmp_path / "poisoned", data, recipe, poisoned)
    fuse([tmp_path / "poisoned", *members[1:]], tmp_path / "again", threads=1)
    moved = decided(tmp_path / "again")
    fold = dict(zip(said.file, said.fold.tolist(), strict=True))
    learnt_without = [file for file in sound if fold[file] == 2]
    machines = {file: np.abs(np.array(moved[file]) - np.array(sound[file])).max() for file in learnt_without}
    assert min(machines.values()) > 1  # its own features are poisoned ...
    stack, again = (read(loaded([first, *members[1:]])) for first in (members[0], tmp_path / "poisoned"))
    rows = np.flatnonzero((stack.fold != 2) & (stack.fold != EVALUATION))
    before, _ = fit(standardise(stack.values(rows)), stack.truth[rows], 0.01)
    after, _ = fit(standardise(again.values(rows)), again.truth[rows], 0.01)
    np.testing.assert_array_equal(before.weights, after.weights)  # ... but not the machines that test it
    held_out = decided(tmp_path / "again", "evaluation.csv")
    assert held_out != decided(tmp_path / "fused", "evaluation.csv")  # those learn from all folds


def test_members_are_weighed(members: list[Path], tmp_path: Path) -> None:
    """Each member has its own score, the fusion's without it, and what it adds; the report shows them."""
    results = fuse(members, tmp_path / "fused", threads=1)
    assert [Path(member["run"]).name for member in results["members"]] == ["member0", "member1", "member2"]
    for member, folder in zip(results["members"], members, strict=True):
        assert member["mean"] == run.load_results(folder)["mean"]
    left = fuse([members[0], members[2]], tmp_path / "left", threads=1)
    assert results["members"][1]["without"] == left["nested"]
    gain = results["members"][1]["adds"]["value"]
    pooled = [run.load_results(tmp_path / name)["nested"]["accuracy"] for name in ("fused", "left")]
    assert gain == pytest.approx(pooled[0] - pooled[1], abs=1e-9)
    assert "fusion without it" in (tmp_path / "fused" / "report.md").read_text()


def test_resume_and_evaluate(members: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A fusion is a run like any other: it can be resumed, and its scores printed."""
    command = ["fuse", *map(str, members), f"--out={tmp_path}/fused", "--threads=1"]
    assert main(command) == 0
    assert "with C chosen by the other folds" in capsys.readouterr().out
    assert main(command) == 65  # it is there already
    before = (tmp_path / "fused" / "predictions.csv").read_bytes()
    (tmp_path / "fused" / "results.json").unlink()
    fuse(members, tmp_path / "fused", threads=1, resume=True)
    assert (tmp_path / "fused" / "predictions.csv").read_bytes() == before
    assert main(["evaluate", f"{tmp_path}/fused"]) == 0
    config = json.loads((tmp_path / "fused" / "config.json").read_text())
    assert [Path(member["run"]).name for member in config["recipe"]["members"]] == [
        "member0",
        "member1",
        "member2",
    ]


def test_runs_that_do_not_go_together(members: list[Path], data: DataSet, tmp_path: Path) -> None:
    """Other clips, classes or folds, an unfinished run, and a single run are refused, with names."""
    recipe = run.load_config(members[0]).recipe
    fewer = replace(data, clips=tuple(clip for clip in data.clips if clip.path.stem != "low3"))
    other = write_member(tmp_path / "fewer", fewer, recipe, predictions(fewer, 5, 1.0))
    with pytest.raises(MonitorError, match=r"fewer cannot be fused with .*member0: it has other data"):
        fuse([members[0], other], tmp_path / "fused", threads=1)
    lines = (members[1] / "predictions.csv").read_text().splitlines(keepends=True)
    (members[1] / "predictions.csv").write_text("".join(lines[:-1]))
    with pytest.raises(MonitorError, match=r"1 clips are in only one of them, such as .*\.wav"):
        fuse(members[:2], tmp_path / "fused", threads=1)
    (members[1] / "predictions.csv").unlink()
    with pytest.raises(MonitorError, match=r"member1/predictions\.csv: No such file"):
        fuse(members[:2], tmp_path / "fused", threads=1)
    (members[2] / "results.json").unlink()
    with pytest.raises(MonitorError, match=r"member2 is not finished"):
        fuse([members[0], members[2]], tmp_path / "fused", threads=1)
    with pytest.raises(MonitorError, match="needs two runs or more"):
        fuse(members[:1], tmp_path / "fused", threads=1)
    assert not (tmp_path / "fused").exists()
