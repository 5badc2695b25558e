"""The benchmarks run, compare equal things and say what they measured; how fast anything is, is no test."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests import toy_backbone
from tests.benchmarks import __main__ as benchmarks
from tests.benchmarks import deep_spectrum, log_mel, measure, pictures, svm_grid
from trainer import embeddings


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


SMALL: list[tuple[ModuleType, dict[str, Any], list[str | None]]] = [
    (
        log_mel,
        {"REPETITIONS": 1},
        ["librosa, float64", "torch, float64", "librosa, float32", "torch, float32"],
    ),
    (pictures, {"REPETITIONS": 1}, ["matplotlib, as in the Deep Spectrum toolkit"]),
    (
        deep_spectrum,
        {"CLIPS": {toy_backbone.NAME: 2}, "REPETITIONS": 1},
        [f"features of {toy_backbone.NAME}, all of it", None],
    ),
    (svm_grid, {"SIZES": ((20, 2, 1), (30, 3, 1))}, [None, None]),
]


@pytest.mark.parametrize(("subject", "small", "against"), SMALL)
def test_every_subject_yields_its_rows(
    subject: ModuleType, small: dict[str, Any], against: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours equals what it is compared with, or the subject itself would stop."""
    for name, value in small.items():
        monkeypatch.setattr(subject, name, value)
    monkeypatch.setattr(embeddings, "load", lambda _: toy_backbone.Thumbnail())
    rows = list(subject.rows())
    assert [row.get("against") for row in rows] == against
    assert all(row["ours"]["median"] > 0 for row in rows)


def test_all_subjects_are_tested() -> None:
    """None is left out above."""
    assert [subject for subject, _, _ in SMALL] == list(benchmarks.SUBJECTS)


def test_table_and_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Machine and table on stdout, progress on stderr, every value in the file."""
    rows = [
        measure.compared("this", [1.0, 1.0], "that", [2.0, 2.0], "equal"),
        measure.alone("speed", measure.spread([7.0], "clips/s")),
    ]
    monkeypatch.setattr(benchmarks, "SUBJECTS", [SimpleNamespace(rows=lambda: rows)])
    benchmarks.main(["--json", str(tmp_path / "all.json")])
    printed = capsys.readouterr()
    assert printed.out.endswith(
        "| what | ours: median (quartiles) | against | other | other / ours | note |\n"
        "| --- | ---: | --- | ---: | ---: | --- |\n"
        "| this | 1 s (1 to 1) | that | 2 s (2 to 2) | 2 times (2 to 2) | equal |\n"
        "| speed | 7 clips/s (7 to 7) |  |  |  |  |\n"
    )
    assert "cores" in printed.out
    assert "this" in printed.err
    document = json.loads((tmp_path / "all.json").read_text())
    assert document["rows"] == rows
    assert document["machine"]["cores"] > 0
