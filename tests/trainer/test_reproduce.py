from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from monitor.errors import MonitorError
from tests import toy_backbone
from tests.published import write_dcase2018
from tests.toy_training import settings, write_data, write_recipe
from trainer import datasets, embeddings, plan, recipes, reproduce, run, train_crnn
from trainer.cli import main
from trainer.datasets import DataSet, dcase2017, dcase2018
from trainer.experiments import EXPERIMENTS, Experiment, System
from trainer.forecast import forecast

THUMBNAILS = {"name": "thumbnails", **tomllib.loads(toy_backbone.RECIPE)}
TOY = Experiment(
    "A toy",
    ("toy tones", "other tones"),
    (
        System("plain", "toy", development=0.5, evaluation="about 45"),
        System("batch 4", "toy", {"batch": 4}),
    ),
    against_first=True,
)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataSet:
    """Tones, and an experiment of two systems on them."""
    monkeypatch.setitem(EXPERIMENTS, "toy", (TOY,))
    recipe = recipes.load(write_recipe(tmp_path))
    monkeypatch.setattr(recipes, "load", lambda _: recipe)
    return replace(datasets.read(write_data(tmp_path / "data", clips=4)), name="toy tones")


def plans_of(out: Path, seeds: list[int], epochs: int = 1) -> list[plan.Plan]:
    """The toy's runs."""
    return plan.plan(TOY, out / "toy", seeds, epochs=epochs, systems=None)


def carry_out(data: DataSet, out: Path, seeds: list[int], epochs: int = 1) -> str:
    """Reproduce the toy; what it prints."""
    console = Console(width=200, record=True, quiet=True)
    reproduce.reproduce(TOY, plans_of(out, seeds, epochs), data, settings(out.parent), console, folds=[1, 2])
    return console.export_text()


def test_the_table_has_ours_beside_the_papers(data: DataSet, tmp_path: Path) -> None:
    """Every system has a row; the paper's number, its words, or "not in text" stand beside ours."""
    carry_out(data, tmp_path / "runs", [1])
    first, second = json.loads((tmp_path / "runs" / "toy" / "table.json").read_text())["rows"]
    assert (first["system"], second["system"]) == ("plain", "batch 4")
    results = run.load_results(tmp_path / "runs" / "toy" / "plain-seed1")
    assert first["development"]["value"] == results["mean"]["accuracy"]
    assert first["development"]["interval"] == results["mean"]["interval"]["accuracy"]
    assert "difference" not in first
    pooled = [
        run.load_results(tmp_path / "runs" / "toy" / name)["pooled"]["accuracy"]
        for name in ("batch-4-seed1", "plain-seed1")
    ]
    assert second["difference"]["value"] == pytest.approx(pooled[0] - pooled[1])
    text = (tmp_path / "runs" / "toy" / "table.md").read_text()
    plain, batch = (line for line in text.splitlines() if line.startswith(("| plain", "| batch 4")))
    assert "| 50.0 |" in plain
    assert plain.count("not in text") == 0
    assert batch.count("not in text") == 2


def test_model_card_of_the_best(run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data, scores and model, and how to export it; or that its members do not hear the same windows."""
    card = reproduce._card(run_folder, TOY, 2)
    accuracy = run.load_results(run_folder)["mean"]["accuracy"]
    for expected in (
        'The best of 2 runs of "A toy" on the development partition',
        "- tones: 24 clips; 0 of them",
        "(tested: fold 1,2; 12\n",
        f"- Accuracy {100 * accuracy:.1f} (",
        "- Convolutional recurrent network",
        "activity-export bundle run -o run.bundle",
    ):
        assert expected in card
    assert str(run_folder.parent) not in card
    monkeypatch.setattr(reproduce, "different_windows", lambda _: "one 1 s, other 2 s")
    card = reproduce._card(run_folder, TOY, 2)
    assert "It cannot be exported: members of a bundle hear the same windows" in card
    assert "activity-export" not in card


def test_seeds_are_averaged(data: DataSet, tmp_path: Path) -> None:
    """Several seeds give mean and standard deviation."""
    carry_out(data, tmp_path / "runs", [1, 2, 3])
    first, _ = json.loads((tmp_path / "runs" / "toy" / "table.json").read_text())["rows"]
    values = [
        run.load_results(tmp_path / "runs" / "toy" / f"plain-seed{seed}")["mean"]["accuracy"]
        for seed in (1, 2, 3)
    ]
    assert first["development"]["value"] == pytest.approx(np.mean(values))
    assert first["development"]["deviation"] == pytest.approx(np.std(values, ddof=1))


def test_only_what_is_missing_is_run(data: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Finished runs are kept; an unfinished one is resumed; one with other settings is refused."""
    carry_out(data, tmp_path / "runs", [1])
    (tmp_path / "runs" / "toy" / "batch-4-seed1" / "results.json").unlink()
    resumed: list[tuple[str, bool]] = []
    train = train_crnn.train

    def spy(*arguments: object, resume: bool) -> object:
        resumed.append((str(arguments[2]).rsplit("/", 1)[1], resume))
        return train(*arguments, resume=resume)  # type: ignore[arg-type]

    monkeypatch.setattr(train_crnn, "train", spy)
    carry_out(data, tmp_path / "runs", [1, 2])
    assert resumed == [("plain-seed2", False), ("batch-4-seed1", True), ("batch-4-seed2", False)]
    refused = "holds a run with another recipe, other members, other folds or other data"
    with pytest.raises(MonitorError, match=refused):
        carry_out(data, tmp_path / "runs", [1], epochs=2)
    with pytest.raises(MonitorError, match=refused):
        carry_out(replace(data, clips=data.clips[::-1]), tmp_path / "runs", [1])


def test_other_data_is_refused(data: DataSet, tmp_path: Path) -> None:
    """An experiment says which data set it is about; on a related one the paper's numbers are not shown."""
    with pytest.raises(MonitorError, match=r"table1 is about DCASE 2018 Task 5; .* holds toy tones"):
        plan.find("table1", data)
    other = replace(data, name="other tones")
    assert plan.find("toy", other) == TOY
    plans = plans_of(tmp_path / "runs", [1])
    reproduce.reproduce(TOY, plans, other, settings(tmp_path), Console(quiet=True))
    assert "paper" not in (tmp_path / "runs" / "toy" / "table.md").read_text()


def test_a_trial_says_that_it_is_one(data: DataSet, tmp_path: Path) -> None:
    """Folds, epochs and number of clips stand above the table."""
    carry_out(data, tmp_path / "runs", [1])
    assert (
        "toy tones, 12 clips, folds 1, 2, 1 epochs." in (tmp_path / "runs" / "toy" / "table.md").read_text()
    )


def test_experiments_name_data_sets_that_there_are() -> None:
    """The data sets of the experiments are called what their readers call them."""
    called = {dcase2018.NAME, dcase2017.NAME, "ESC-50", "ESC-10"}
    assert {name for parts in EXPERIMENTS.values() for part in parts for name in part.data} == called


def test_forecast(data: DataSet, tmp_path: Path) -> None:
    """A dry run counts the epochs that are done and takes time from those that are left."""
    carry_out(data, tmp_path / "runs", [1])
    plans = plans_of(tmp_path / "runs", [1, 2])
    done, todo, *_ = forecast(plans, data, [1, 2], settings(tmp_path))
    assert (done["done"], done["hours"]) == ("2 of 2 epochs", 0)
    assert todo["done"] == "0 of 2 epochs"
    assert 0 < todo["hours"] < 0.1
    assert todo["disk"] == pytest.approx(12 * 16 * 15 * 4 / 1e9)
    assert 0.05 < todo["memory"] < 20


def test_table1_is_the_papers_grid() -> None:
    """Three thresholds, two rates, two batch sizes; only what the text gives has numbers."""
    systems = EXPERIMENTS["table1"][0].systems
    settings_of = {tuple(system.changes.values()) for system in systems}
    assert len(settings_of) == len(systems) == 12
    assert settings_of == {
        (threshold, rate, batch)
        for threshold in (-30.0, -45.0, -60.0)
        for rate in (0.01, 0.001)
        for batch in (64, 128)
    }
    numbers = {system.name: (system.development, system.evaluation) for system in systems}
    assert numbers["-60dB-lr0.01-batch64"][0] == 0.788
    assert numbers["-45dB-lr0.01-batch64"][1] == 0.793
    assert sum(isinstance(number, float) for pair in numbers.values() for number in pair) == 2


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_row_is_a_valid_recipe(name: str) -> None:
    """The changes of every row fit its recipe, and no two rows are the same."""
    for experiment in EXPERIMENTS[name]:
        plans = plan.plan(experiment, Path("runs"), [1, 2], epochs=None, systems=None)
        runs = [(made.recipe, made.members) for made in plans]
        assert all(one != other for index, one in enumerate(runs) for other in runs[:index])
        assert len({made.folder for made in plans}) == len(plans)
        assert {made.system.name for made in plans} == {system.name for system in experiment.systems}


def test_command_line_on_the_published_layout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`reproduce table1` plans with --dry-run; then trains, and scores known and unknown arrays."""
    folder = write_dcase2018(tmp_path / "data", seconds=1, labels=("absence", "cooking", "eating"))
    (table1,), recipe = EXPERIMENTS["table1"], recipes.load(write_recipe(tmp_path))
    monkeypatch.setitem(EXPERIMENTS, "table1", (replace(table1, systems=table1.systems[6:8]),))
    monkeypatch.setattr(recipes, "load", lambda _: recipe)
    options = [f"--data={folder}", f"--out={tmp_path}/runs", f"--cache={tmp_path}/cache", "--epochs=1"]
    command = ["reproduce", "table1", *options, "--threads=1"]
    assert main([*command, "--dry-run"]) == 0
    assert "0 of 4" in capsys.readouterr().out
    assert not (tmp_path / "runs").exists()
    assert main(command) == 0
    assert "run 2 of 2" in capsys.readouterr().out
    rows = json.loads((tmp_path / "runs" / "table1" / "table.json").read_text())["rows"]
    assert [row["system"] for row in rows] == [system.name for system in table1.systems[6:8]]
    assert {"evaluation", "known", "unknown"} < rows[0].keys()
    assert "not in text" in (tmp_path / "runs" / "table1" / "table.md").read_text()


def test_random_weights_are_drawn_for_every_seed() -> None:
    """Networks with random weights run once for each seed, those with published ones once."""
    (experiment,) = (part for part in EXPERIMENTS["table3"] if "ESC-50" in part.data)
    plans = plan.plan(
        experiment, Path("runs"), [1, 2], epochs=None, systems=["resnet50-imagenet", "resnet50-random"]
    )
    assert [(made.folder.name, made.recipe.weights) for made in plans] == [
        ("resnet50-imagenet", "imagenet"),
        ("resnet50-random-seed1", "random:1"),
        ("resnet50-random-seed2", "random:2"),
    ]


def test_unknown_system() -> None:
    """A row that a table does not have is refused, with those that it has."""
    with pytest.raises(MonitorError, match=r"no system 'resnet18'; there are .*-30dB") as caught:
        plan.plan(EXPERIMENTS["table1"][0], Path("runs"), [1], epochs=None, systems=["resnet18"])
    assert caught.value.exit_code == 2


def test_support_vector_machines_in_a_table(
    data: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of both kinds of recipe stand in one table; the forecast counts pictures."""
    toy = {"toy": recipes.load("toy"), "svm": recipes.from_json(THUMBNAILS)}
    monkeypatch.setattr(recipes, "load", lambda name: toy[name])
    monkeypatch.setattr(embeddings, "load", lambda _: toy_backbone.Thumbnail())
    monkeypatch.setattr("trainer.forecast._apart", lambda *_: (0.1, 0.5))  # seconds and GB, as measured
    both = replace(TOY, systems=(TOY.systems[0], System("random", "svm", {"weights": "random:"})))
    plans = plan.plan(both, tmp_path / "runs" / "toy", [1, 2], epochs=1, systems=None)
    before = forecast(plans, data, [1, 2, 3, 4], settings(tmp_path))
    assert [row["done"] for row in before] == ["0 of 4 epochs", "0 of 4 epochs", "no", "no"]
    assert all(row["hours"] > 0 for row in before)
    assert before[2]["disk"] == pytest.approx(12 * 1024 * 4 / 1e9)
    assert before[2]["hours"] == pytest.approx(12 * 0.1 / 3600)
    assert before[2]["memory"] == pytest.approx(0.5 + 12 * 1024 * (8 + 16) / 1e9)
    reproduce.reproduce(both, plans, data, settings(tmp_path), Console(quiet=True))
    _, row = json.loads((tmp_path / "runs" / "toy" / "table.json").read_text())["rows"]
    values = [
        run.load_results(tmp_path / "runs" / "toy" / f"random-seed{seed}")["mean"]["accuracy"]
        for seed in (1, 2)
    ]
    assert row["development"]["value"] == pytest.approx(np.mean(values))
    after = forecast(plans, data, [1, 2, 3, 4], settings(tmp_path))
    assert [row["hours"] for row in after] == [0, 0, 0, 0]


def test_fusions_in_a_table(data: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fusion brings its members along, seed by seed."""
    toy = {"toy": recipes.load("toy"), "svm": recipes.from_json(THUMBNAILS)}
    monkeypatch.setattr(recipes, "load", lambda name: toy[name])
    monkeypatch.setattr(embeddings, "load", lambda _: toy_backbone.Thumbnail())
    systems = (
        TOY.systems[0],
        System("fixed", "svm", {"weights": "random:7"}),
        System("fused", members=("plain", "fixed"), evaluation=0.8),
    )
    both = replace(TOY, systems=systems, against_first=False)
    out = tmp_path / "runs" / "toy"
    plans = plan.plan(both, out, [1, 2], epochs=1, systems=["fused"])
    names = ["plain-seed1", "plain-seed2", "fixed", "fused-seed1", "fused-seed2"]
    assert [made.folder.name for made in plans] == names
    assert plans[-1].members == (out / "plain-seed2", out / "fixed")
    for _ in range(2):  # the second time everything is there
        reproduce.reproduce(both, plans, data, settings(tmp_path), Console(quiet=True))
    table = json.loads((out / "table.json").read_text())
    rows = {row["system"]: row for row in table["rows"]}
    assert list(rows) == ["plain", "fixed", "fused"]
    assert rows["fused"]["seeds"] == 2
    assert rows["fused"]["nested"].keys() == {"value", "deviation", "runs"}
    scores = [run.load_results(made.folder)["mean"]["accuracy"] for made in plans]
    assert table["best"] == names[int(np.argmax(scores))]
    assert f"({table['best']}/confusion.png)" in (out / "table.md").read_text()
    assert (out / "MODEL_CARD.md").read_text().startswith(f"# {table['best']}\n\nThe best of 5 runs of")
    # A member that was made again makes another fusion.
    (out / "fixed" / "predictions.csv").write_text(
        (out / "fixed" / "predictions.csv").read_text().replace("e-", "e-1")
    )
    with pytest.raises(MonitorError, match="other members"):
        reproduce.reproduce(both, plans, data, settings(tmp_path), Console(quiet=True))


def test_without_the_first_there_is_no_difference(data: DataSet, tmp_path: Path) -> None:
    """Systems alone are run and shown without what they would be compared with."""
    plans = plan.plan(TOY, tmp_path / "runs" / "toy", [1], epochs=1, systems=["batch 4"])
    reproduce.reproduce(TOY, plans, data, settings(tmp_path), Console(quiet=True))
    (row,) = json.loads((tmp_path / "runs" / "toy" / "table.json").read_text())["rows"]
    assert row["system"] == "batch 4"
    assert "difference" not in row
