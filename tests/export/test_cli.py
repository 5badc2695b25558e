from __future__ import annotations

from pathlib import Path

import pytest

from export.cli import main
from monitor.inference import bundle


def test_bundle_is_named_after_its_file(run_folder: Path, tmp_path: Path) -> None:
    """Without --name a bundle has the name of its file."""
    assert main(["bundle", str(run_folder), "-o", str(tmp_path / "kitchen.bundle")]) == 0
    assert bundle.load(tmp_path / "kitchen.bundle").manifest.name == "kitchen"


def test_single_onnx_file(run_folder: Path, tmp_path: Path) -> None:
    """`onnx` writes the graph alone."""
    assert main(["onnx", str(run_folder), "-o", str(tmp_path / "toy.onnx")]) == 0
    assert (tmp_path / "toy.onnx").stat().st_size > 1000


def test_errors_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistake is one line on stderr and an exit code."""
    assert main(["bundle", str(tmp_path / "nowhere"), "-o", str(tmp_path / "x.bundle")]) == 66
    assert capsys.readouterr().err.startswith("activity-export: error: no training run at")


def test_unknown_option() -> None:
    """An unknown option is a usage error."""
    with pytest.raises(SystemExit, match="2"):
        main(["bundle", "run", "--quantise"])
