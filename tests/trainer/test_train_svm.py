from __future__ import annotations

import csv
import hashlib
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monitor.errors import MonitorError
from tests import toy_backbone
from tests.toy_training import LABELS, settings, write_data
from trainer import datasets, embeddings, recipes, run
from trainer.cli import main
from trainer.datasets import EVALUATION, DataSet
from trainer.embeddings import extract
from trainer.grid import C_VALUES
from trainer.recipes import SvmRecipe
from trainer.svm import fit, standardise
from trainer.train_svm import train


@pytest.fixture(autouse=True)
def _thumbnails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy backbone is loaded for every recipe."""
    monkeypatch.setattr(embeddings, "load", lambda _: toy_backbone.Thumbnail())


@pytest.fixture
def recipe(tmp_path: Path) -> SvmRecipe:
    """Of the toy backbone."""
    return recipes.load_as(SvmRecipe, toy_backbone.write_recipe(tmp_path))


@pytest.fixture
def data(tmp_path: Path) -> DataSet:
    """Tones in four folds."""
    return datasets.read(write_data(tmp_path / "data"))


def rows(folder: Path) -> list[dict[str, str]]:
    """predictions.csv."""
    with (folder / "predictions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_decision_values_are_out_of_fold(recipe: SvmRecipe, data: DataSet, tmp_path: Path) -> None:
    """Every clip is scored by machines, and a standardisation, that never saw its fold."""
    results = train(data, recipe, tmp_path / "run", None, settings(tmp_path))
    found = extract(data.clips, recipe, settings(tmp_path)).examples[np.arange(len(data.clips))]
    truth = np.array([LABELS.index(clip.label) for clip in data.clips])
    fold = np.array([clip.fold for clip in data.clips])
    written = {row["file"]: [float(row[f"d_{label}"]) for label in LABELS] for row in rows(tmp_path / "run")}
    assert len(written) == len(data.clips)
    for tested in (1, 2, 3, 4):
        machines, _ = fit(standardise(found[fold != tested]), truth[fold != tested], results["c"])
        for index in np.flatnonzero(fold == tested):
            decided = machines.decide(found[index])
            np.testing.assert_allclose(written[data.file(data.clips[index])], decided, rtol=1e-9)
    for row in rows(tmp_path / "run"):
        assert row["predicted"] == LABELS[int(np.argmax(written[row["file"]]))]
    assert results["mean"]["accuracy"] > 0.8


def test_c_is_the_best_of_the_folds(recipe: SvmRecipe, data: DataSet, tmp_path: Path) -> None:
    """The C with the highest mean score is chosen, the smallest among equals; the report shows the curve."""
    wrong = {clip.path: LABELS[index % 3] for index, clip in enumerate(data.clips) if index % 8 > 2}
    data = replace(
        data, clips=tuple(replace(clip, label=wrong.get(clip.path, clip.label)) for clip in data.clips)
    )
    results = train(data, recipe, tmp_path / "run", None, settings(tmp_path))
    curve = results["curve"]
    assert [point["c"] for point in curve] == list(C_VALUES)
    assert C_VALUES[0] == 1e-9
    assert C_VALUES[-1] == 1.0
    for point in curve:
        assert point["score"] == pytest.approx(np.mean(list(point["folds"].values())))
        assert point["converged"]
    best = max(point["score"] for point in curve)
    assert len({point["score"] for point in curve}) > 1
    assert results["c"] == min(point["c"] for point in curve if point["score"] == best)
    assert results["mean"]["accuracy"] == pytest.approx(best)
    report = (tmp_path / "run" / "report.md").read_text()
    assert f"C = {results['c']:g} has the highest accuracy" in report
    assert report.count("| yes |") == len(C_VALUES)
    assert (tmp_path / "run" / "curve.png").stat().st_size > 10_000
    assert "each fold" in (tmp_path / "run" / "curve.svg").read_text()


def test_the_score_that_c_is_chosen_by(recipe: SvmRecipe, data: DataSet, tmp_path: Path) -> None:
    """Where a data set is compared by macro F1, C is, too."""
    by_f1 = train(replace(data, metric="macro_f1"), recipe, tmp_path / "run", None, settings(tmp_path))
    best = max(by_f1["curve"], key=lambda point: point["score"])
    assert by_f1["mean"]["macro_f1"] == pytest.approx(best["score"])


def test_the_evaluation_partition_gets_machines_of_all_folds(
    recipe: SvmRecipe, data: DataSet, tmp_path: Path
) -> None:
    """svm.npz holds machines trained on the whole development partition; they predict what is held out."""
    clips = tuple(replace(clip, fold=clip.fold if clip.fold < 4 else EVALUATION) for clip in data.clips)
    held_out = replace(data, clips=clips)
    results = train(held_out, recipe, tmp_path / "run", None, settings(tmp_path))
    found = extract(clips, recipe, settings(tmp_path)).examples[np.arange(len(clips))]
    learnt = np.array([clip.fold != EVALUATION for clip in clips])
    truth = np.array([LABELS.index(clip.label) for clip in clips])
    wanted, _ = fit(standardise(found[learnt]), truth[learnt], results["c"])
    machines = run.load_svm(tmp_path / "run")
    np.testing.assert_array_equal(machines.weights, wanted.weights)
    _, evaluation = run.load(tmp_path / "run").predictions()
    np.testing.assert_allclose(evaluation.scores, machines.decide(found[~learnt]), rtol=1e-9)
    # Other clips to evaluate on change nothing in what was learnt.
    fewer = replace(held_out, clips=tuple(clip for clip in clips if clip.fold != EVALUATION))
    train(fewer, recipe, tmp_path / "fewer", None, settings(tmp_path))
    assert rows(tmp_path / "fewer") == rows(tmp_path / "run")


def test_channels_are_averaged(recipe: SvmRecipe, tmp_path: Path) -> None:
    """With `channels = "each"` a clip's decision values are the mean over its channels."""
    data = datasets.read(write_data(tmp_path / "four", clips=4, channels=4))
    each = replace(recipe, channels="each")
    results = train(data, each, tmp_path / "run", None, settings(tmp_path))
    found = extract(data.clips, each, settings(tmp_path)).examples[np.arange(4 * len(data.clips))]
    truth = np.array([LABELS.index(clip.label) for clip in data.clips]).repeat(4)
    fold = np.array([clip.fold for clip in data.clips]).repeat(4)
    machines, _ = fit(standardise(found[fold != 1]), truth[fold != 1], results["c"])
    wanted = machines.decide(found[fold == 1]).reshape(-1, 4, len(LABELS)).mean(axis=1)
    development, _ = run.load(tmp_path / "run").predictions()
    np.testing.assert_allclose(development.scores[development.fold == 1], wanted, atol=1e-12)


def test_same_bytes_with_any_number_of_threads(recipe: SvmRecipe, data: DataSet, tmp_path: Path) -> None:
    """Workers change nothing in the result."""
    for threads in (1, 2):
        train(data, recipe, tmp_path / f"{threads}", None, replace(settings(tmp_path), threads=threads))
    for name in ("predictions.csv", "svm.npz", "results.json"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_a_killed_run_is_resumed(recipe: SvmRecipe, data: DataSet, tmp_path: Path) -> None:
    """An unfinished run is finished by --resume, with the same settings only; a finished one is kept."""
    train(data, recipe, tmp_path / "run", [1, 2], settings(tmp_path))
    finished = (tmp_path / "run" / "predictions.csv").read_bytes()
    with pytest.raises(MonitorError, match="is not empty"):
        train(data, recipe, tmp_path / "run", [1, 2], settings(tmp_path))
    with pytest.raises(MonitorError, match="is finished; there is nothing to resume"):
        train(data, recipe, tmp_path / "run", [1, 2], settings(tmp_path), resume=True)
    for name in ("results.json", "predictions.csv"):
        (tmp_path / "run" / name).unlink()
    with pytest.raises(MonitorError, match=r"was begun with other settings \(folds\)"):
        train(data, recipe, tmp_path / "run", [1], settings(tmp_path), resume=True)
    train(data, recipe, tmp_path / "run", [1, 2], settings(tmp_path), resume=True)
    assert (tmp_path / "run" / "predictions.csv").read_bytes() == finished


def test_damaged_machines(recipe: SvmRecipe, data: DataSet, tmp_path: Path) -> None:
    """svm.npz that is missing, cut off or of something else is refused."""
    train(data, recipe, tmp_path / "run", [1], settings(tmp_path))
    path = tmp_path / "run" / "svm.npz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(MonitorError, match=r"svm\.npz is damaged"):
        run.load_svm(tmp_path / "run")
    path.unlink()
    with pytest.raises(MonitorError, match="No such file"):
        run.load_svm(tmp_path / "run")


def test_command_line(tmp_path: Path, data: DataSet, capsys: pytest.CaptureFixture[str]) -> None:
    """`features` fills the cache, `train svm` learns from it; options replace what the recipe says."""
    recipe = toy_backbone.write_recipe(tmp_path)
    options = [f"--data={data.folder}", f"--recipe={recipe}", f"--cache={tmp_path}/cache", "--threads=1"]
    chosen = ["--backbone=densenet121", "--weights=random:3", "--cmap=magma"]
    assert main(["features", *options, *chosen]) == 0
    assert "24 embeddings of 1024 numbers" in capsys.readouterr().out
    assert main(["train", "svm", *options, *chosen, f"--out={tmp_path}/run"]) == 0
    assert "embeddings of" not in capsys.readouterr().out  # all of them were in the cache
    used = run.load_config(tmp_path / "run").recipe
    assert (used.backbone, used.weights, used.picture.cmap) == ("densenet121", "random:3", "magma")
    assert main(["evaluate", f"{tmp_path}/run"]) == 0
    assert "mean of the folds" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--cmap=jet"], "cmap must be one of gray, .*viridis"),
        (
            ["--backbone=alexnet"],
            "backbone must be one of vgg16, vgg19, resnet50, densenet121,",
        ),
        (["--backbone=densenet121-slim", "--weights=imagenet"], "densenet121-slim has no published weights"),
        (["--weights=random:x"], "wanted random:SEED"),
        (["--recipe=esc50"], "recipe 'esc50' is of a CRNN"),
    ],
)
def test_options_that_make_no_sense(
    options: list[str], message: str, tmp_path: Path, data: DataSet, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line on stderr says what is possible."""
    recipe = toy_backbone.write_recipe(tmp_path)
    assert main(["features", f"--data={data.folder}", f"--recipe={recipe}", *options]) != 0
    captured = capsys.readouterr().err
    assert captured.count("\n") == 1
    assert re.search(message, captured)


def test_nested_scores_choose_c_without_the_fold(recipe: SvmRecipe, data: DataSet, tmp_path: Path) -> None:
    """Nested, every fold is scored with the C that is best on the other folds."""
    wrong = {clip.path: LABELS[index % 3] for index, clip in enumerate(data.clips) if index % 8 > 2}
    clips = tuple(replace(clip, label=wrong.get(clip.path, clip.label)) for clip in data.clips)
    results = train(replace(data, clips=clips), recipe, tmp_path / "run", None, settings(tmp_path))
    found = []
    for fold in "1234":
        others = [
            np.mean([score for name, score in point["folds"].items() if name != fold])
            for point in results["curve"]
        ]
        found.append(results["curve"][int(np.argmax(others))]["folds"][fold])
    assert results["nested"]["accuracy"] == pytest.approx(np.mean(found))


def test_calibration_is_reported(recipe: SvmRecipe, data: DataSet, tmp_path: Path) -> None:
    """The temperature ships; errors, coverage and a picture are in the report; one fold has no error."""
    results = train(data, recipe, tmp_path / "run", None, settings(tmp_path))
    assert results["temperature"] > 0
    rows = results["calibration"]["coverage"]
    assert [row["threshold"] for row in rows] == [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    assert "What it would cost to call clips unknown" in (tmp_path / "run" / "report.md").read_text()
    assert (tmp_path / "run" / "calibration.png").is_file()
    alone = train(data, recipe, tmp_path / "one", [1], settings(tmp_path))
    assert alone["calibration"] is None
    assert "Calibration" not in (tmp_path / "one" / "report.md").read_text()


def test_weights_are_told(recipe: SvmRecipe, data: DataSet, tmp_path: Path) -> None:
    """The configuration says which weights the network had; a run does not go on with others."""
    out, path = tmp_path / "run", tmp_path / "ours.pt"
    path.write_bytes(b"some weights")
    recipe = replace(recipe, weights=str(path))
    train(data, recipe, out, None, settings(tmp_path))
    told = run.load_config(out).environment["weights"]
    assert told == f"sha256:{hashlib.sha256(b'some weights').hexdigest()}"
    (out / "results.json").unlink()
    path.write_bytes(b"other weights")
    with pytest.raises(MonitorError, match=r"was begun with other settings \(weights\)"):
        train(data, recipe, out, None, settings(tmp_path), resume=True)
