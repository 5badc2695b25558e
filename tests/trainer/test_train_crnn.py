from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from monitor.errors import MonitorError
from tests.toy_training import LABELS, RATE, RECIPE, sound, write_data, write_recipe
from trainer import datasets, recipes, run
from trainer.features import extract
from trainer.train_crnn import predict, rate, train, with_changes


def rows(folder: Path) -> list[dict[str, str]]:
    """predictions.csv."""
    with (folder / "predictions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_learns_what_is_easy(run_folder: Path) -> None:
    """Tones and noise are told apart after a few epochs."""
    results = json.loads((run_folder / "results.json").read_text())
    assert results["mean"]["accuracy"] > 0.8
    assert results["pooled"]["clips"] == 12
    assert list(results["folds"]) == ["1", "2"]


def test_predictions_hold_every_tested_clip(run_folder: Path) -> None:
    """Every clip of the tested folds has a row: posteriors that sum to 1, their largest the prediction."""
    table = rows(run_folder)
    assert len(table) == 12
    for row in table:
        posteriors = [float(row[f"p_{label}"]) for label in LABELS]
        assert sum(posteriors) == pytest.approx(1.0, abs=1e-6)
        assert row["predicted"] == LABELS[int(np.argmax(posteriors))]
        assert row["fold"] in ("1", "2")
        assert row["file"].split("/")[0] == row["label"]


def test_saved_models_predict_the_same(run_folder: Path) -> None:
    """A model read back gives the posteriors in predictions.csv to the last digit."""
    config = run.load_config(run_folder)
    data = datasets.read(Path(config.data["path"]))
    features = extract(data.clips, config.recipe.log_mel, config.recipe.window_seconds)
    (model,) = run.load_models(run_folder, [2])
    test = np.flatnonzero(np.array([clip.fold for clip in data.clips])[features.clip] == 2)
    clips, posteriors = predict(model, features, test)
    written = {row["file"]: [float(row[f"p_{label}"]) for label in LABELS] for row in rows(run_folder)}
    for clip, posterior in zip(clips, posteriors, strict=True):
        np.testing.assert_allclose(written[data.file(data.clips[clip])], posterior, atol=1e-6)


def test_same_seed_same_bytes(run_folder: Path, tmp_path: Path) -> None:
    """The same seed gives the same predictions, also when a fold is trained alone; another seed does not."""
    config = run.load_config(run_folder)
    data = datasets.read(Path(config.data["path"]))
    train(data, config.recipe, tmp_path / "again", [2], threads=1)
    assert rows(tmp_path / "again") == [row for row in rows(run_folder) if row["fold"] == "2"]
    train(data, with_changes(config.recipe, 1, 7), tmp_path / "other", [2], threads=1)
    assert rows(tmp_path / "other") != rows(tmp_path / "again")


def test_config_repeats_the_run(run_folder: Path) -> None:
    """config.json holds recipe, data, folds and versions."""
    config = run.load_config(run_folder)
    assert config.labels == LABELS
    assert config.folds == (1, 2)
    assert config.recipe.epochs == 10
    assert config.data["clips"] == 24
    assert "torch" in config.versions


def test_channels_are_averaged(tmp_path: Path) -> None:
    """A clip's posterior is the mean over its channels."""
    data = datasets.read(write_data(tmp_path / "data", clips=4, channels=3))
    recipe = with_changes(recipes.load(write_recipe(tmp_path)), 1, None)
    features = extract(data.clips, recipe.log_mel, recipe.window_seconds)
    train(data, recipe, tmp_path / "run", [1], threads=1)
    (model,) = run.load_models(tmp_path / "run", [1])
    assert len(features.clip) == 36
    _, single = predict(model, type(features)(features.log_mel, np.arange(36), ()), np.arange(36))
    _, mean = predict(model, features, np.arange(36))
    np.testing.assert_allclose(mean, single.reshape(12, 3, 3).mean(axis=1), atol=1e-6)


def test_rates_of_the_schedules(tmp_path: Path) -> None:
    """The paper's rate falls as 1 / (1 + decay * t); the cosine rises for a twentieth and ends at 0."""
    recipe = recipes.load(write_recipe(tmp_path))
    assert rate(recipe, 0, 1000) == 1.0
    assert rate(recipe, 500, 1000) == pytest.approx(0.5)
    recipe = replace(recipe, schedule="cosine", decay=0.0)
    rates = [rate(recipe, update, 1000) for update in range(1001)]
    assert rates[0] == pytest.approx(0.02)
    assert np.argmax(rates) == 49
    assert rates[500] == pytest.approx(0.5)
    assert rates[1000] == 0.0
    assert np.all(np.diff(rates[50:]) < 0)


def test_augmented_run_learns_and_repeats(tmp_path: Path) -> None:
    """With everything that a recipe can switch on, toys are learnt and the same seed gives the same bytes."""
    text = RECIPE.replace("decay = 0.002", "decay = 0.0\nschedule = 'cosine'\nweight_decay = 0.01")
    text = (
        text.replace("gru_units", "readout = 'mean'\ngru_units")
        + "[augment]\ntime_shift = true\nmixup = 0.3\n"
    )
    recipe = recipes.load(write_recipe(tmp_path, text))
    data = datasets.read(write_data(tmp_path / "data"))
    results = train(data, recipe, tmp_path / "run", [1], threads=1)
    assert results["mean"]["accuracy"] > 0.8
    train(data, recipe, tmp_path / "again", [1], threads=1)
    assert rows(tmp_path / "again") == rows(tmp_path / "run")
    assert run.load_config(tmp_path / "run").recipe == replace(recipe, model=dict(recipe.model))


def test_short_clip_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A clip that is too short is left out of the run and named."""
    write_data(tmp_path / "data")
    soundfile.write(tmp_path / "data" / "low" / "short.wav", sound("low", 0.5, 9), RATE)
    data = datasets.read(tmp_path / "data")
    train(data, with_changes(recipes.load(write_recipe(tmp_path)), 1, None), tmp_path / "run", [1], threads=1)
    assert "1 of 25 clips are too short and left out: low/short.wav" in capsys.readouterr().out
    assert run.load_config(tmp_path / "run").data["left_out"] == ["low/short.wav"]
    assert not any(row["file"] == "low/short.wav" for row in rows(tmp_path / "run"))


def test_loss_that_is_no_number(tmp_path: Path) -> None:
    """Training stops when the loss is no longer a number, and says where."""
    recipe = recipes.load(write_recipe(tmp_path, RECIPE.replace("0.01", "1e30")))
    with pytest.raises(
        MonitorError, match=r"the loss is nan in epoch \d, update \d; try a learning rate below"
    ):
        train(datasets.read(write_data(tmp_path / "data")), recipe, tmp_path / "run", [1], threads=1)


def test_unknown_fold(tmp_path: Path) -> None:
    """A fold that the data does not have is refused before anything is written."""
    data = datasets.read(write_data(tmp_path / "data"))
    with pytest.raises(MonitorError, match="has the folds 1, 2, 3, 4, not 9"):
        train(data, recipes.load(write_recipe(tmp_path)), tmp_path / "run", [9], threads=1)
    assert not (tmp_path / "run").exists()


def test_existing_run_is_kept(run_folder: Path) -> None:
    """A folder with something in it is not written to."""
    config = run.load_config(run_folder)
    data = datasets.read(Path(config.data["path"]))
    with pytest.raises(MonitorError, match="is not empty; choose another --out"):
        train(data, config.recipe, run_folder, [1], threads=1)


def test_fold_of_short_clips_only(tmp_path: Path) -> None:
    """A fold whose clips are all too short is named before anything is written."""
    write_data(tmp_path / "data")
    for path in sorted((tmp_path / "data").glob("*/*[26].wav")):
        soundfile.write(path, sound("low", 0.5, 9), RATE)
    data = datasets.read(tmp_path / "data")
    with pytest.raises(MonitorError, match="fold 3 has no clip that is long enough"):
        train(data, recipes.load(write_recipe(tmp_path)), tmp_path / "run", None, threads=1)
    assert not (tmp_path / "run").exists()


def test_unfinished_run(tmp_path: Path, run_folder: Path) -> None:
    """A run that was interrupted says so."""
    run.create(tmp_path / "run", run.load_config(run_folder))
    with pytest.raises(MonitorError, match=r"is not finished: it has no results\.json"):
        run.load_results(tmp_path / "run")


def test_damaged_model(tmp_path: Path) -> None:
    """A checkpoint that is no checkpoint is named."""
    (tmp_path / "fold1.pt").write_bytes(b"nonsense")
    with pytest.raises(MonitorError, match=r"fold1\.pt cannot be read"):
        run.load_models(tmp_path, [1])
