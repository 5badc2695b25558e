from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import soundfile

from monitor.errors import MonitorError
from tests.toy_training import LABELS, RATE, RECIPE, settings, sound, write_data, write_recipe
from trainer import datasets, folds, recipes, run
from trainer.datasets import EVALUATION
from trainer.features import extract
from trainer.fit import fit, predict
from trainer.models.crnn import Crnn
from trainer.recipes import CrnnRecipe, with_changes
from trainer.train_crnn import train


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


def test_saved_models_predict_the_same(run_folder: Path, tmp_path: Path) -> None:
    """A model read back gives the posteriors in predictions.csv to the last digit."""
    config = run.load_config(run_folder)
    data = datasets.read(Path(config.data["path"]))
    features = extract(data.clips, config.recipe.front_end, tmp_path)
    (model,) = folds.load_models(run_folder, [2])
    test = np.flatnonzero(np.array([clip.fold for clip in data.clips])[features.clip] == 2)
    written = {row["file"]: [float(row[f"p_{label}"]) for label in LABELS] for row in rows(run_folder)}
    for example, posterior in zip(test, predict(model, features.examples, test), strict=True):
        clip = data.clips[features.clip[example]]
        np.testing.assert_allclose(written[data.file(clip)], posterior, atol=1e-6)


def test_same_seed_same_bytes(run_folder: Path, tmp_path: Path) -> None:
    """The same seed gives the same predictions, also when a fold is trained alone; another seed does not."""
    config = run.load_config(run_folder)
    data = datasets.read(Path(config.data["path"]))
    train(data, config.recipe, tmp_path / "again", [2], settings(tmp_path))
    assert rows(tmp_path / "again") == [row for row in rows(run_folder) if row["fold"] == "2"]
    train(
        data,
        with_changes(config.recipe, {"epochs": 1, "seed": 7}),
        tmp_path / "other",
        [2],
        settings(tmp_path),
    )
    assert rows(tmp_path / "other") != rows(tmp_path / "again")


def test_config_repeats_the_run(run_folder: Path) -> None:
    """config.json holds recipe, data, folds and versions."""
    config = run.load_config(run_folder)
    assert config.labels == LABELS
    assert config.folds == (1, 2)
    assert config.recipe.epochs == 10
    assert config.data["clips"] == 24
    assert "torch" in config.environment


def test_channels_are_averaged(tmp_path: Path) -> None:
    """A clip's posterior is the mean over its channels."""
    data = datasets.read(write_data(tmp_path / "data", clips=4, channels=3))
    recipe = with_changes(recipes.load(write_recipe(tmp_path)), {"epochs": 1})
    features = extract(data.clips, recipe.front_end, tmp_path)
    train(data, recipe, tmp_path / "run", [1], settings(tmp_path))
    (model,) = folds.load_models(tmp_path / "run", [1])
    assert len(features.clip) == 36
    tested = np.flatnonzero([data.clips[clip].fold == 1 for clip in features.clip])
    single = predict(model, features.examples, tested)
    (predictions, _) = run.load(tmp_path / "run").predictions()
    np.testing.assert_allclose(predictions.scores, single.reshape(-1, 3, 3).mean(axis=1), atol=1e-6)


def test_rates_of_the_schedules(tmp_path: Path) -> None:
    """The paper's rate falls as 1 / (1 + decay * t); the cosine rises for a twentieth and ends at 0."""
    recipe = recipes.load(write_recipe(tmp_path))
    assert recipe.rate(0, 1000) == recipe.learning_rate
    assert recipe.rate(500, 1000) == pytest.approx(0.5 * recipe.learning_rate)
    recipe = replace(recipe, schedule="cosine", decay=0.0)
    rates = [recipe.rate(update, 1000) / recipe.learning_rate for update in range(1001)]
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
    results = train(data, recipe, tmp_path / "run", [1], settings(tmp_path))
    assert results["mean"]["accuracy"] > 0.8
    train(data, recipe, tmp_path / "again", [1], settings(tmp_path))
    assert rows(tmp_path / "again") == rows(tmp_path / "run")
    assert run.load_config(tmp_path / "run").recipe == replace(recipe, model=dict(recipe.model))


def test_one_channel_of_every_clip_in_an_epoch(tmp_path: Path) -> None:
    """With `one_channel` an epoch has one example of each clip, not always of the same channel."""

    class Recorded(np.ndarray[Any, Any]):
        """Remembers which examples were asked for."""

        seen: ClassVar[list[int]] = []

        def __getitem__(self, key: Any) -> Any:
            self.seen.extend(key)
            return np.asarray(self)[key]

    recipe = recipes.load_as(
        CrnnRecipe, write_recipe(tmp_path, RECIPE.replace("batch", "one_channel = true\nbatch"))
    )
    clip = np.repeat(np.arange(10), 4)
    log_mel = np.zeros((40, *recipe.front_end.shape), dtype=np.float32).view(Recorded)
    learnt = np.arange(8, 40)
    model = Crnn(recipe.crnn(3))
    fit(model, log_mel, clip % 3, clip, learnt, recipe=replace(recipe, epochs=2), epoch_done=lambda *_: None)
    first, second = np.split(np.array(Recorded.seen), 2)
    for epoch in (first, second):
        assert sorted(clip[epoch]) == list(range(2, 10))
    assert sorted(first) != sorted(second)


def test_short_clip_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A clip that is too short is left out of the run and named."""
    write_data(tmp_path / "data")
    soundfile.write(tmp_path / "data" / "low" / "short.wav", sound("low", 0.5, 9), RATE)
    data = datasets.read(tmp_path / "data")
    train(
        data,
        with_changes(recipes.load(write_recipe(tmp_path)), {"epochs": 1}),
        tmp_path / "run",
        [1],
        settings(tmp_path),
    )
    assert "1 of 25 clips are too short and left out: low/short.wav" in capsys.readouterr().out
    assert run.load_config(tmp_path / "run").data["short"] == ["low/short.wav"]
    assert not any(row["file"] == "low/short.wav" for row in rows(tmp_path / "run"))


@pytest.mark.parametrize(
    ("update", "what"), [(7, "the loss is nan"), (8, "weights are no longer finite numbers")]
)
def test_training_that_breaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update: int, what: str
) -> None:
    """Training stops when the loss or the weights break, says where, and keeps the last good epoch."""
    data, recipe = (
        datasets.read(write_data(tmp_path / "data")),
        recipes.load(write_recipe(tmp_path)),
    )
    rate = CrnnRecipe.rate
    monkeypatch.setattr(
        CrnnRecipe, "rate", lambda self, *when: np.nan if when[0] == update else rate(self, *when)
    )
    where = f"{what} in epoch 3, update 3; the run directory keeps epoch 2; try a learning rate below 0.01"
    with pytest.raises(MonitorError, match=where):
        train(data, recipe, tmp_path / "run", [1], settings(tmp_path))
    kept = folds.load_partial(tmp_path / "run", 1)
    assert kept is not None
    assert kept["epoch"] == 2
    assert all(weight.isfinite().all() for weight in kept["model"].values())


def test_training_that_breaks_at_once(tmp_path: Path) -> None:
    """Before the first checkpoint there is nothing to keep."""
    recipe = recipes.load(write_recipe(tmp_path, RECIPE.replace("0.01", "1e30")))
    with pytest.raises(MonitorError, match=r"in epoch 1, update \d; try a learning rate below 1e\+30"):
        train(datasets.read(write_data(tmp_path / "data")), recipe, tmp_path / "run", [1], settings(tmp_path))


def test_killed_run_resumes_with_equal_result(tmp_path: Path) -> None:
    """A run that was killed with SIGKILL and resumed predicts the same to the last digit."""
    data, recipe = write_data(tmp_path / "data"), write_recipe(tmp_path, RECIPE.replace("10", "60"))
    options = ["--folds=1,2", "--threads=1", f"--cache={tmp_path}/cache", f"--recipe={recipe}"]
    command = [sys.executable, "-m", "trainer.cli", "train", "crnn", f"--data={data}", *options]
    train(
        datasets.read(data),
        recipes.load(recipe),
        tmp_path / "straight",
        [1, 2],
        settings(tmp_path),
    )
    out = tmp_path / "killed"
    with subprocess.Popen([*command, f"--out={out}"], stdout=subprocess.DEVNULL) as process:
        while not (out / "fold2.partial.pt").exists() and process.poll() is None:
            time.sleep(0.005)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not (out / "predictions.csv").exists()
    subprocess.run([*command, f"--out={out}", "--resume"], check=True, stdout=subprocess.DEVNULL)
    assert (out / "predictions.csv").read_bytes() == (tmp_path / "straight" / "predictions.csv").read_bytes()
    assert [(row.fold, row.epoch) for row in folds.load_metrics(out)] == [
        (fold, epoch) for fold in (1, 2) for epoch in range(1, 61)
    ]
    assert not list(out.glob("*.part*"))


def test_kill_between_two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that dies between metrics.csv and the checkpoint has every epoch once when it is resumed."""
    data, recipe = (
        datasets.read(write_data(tmp_path / "data")),
        recipes.load(write_recipe(tmp_path)),
    )
    save = folds.save_partial

    def die(folder: Path, fold: int, state: dict[str, Any]) -> None:
        if state["epoch"] == 4:
            raise KeyboardInterrupt
        save(folder, fold, state)

    with monkeypatch.context() as patch:
        patch.setattr(folds, "save_partial", die)
        with pytest.raises(KeyboardInterrupt):
            train(data, recipe, tmp_path / "run", [1], settings(tmp_path))
    assert [row.epoch for row in folds.load_metrics(tmp_path / "run")] == [1, 2, 3, 4]
    (tmp_path / "run" / "fold1.pt.x.part").write_text("of a kill while writing")
    train(data, recipe, tmp_path / "run", [1], settings(tmp_path), resume=True)
    assert [row.epoch for row in folds.load_metrics(tmp_path / "run")] == list(range(1, 11))
    assert not list((tmp_path / "run").glob("*.part*"))


def test_kill_within_the_first_file(tmp_path: Path) -> None:
    """What a kill left of config.json is no run."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "tmpabc.part").write_text('{"created"')
    run.check_new(tmp_path / "run")


def test_damaged_metrics(tmp_path: Path) -> None:
    """A metrics.csv that is none is named."""
    (tmp_path / "metrics.csv").write_text("fold,epoch\none,two\n")
    with pytest.raises(MonitorError, match=r"metrics\.csv is damaged; a run can go on without it"):
        folds.load_metrics(tmp_path)


def test_results_of_another_version(tmp_path: Path) -> None:
    """A results.json without what we need says so."""
    (tmp_path / "results.json").write_text("{}")
    with pytest.raises(MonitorError, match=r"results\.json is of another version; train the run again"):
        run.load_results(tmp_path)


def test_configuration_of_another_version(run_folder: Path, tmp_path: Path) -> None:
    """A config.json from before data had a digest says what it lacks."""
    config = json.loads((run_folder / "config.json").read_text())
    del config["data"]["digest"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(MonitorError, match=r"its data has no digest; train the run again"):
        run.load_config(tmp_path)


def test_resume_needs_the_same_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run is not gone on with by another recipe, nor when there is none or it is finished."""
    data, recipe = (
        datasets.read(write_data(tmp_path / "data")),
        recipes.load(write_recipe(tmp_path)),
    )
    out, how = tmp_path / "run", settings(tmp_path)
    with pytest.raises(MonitorError, match="no training run at"):
        train(data, recipe, out, [1], how, resume=True)
    with monkeypatch.context() as patch:
        patch.setattr(run, "save_results", lambda *_: None)
        train(data, recipe, out, [1], how)
    with pytest.raises(MonitorError, match="go on with the run in it by --resume"):
        train(data, recipe, out, [1], how)
    with pytest.raises(MonitorError, match=r"was begun with other settings \(recipe, folds\)"):
        train(data, with_changes(recipe, {"epochs": 3}), out, [2], how, resume=True)
    begun = json.loads((out / "config.json").read_text())
    (out / "config.json").write_text(json.dumps(begun, sort_keys=True))  # another order is no other setting
    moved = replace(data, clips=tuple(replace(clip, fold=5 - clip.fold) for clip in data.clips))
    with pytest.raises(MonitorError, match=r"was begun with other settings \(data\)"):
        train(moved, recipe, out, [1], how, resume=True)
    train(data, recipe, out, [1], how, resume=True)
    with pytest.raises(MonitorError, match="is finished; there is nothing to resume"):
        train(data, recipe, out, [1], how, resume=True)


def test_class_that_loses_its_clips(tmp_path: Path) -> None:
    """A class that has no usable clip left in a fold is named, not scored 0 in silence."""
    data = write_data(tmp_path / "data", clips=4)
    (data / "low" / "low1.wav").write_bytes(b"RIFF")
    recipe = recipes.load(write_recipe(tmp_path))
    with pytest.raises(MonitorError, match="fold 2 has no clips of low"):
        train(datasets.read(data), recipe, tmp_path / "run", [1], replace(settings(tmp_path), skip_bad=True))


def test_unusable_clips(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Clips that cannot be read stop a run before it begins, unless they may be left out."""
    data = write_data(tmp_path / "data")
    for name in ("low/low3.wav", "hiss/hiss2.wav"):
        (data / name).write_bytes(b"RIFF")
    recipe = with_changes(recipes.load(write_recipe(tmp_path)), {"epochs": 1})
    with pytest.raises(MonitorError, match=r"2 of 24 clips are unusable: .*hiss2\.wav.*--skip-bad"):
        train(datasets.read(data), recipe, tmp_path / "run", [1], settings(tmp_path))
    assert not (tmp_path / "run").exists()
    train(datasets.read(data), recipe, tmp_path / "run", [1], replace(settings(tmp_path), skip_bad=True))
    assert "low3.wav" in capsys.readouterr().out
    assert run.load_config(tmp_path / "run").data["bad"] == ["hiss/hiss2.wav", "low/low3.wav"]


def test_evaluation_partition_gets_the_mean_of_the_folds(tmp_path: Path) -> None:
    """No model learns from the evaluation partition; all fold models together predict it."""
    data = datasets.read(write_data(tmp_path / "data"))
    held_out = replace(
        data,
        clips=tuple(replace(clip, fold=clip.fold if clip.fold < 3 else EVALUATION) for clip in data.clips),
    )
    recipe = with_changes(recipes.load(write_recipe(tmp_path)), {"epochs": 2})
    results = train(held_out, recipe, tmp_path / "run", None, settings(tmp_path))
    development, evaluation = run.load(tmp_path / "run").predictions()
    assert evaluation is not None
    assert (set(development.fold), set(evaluation.fold)) == ({1, 2}, {EVALUATION})
    assert results["evaluation"]["all"]["clips"] == len(evaluation.file) == 12
    extracted = extract(held_out.clips, recipe.front_end, tmp_path / "cache")
    examples = np.flatnonzero([clip.fold == EVALUATION for clip in held_out.clips])
    both = [
        predict(model, extracted.examples, examples) for model in folds.load_models(tmp_path / "run", [1, 2])
    ]
    np.testing.assert_allclose(evaluation.scores, np.mean(both, axis=0), atol=1e-6)
    # Other clips to evaluate on change nothing in what was learnt.
    fewer = replace(held_out, clips=tuple(clip for clip in held_out.clips if clip.fold != EVALUATION))
    train(fewer, recipe, tmp_path / "fewer", None, settings(tmp_path))
    assert rows(tmp_path / "fewer") == rows(tmp_path / "run")


def test_mono_trains_on_one_example_per_clip(tmp_path: Path) -> None:
    """With `channels = "mono"` four channels are one example, and the run says so."""
    data = datasets.read(write_data(tmp_path / "data", clips=4, channels=4))
    recipe = recipes.load(write_recipe(tmp_path, 'channels = "mono"\n' + RECIPE))
    train(data, with_changes(recipe, {"epochs": 1}), tmp_path / "run", [1], settings(tmp_path))
    assert run.load_config(tmp_path / "run").recipe.channels == "mono"
    assert extract(data.clips, recipe.front_end, tmp_path / "cache").examples.shape[0] == 12


def test_limit_keeps_every_class_in_every_fold(tmp_path: Path) -> None:
    """`limited` leaves the first clips of each class in each fold."""
    data = datasets.read(write_data(tmp_path / "data")).limited(1)
    assert [(clip.fold, clip.label) for clip in data.clips] == [
        (fold, label) for label in LABELS for fold in (1, 2, 3, 4)
    ]


def test_cuda_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--device cuda` without a GPU is refused, not run on the CPU in silence."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    data, recipe = (
        datasets.read(write_data(tmp_path / "data")),
        recipes.load(write_recipe(tmp_path)),
    )
    with pytest.raises(MonitorError, match="torch finds no CUDA device; use --device cpu"):
        train(data, recipe, tmp_path / "run", [1], replace(settings(tmp_path), device="cuda"))


def test_metrics_of_every_epoch(run_folder: Path) -> None:
    """metrics.csv has a row per epoch, with the falling rate and the time that the model waited for input."""
    epochs = folds.load_metrics(run_folder)
    assert [(row.fold, row.epoch) for row in epochs] == [(k, n) for k in (1, 2) for n in range(1, 11)]
    assert epochs[9].loss < epochs[0].loss
    assert epochs[9].learning_rate == pytest.approx(0.01 / (1 + 0.002 * 29))
    assert all(0 <= row.input_seconds < row.seconds for row in epochs)


def test_unknown_fold(tmp_path: Path) -> None:
    """A fold that the data does not have is refused before anything is written."""
    data = datasets.read(write_data(tmp_path / "data"))
    with pytest.raises(MonitorError, match="has the folds 1, 2, 3, 4, not 9"):
        train(
            data,
            recipes.load(write_recipe(tmp_path)),
            tmp_path / "run",
            [9],
            settings(tmp_path),
        )
    assert not (tmp_path / "run").exists()


def test_existing_run_is_kept(run_folder: Path, tmp_path: Path) -> None:
    """A folder with something in it is not written to."""
    config = run.load_config(run_folder)
    data = datasets.read(Path(config.data["path"]))
    with pytest.raises(MonitorError, match="is not empty; choose another --out"):
        train(data, config.recipe, run_folder, [1], settings(tmp_path))


def test_fold_of_short_clips_only(tmp_path: Path) -> None:
    """A fold whose clips are all too short is named before anything is written."""
    write_data(tmp_path / "data")
    for path in sorted((tmp_path / "data").glob("*/*[26].wav")):
        soundfile.write(path, sound("low", 0.5, 9), RATE)
    data = datasets.read(tmp_path / "data")
    with pytest.raises(MonitorError, match="fold 3 has no clip that is readable and long enough"):
        train(
            data,
            recipes.load(write_recipe(tmp_path)),
            tmp_path / "run",
            None,
            settings(tmp_path),
        )
    assert not (tmp_path / "run").exists()


def test_unfinished_run(tmp_path: Path, run_folder: Path) -> None:
    """A run that was interrupted says so."""
    run.begin(tmp_path / "run", run.load_config(run_folder), resume=False)
    with pytest.raises(MonitorError, match=r"is not finished: it has no results\.json"):
        run.load_results(tmp_path / "run")


def test_damaged_model(tmp_path: Path) -> None:
    """A checkpoint that is no checkpoint is named."""
    (tmp_path / "fold1.pt").write_bytes(b"nonsense")
    with pytest.raises(MonitorError, match=r"fold1\.pt cannot be read"):
        folds.load_models(tmp_path, [1])
