"""The benchmarks run, compare equal things and say what they measured; how fast anything is, is no test."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests import toy_resnet
from tests.benchmarks import __main__ as benchmarks
from tests.benchmarks import (
    capacity,
    command_line,
    deep_spectrum,
    end_to_end,
    flops,
    full_fusion,
    log_mel,
    measure,
    pann,
    pictures,
    recogniser,
    settings,
    svm_grid,
)
from trainer import audio_weights
from trainer.models import backbones
from trainer.models.pann import Cnn14


def test_what_is_compared_takes_turns() -> None:
    """Every function warms up before the first turn, and each turn has all of them."""
    calls: list[str] = []
    seconds = measure.take_turns(3, lambda: calls.append("a"), lambda: calls.append("b"))
    assert "".join(calls) == "ab" + 3 * "ab"
    assert [len(own) for own in seconds] == [3, 3]


def test_the_ratio_is_taken_turn_by_turn() -> None:
    """A turn in which everything was ten times slower does not change the ratio."""
    row = measure.compared("all", [1.0, 10.0, 2.0], "other", [3.0, 30.0, 6.0])
    assert row["ratio"] == {"unit": "times", "median": 3.0, "quartiles": [3.0, 3.0], "values": 3 * [3.0]}
    assert row["ours"]["median"] == 2.0


@pytest.mark.parametrize(
    ("values", "unit", "wanted"),
    [
        ([0.0123, 0.0121, 0.0129, 0.0119, 0.0131], "s", "12.3 ms (12.1 to 12.9)"),
        ([2.0], "s", "2 s (2 to 2)"),
        ([1234.5, 999.9], "times", "1117 times (1059 to 1176)"),
    ],
)
def test_a_cell_shows_median_and_quartiles(values: list[float], unit: str, wanted: str) -> None:
    """Three digits, or all before the point; short times in milliseconds."""
    assert measure.text(measure.spread(values, unit)) == wanted


PRODUCT = f"float32 product of matrices {recogniser.SIDE} x {recogniser.SIDE}, NumPy"
SMALL: list[tuple[ModuleType, dict[str, Any], list[str | None]]] = [
    (
        log_mel,
        {"REPETITIONS": 1},
        ["librosa, float32", "torch, float32", "librosa, float64", "torch, float64"],
    ),
    (pictures, {"REPETITIONS": 1}, ["matplotlib, as in the Deep Spectrum toolkit"]),
    (
        deep_spectrum,
        {"CLIPS": {"resnet50": 2}, "REPETITIONS": 1},
        ["features of resnet50, all of it", None],
    ),
    (
        svm_grid,
        {"SIZES": ((20, 2, 1), (30, 3, 1)), "FULL": svm_grid.Full(embedding=8, classes=3, sample=40)},
        [None, None, "scikit-learn's LinearSVC (primal)"],
    ),
    (command_line, {"REPETITIONS": 1}, ["Python that does nothing"]),
    (
        full_fusion,
        {"REPETITIONS": 1, "THRESHOLDS_DB": (-60.0,), "FOLDS": 1, "BACKBONES": ("resnet50",)},
        [*2 * ["PyTorch eager"], "real time", None, PRODUCT, None, None],
    ),
]


@pytest.mark.parametrize(("subject", "small", "against"), SMALL)
def test_every_subject_yields_its_rows(
    subject: ModuleType, small: dict[str, Any], against: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours equals what it is compared with, or the subject itself would stop."""
    for name, value in small.items():
        monkeypatch.setattr(subject, name, value)
    monkeypatch.setitem(backbones.BACKBONES, "resnet50", toy_resnet.FACTS)
    monkeypatch.setattr(recogniser, "REPETITIONS", 2)
    monkeypatch.setattr(recogniser, "LOADS", 1)
    rows = list(subject.rows())
    assert [row.get("against") for row in rows] == against
    assert all(row["ours"]["median"] > 0 for row in rows)


SOME_SETTINGS = {name: settings.SETTINGS[name] for name in (settings.OURS, "two threads")}
SMALL_OF_A_BUNDLE: list[tuple[ModuleType, dict[str, Any], list[str]]] = [
    (recogniser, {"REPETITIONS": 2, "LOADS": 1, "SIDE": 32}, ["s", "%", "GFLOP/s", "s", "MB"]),
    (pann, {"REPETITIONS": 1}, ["s"]),
    (settings, {"REPETITIONS": 1, "SETTINGS": SOME_SETTINGS}, ["s"]),
    (
        end_to_end,
        {"RUNS": (end_to_end.Run(2, 0.5, 2),), "RECORDED": 5},
        ["s", "CPU s", "% of a core", "MB", "s"],
    ),
    (capacity, {"REPETITIONS": 1}, 6 * ["arrays"]),
]


@pytest.mark.parametrize(("subject", "small", "units"), SMALL_OF_A_BUNDLE)
def test_every_subject_of_a_bundle_yields_its_rows(
    subject: ModuleType,
    small: dict[str, Any],
    units: list[str],
    toy_bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All of them about the bundle that was asked for."""
    for name, value in small.items():
        monkeypatch.setattr(subject, name, value)
    monkeypatch.setattr(audio_weights, "load", lambda *_: Cnn14((2, 2, 2, 2, 2, 2)).eval())
    rows = list(subject.rows(toy_bundle))
    assert [row["ours"]["unit"] for row in rows] == units
    assert all("bundle toy" in row["what"] and row["ours"]["median"] > 0 for row in rows)


def test_all_subjects_are_tested() -> None:
    """None is left out above."""
    assert [subject for subject, _, _ in SMALL] == list(benchmarks.SUBJECTS)
    assert [subject for subject, _, _ in SMALL_OF_A_BUNDLE] == list(benchmarks.OF_A_BUNDLE)


def test_operations_are_counted_by_hand() -> None:
    """A convolution in two groups, a matrix product and a GRU of both directions."""
    wave = helper.make_tensor_value_info("wave", TensorProto.FLOAT, ["batch", 4, 8, 6])
    said = helper.make_tensor_value_info("said", TensorProto.FLOAT, None)
    weights = {"kernel": (6, 2, 3, 3), "matrix": (4, 5), "w": (2, 9, 5), "r": (2, 9, 3)}
    nodes = [
        helper.make_node("Conv", ["wave", "kernel"], ["seen"], group=2),  # [batch, 6, 6, 4]
        helper.make_node("MatMul", ["seen", "matrix"], ["product"]),  # [batch, 6, 6, 5]
        helper.make_node("ReduceMean", ["product"], ["steps"], axes=[1], keepdims=0),  # [batch, 6, 5]
        helper.make_node("GRU", ["steps", "w", "r"], ["said"], hidden_size=3, direction="bidirectional"),
    ]
    tensors = [numpy_helper.from_array(np.zeros(shape, np.float32), name) for name, shape in weights.items()]
    graph = helper.make_graph(nodes, "known", [wave], [said], tensors)
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()
    batch = 7
    convolution = batch * 6 * 6 * 4 * 2 * 3 * 3
    product = batch * 6 * 6 * 5 * 4
    gru = batch * 6 * 2 * 3 * 3 * (5 + 3)
    assert flops.count(model, batch) == 2 * (convolution + product + gru)


def test_table_and_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Machine and table on stdout, progress on stderr, every value in the file."""
    rows = [
        measure.compared("this", [1.0, 1.0], "that", [2.0, 2.0], "equal"),
        measure.alone("speed", measure.spread([7.0], "clips/s")),
    ]
    of_a_bundle = SimpleNamespace(rows=lambda path: [measure.alone(path.name, measure.spread([1.0], "s"))])
    monkeypatch.setattr(benchmarks, "SUBJECTS", [SimpleNamespace(rows=lambda: rows)])
    monkeypatch.setattr(benchmarks, "OF_A_BUNDLE", [of_a_bundle])
    chosen = ["--bundle", "here/one", "--bundle", "here/other"]
    benchmarks.main(["--json", str(tmp_path / "all.json"), *chosen])
    printed = capsys.readouterr()
    assert printed.out.endswith(
        "| what | ours: median (quartiles) | against | other | other / ours | note |\n"
        "| --- | ---: | --- | ---: | ---: | --- |\n"
        "| this | 1 s (1 to 1) | that | 2 s (2 to 2) | 2 times (2 to 2) | equal |\n"
        "| speed | 7 clips/s (7 to 7) |  |  |  |  |\n"
        "| one | 1 s (1 to 1) |  |  |  |  |\n"
        "| other | 1 s (1 to 1) |  |  |  |  |\n"
    )
    assert "cores" in printed.out
    assert "this" in printed.err
    document = json.loads((tmp_path / "all.json").read_text())
    assert document["rows"][: len(rows)] == rows
    assert [row["what"] for row in document["rows"][len(rows) :]] == ["one", "other"]
    assert document["machine"]["cores"] > 0
    benchmarks.main(["--only-bundles"])
    assert "| default |" in capsys.readouterr().out
