from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from matplotlib.axes import Axes
from rich.console import Console

from monitor.errors import MonitorError
from tests.toy_training import LABELS
from trainer import confusion, report, run
from trainer.cli import main
from trainer.evaluate import Predictions, summarise
from trainer.tables import Column, markdown, measured, over_runs, published, score, terminal

SYSTEMS = (
    Column("name", "system"),
    Column("threshold", "threshold (dB)", number=True),
    Column("ours", "ours", score, number=True),
    Column("seeds", "over seeds", score, number=True),
    Column("paper", "paper", published, number=True),
)
ROWS = [
    {
        "name": "CRNN",
        "threshold": -60,
        "ours": {"value": 0.7842, "interval": [0.75, 0.8149]},
        "seeds": {"value": 0.781, "deviation": 0.0062, "runs": 3},
        "paper": 0.788,
    },
    {"name": "a|b [c]", "threshold": -45, "ours": {"value": 0.7, "interval": None}, "paper": None},
    {"name": "fusion", "ours": None, "paper": "above 70.0"},
]


def results(labels: int = 3, evaluation: bool = True, seed: int = 1, right: float = 0.7) -> dict[str, Any]:
    """Of made-up predictions: two folds, and an evaluation partition with known and unknown arrays."""
    rng = np.random.default_rng(seed)

    def partition(fold: int, clips: int) -> Predictions:
        truth = np.arange(clips) % labels
        predicted = np.where(rng.random(clips) < right, truth, rng.integers(0, labels, clips))
        return Predictions(
            file=tuple(map(str, range(clips))),
            fold=np.arange(clips) % 2 + 1 if fold else np.zeros(clips, int),
            group=tuple(f"{index % 2}:{index // 8}" for index in range(clips)),
            array=tuple("node1" if fold or index % 2 else "node9" for index in range(clips)),
            truth=truth,
            scores=np.eye(labels)[predicted],
        )

    names = tuple(map(str, range(labels)))
    return summarise(
        partition(1, 20 * labels), partition(0, 10 * labels) if evaluation else None, names, "macro_f1"
    )


def text_of(table: Any) -> str:
    """What a terminal of 120 columns shows."""
    console = Console(width=120, color_system=None)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def write_run(folder: Path, like: Path, seed: int) -> Path:
    """A finished run with made-up results."""
    config = run.load_config(like)
    run.begin(folder, replace(config, recipe=replace(config.recipe, seed=seed)), resume=False)
    run.save_results(folder, results(seed=seed))
    return folder


def test_markdown_table() -> None:
    """Numbers stand on the right, text from outside is no markup, and what the paper does not say is said."""
    assert markdown(SYSTEMS, ROWS) == (
        "| system | threshold (dB) | ours | over seeds | paper |\n"
        "| --- | ---: | ---: | ---: | ---: |\n"
        "| CRNN | -60 | 78.4 (75.0 to 81.5) | 78.1 ± 0.6 | 78.8 |\n"
        "| a\\|b \\[c\\] | -45 | 70.0 |  | not in text |\n"
        "| fusion |  | - |  | above 70.0 |\n"
    )


def test_terminal_table_has_the_same_cells() -> None:
    """A terminal shows the same texts; brackets in them are no markup, escape sequences are gone."""
    rows = [*ROWS, {"name": "[red]x[/red]\x1b[2J"}]
    lines = text_of(terminal(SYSTEMS, rows, "Table [1]")).splitlines()
    assert lines[0].strip() == "Table [1]"
    (crnn,) = [line for line in lines if "CRNN" in line]
    assert crnn.split() == ["CRNN", "-60", "78.4", "(75.0", "to", "81.5)", "78.1", "±", "0.6", "78.8"]
    assert any(line.strip().startswith("[red]x[/red][2J") for line in lines)
    assert "\x1b" not in "".join(lines)


def test_columns_without_a_value_are_left_out() -> None:
    """A column appears only where some row has something to say in it."""
    assert markdown(SYSTEMS, ROWS[1:2]).startswith("| system | threshold (dB) | ours | paper |\n")


def test_rows_are_json() -> None:
    """Rows that are made of results go to JSON and back."""
    rows = [*report.score_rows(results()), *report.class_rows(LABELS, results())]
    rows += report.run_rows(["a", "b"], [results(seed=1), results(seed=2)])
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows


def test_mean_and_spread_over_runs() -> None:
    """Several runs give the mean and the sample standard deviation of their scores."""
    cells = [measured({"accuracy": value, "interval": None}, "accuracy") for value in (0.7, 0.8, 0.9)]
    assert over_runs(cells) == {"value": pytest.approx(0.8), "deviation": pytest.approx(0.1), "runs": 3}


def test_report_of_a_run(tmp_path: Path) -> None:
    """The report holds every score with its interval, every class and both pictures."""
    found = results()
    report.write(tmp_path, "toy", LABELS, found)
    assert {path.name for path in tmp_path.iterdir()} == {
        "report.md",
        "confusion.png",
        "confusion.svg",
        "confusion_evaluation.png",
        "confusion_evaluation.svg",
    }
    text = (tmp_path / "report.md").read_text()
    low, high = found["mean"]["interval"]["macro_f1"]
    value = f"{100 * found['mean']['macro_f1']:.1f} ({100 * low:.1f} to {100 * high:.1f})"
    assert text.startswith(f"# toy\n\nDevelopment score: macro F1 {value} %")
    for part in ("mean of the folds", "fold 1", "fold 2", "all folds pooled", *report.PARTS.values()):
        assert f"| {part} | " in text
    f1 = " | ".join(f"{100 * scores['f1'][1]:.1f}" for scores in (found["mean"], found["pooled"]))
    assert f"| hiss | 20 | {f1} | 10 | {100 * found['evaluation']['all']['f1'][1]:.1f} |\n" in text
    for picture in ("confusion", "confusion_evaluation"):
        assert f"({picture}.png)" in text


def test_report_without_evaluation(tmp_path: Path) -> None:
    """Without an evaluation partition nothing is said about one."""
    report.write(tmp_path, "toy", LABELS, results(evaluation=False))
    assert {path.name for path in tmp_path.iterdir()} == {"report.md", "confusion.png", "confusion.svg"}
    assert "eval." not in (tmp_path / "report.md").read_text()


def test_report_without_intervals(tmp_path: Path) -> None:
    """A score that has no interval stands alone."""
    found = results(evaluation=False)
    found["mean"]["interval"] = None
    report.write(tmp_path, "toy", LABELS, found)
    mean = found["mean"]
    row = f"| mean of the folds |  |  | {100 * mean['accuracy']:.1f} | {100 * mean['macro_f1']:.1f} |\n"
    assert row in (tmp_path / "report.md").read_text()


def test_pictures_repeat(tmp_path: Path) -> None:
    """The same matrix gives the same bytes, without a date."""
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        confusion.write(folder, "c", "toy", LABELS, [[5, 1, 0], [0, 0, 0], [2, 0, 9]])
    for name in ("c.png", "c.svg"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert "dc:date" not in ET.canonicalize((tmp_path / "a" / "c.svg").read_text())


def test_cells_say_percent_of_the_row_and_count() -> None:
    """Every cell that has clips says their share of the true class and their number; others are empty."""
    axes = confusion.draw("toy", LABELS, np.array([[3, 1, 0], [0, 0, 0], [0, 1, 1499]])).axes[0]
    assert [text.get_text() for text in axes.texts] == ["75.0", "3", "25.0", "1", "<0.1", "1", "99.9", "1499"]
    assert [text.get_position()[0] for text in axes.texts] == [0.5, 0.5, 1.5, 1.5, 1.5, 1.5, 2.5, 2.5]
    assert axes.get_ylabel() == "true class"
    assert axes.get_ylim() == (3.0, 0.0)  # the first class is on top


@pytest.mark.parametrize("labels", [9, 15, 50])
def test_no_text_overlaps(labels: int) -> None:
    """Texts stay in their cells, up to five digits (four where cells are small), and class names apart."""
    clips = 88_888 if labels < 20 else 8_888
    counts = np.diag([clips] * labels)
    counts[0, 1] = clips
    names = [f"a_rather_long_class_name_{index}" for index in range(labels)]
    figure = confusion.draw("toy", names, counts)
    figure.draw_without_rendering()
    axes: Axes = figure.axes[0]
    cell = axes.transData.transform([(0, 0), (1, 1)])
    width, height = np.abs(cell[1] - cell[0])
    boxes = [text.get_window_extent() for text in axes.texts[:2]]
    assert max(box.width for box in boxes) < width
    assert boxes[0].y0 > boxes[1].y1
    assert boxes[0].y1 - boxes[1].y0 < height
    assert not any(
        a.get_window_extent().overlaps(b.get_window_extent())
        for a, b in zip(axes.get_xticklabels(), axes.get_xticklabels()[1:], strict=False)
    )


def test_class_names_are_no_formulas(tmp_path: Path) -> None:
    """A class that is called like a broken formula is drawn by its name."""
    confusion.write(tmp_path, "c", r"$\broken$", [r"$\x{$", "b\x1b"], [[1, 0], [0, 1]])
    assert (tmp_path / "c.png").stat().st_size > 1000


def test_pyplot_is_not_touched() -> None:
    """Drawing needs no pyplot and leaves matplotlib's settings as they were."""
    code = (
        "import sys, matplotlib, pathlib, tempfile; before = matplotlib.rcParams.copy()\n"
        "from trainer import confusion\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    confusion.write(pathlib.Path(folder), 'c', 't', ['a', 'b'], [[1, 0], [0, 1]])\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "assert matplotlib.rcParams.copy() == before"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_evaluate_prints_runs_and_their_spread(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`evaluate` prints the tables of each run, and mean and spread of several."""
    folders = [write_run(tmp_path / f"s{seed}", run_folder, seed) for seed in (1, 2)]
    assert main(["evaluate", str(folders[0])]) == 0
    alone = capsys.readouterr().out
    assert "mean of the folds" in alone
    assert "hiss" in alone
    assert "±" not in alone
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "200")
        assert main(["evaluate", *map(str, folders)]) == 0
    scores = [results(seed=seed)["mean"]["accuracy"] for seed in (1, 2)]
    spread = f"{100 * np.mean(scores):.1f} ± {100 * np.std(scores, ddof=1):.1f}"
    assert spread in capsys.readouterr().out


def test_runs_that_do_not_go_together(run_folder: Path, tmp_path: Path) -> None:
    """Runs of another recipe are not averaged."""
    one = write_run(tmp_path / "one", run_folder, 1)
    config = run.load_config(one)
    run.begin(tmp_path / "two", replace(config, recipe=replace(config.recipe, epochs=77)), resume=False)
    run.save_results(tmp_path / "two", results())
    with pytest.raises(MonitorError, match=r"two has another recipe, .* must differ in their seed only"):
        report.show([one, tmp_path / "two"], Console())


def test_results_of_another_version(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Results without intervals are named, not a traceback."""
    folder = write_run(tmp_path / "old", run_folder, 1)
    run.save_results(folder, {"folds": {}, "mean": {"accuracy": 0.5}})
    assert main(["evaluate", str(folder)]) == 65
    assert "results.json is of another version" in capsys.readouterr().err
