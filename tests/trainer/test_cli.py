from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.toy_training import write_data, write_recipe
from trainer.cli import call, main
from trainer.simulate import data_set, day


def test_train_on_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`train crnn` trains the folds asked for and prints their accuracy."""
    data, recipe, out = write_data(tmp_path / "data"), write_recipe(tmp_path), tmp_path / "run"
    options = [
        "--folds",
        "4",
        "--epochs",
        "1",
        "--seed",
        "3",
        "--threads",
        "1",
        "--cache",
        str(tmp_path / "c"),
    ]
    code = main(["train", "crnn", "--data", str(data), "--recipe", recipe, "--out", str(out), *options])
    assert code == 0
    assert "fold 4: accuracy" in capsys.readouterr().out
    assert sorted(path.name for path in out.iterdir()) == [
        "config.json",
        "confusion.png",
        "confusion.svg",
        "fold4.pt",
        "metrics.csv",
        "predictions.csv",
        "report.md",
        "results.json",
    ]


def test_errors_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistake is one line on stderr and an exit code."""
    code = main(["train", "crnn", "--data", str(tmp_path / "x"), "--recipe", "esc50", "--out", str(tmp_path)])
    assert code == 66
    assert capsys.readouterr().err.startswith("activity-trainer: error: there is no data folder")


def test_output_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that cannot be made is one line, too."""
    (tmp_path / "file").write_text("in the way")
    assert main(["simulate", "--to", str(tmp_path / "file" / "data"), "--hours", "1"]) == 74
    assert "file/data" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--frobnicate"],
        [],
        ["train"],
        ["simulate", "--hours", "1"],
        ["simulate", "--to", "x"],
        ["simulate", "--to", "x", "--hours", "0"],
        ["simulate", "--to", "x", "--hours", "nan"],
        ["simulate", "--to", "x", "--day", "y", "--hours", "1"],
    ],
)
def test_usage_errors(arguments: list[str]) -> None:
    """What the parser does not know is exit code 2."""
    with pytest.raises(SystemExit, match="2"):
        main(arguments)


def test_interrupt_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C ends a command with 130 and no traceback."""

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    assert call("activity-trainer", interrupted, None) == 130
    assert capsys.readouterr().err == "activity-trainer: interrupted\n"


@pytest.mark.parametrize("module", ["trainer.cli", "export.cli"])
def test_help_needs_nothing_heavy(module: str) -> None:
    """--help answers without torch, numpy or onnxruntime."""
    code = (
        f"import sys, {module}\n"
        "try:\n"
        f"    {module}.main(['--help'])\n"
        "except SystemExit as done:\n"
        "    assert done.code == 0\n"
        "heavy = {'torch', 'numpy', 'onnxruntime', 'onnx', 'soundfile'} & sys.modules.keys()\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("arguments", [["--day", "d", "--sounds", "s"], ["--to", "d", "--held-out"]])
def test_options_that_do_not_belong_together(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """They are refused, not ignored."""
    assert main(["simulate", "--hours", "1", *arguments]) == 2
    assert (
        f"error: {arguments[-1] if 'held' in arguments[-1] else '--sounds'} is for" in capsys.readouterr().err
    )


def test_simulate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`simulate` hands its arguments to the data set, or to the day."""
    calls: list[object] = []
    monkeypatch.setattr(data_set, "write", lambda *given: calls.append(given))
    monkeypatch.setattr(day, "write", lambda *given, held_out: calls.append((*given, held_out)))
    options = ["--hours", "2.5", "--seed", "7", "--processes", "3"]
    assert main(["simulate", "--to", str(tmp_path), "--sounds", "mine", *options]) == 0
    assert main(["simulate", "--day", str(tmp_path), "--held-out", *options]) == 0
    assert calls == [(tmp_path, 2.5, 7, 3, Path("mine")), (tmp_path, 2.5, 7, 3, True)]


def test_simulate_needs_nothing_of_the_training() -> None:
    """Whoever only simulates needs neither torch nor anything else of the extra `trainer`."""
    code = (
        "import sys, trainer.cli, trainer.agreement, trainer.simulate.data_set, trainer.simulate.day\n"
        "heavy = {'torch', 'librosa', 'sklearn', 'joblib', 'matplotlib', 'onnx'} & sys.modules.keys()\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
