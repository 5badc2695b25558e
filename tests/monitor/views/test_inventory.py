"""What `activity-monitor bundle show` prints."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from monitor.inference.bundle import Bundle
from monitor.inference.cost import Cost
from monitor.inference.manifest import Stack
from monitor.views.inventory import show
from tests.toys import COLOURS_MEMBER, TONES_MEMBER, toy_manifest

COST = Cost({"tones": 1.26, "colours": 20.0}, 20.9)


ADDS = {"value": 0.0525, "interval": [-0.01, 0.1]}


def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **facts: Any) -> list[str]:
    """The lines, with single spaces."""
    monkeypatch.setenv("COLUMNS", "120")
    manifest = dataclasses.replace(toy_manifest(), members=(TONES_MEMBER, COLOURS_MEMBER), **facts)
    files = {"tones.onnx": b"x" * 1_260_000, "colours.onnx": b"x" * 90_000}
    show(Bundle(manifest, files, "0" * 64), COST)
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_a_fusion(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Stack, nested scores, licence, and every member with its size, its cost and what it adds."""
    lines = shown(
        monkeypatch,
        capsys,
        stack=Stack(("colours", "tones"), 0.25),
        scores={
            "accuracy": 0.9,
            "nested": {"accuracy": 0.81, "macro_f1": 0.79},
            "members": {
                "tones": {"accuracy": 0.7, "adds": ADDS},
                "colours": {"accuracy": 0.66, "adds": {"value": -0.02, "interval": None}},
            },
            "channels": "unlike in training, colours hears the mean of the channels",
        },
        training={"data": {"name": "sounds", "licence": "CC0"}},
        notice="for tests",
    )
    assert "bundle toy@000000000000" in lines
    assert "publishes scores of a stack on colours, tones (temperature 0.25)" in lines
    assert "reached accuracy 81 %, macro F1 79 %" in lines
    assert "licence CC0" in lines
    assert "notice for tests" in lines
    assert "costs here 20.9 ms for a window of four channels" in lines
    assert "channels unlike in training, colours hears the mean of the channels" in lines
    assert "tones crnn tones.onnx mean 1.3 1.3" in lines
    assert "colours deep-spectrum colours.onnx mean 0.1 20.0" in lines
    assert "member accuracy alone, % it adds, points ms alone" in lines
    assert "tones 70.0 +5.2 (-1.0 to +10.0) 1.3" in lines
    assert "colours 66.0 -2.0 20.0" in lines


def test_what_is_not_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Facts of another form are not stated, control characters and markup are harmless."""
    lines = shown(
        monkeypatch, capsys, scores={"nested": 1}, training={"data": []}, notice="\x1b[2J[bold]quiet"
    )
    assert "publishes the mean of its members' scores" in lines
    assert "reached accuracy not stated, macro F1 not stated" in lines
    assert "licence not stated" in lines
    assert "notice [2J[bold]quiet" in lines
    assert "member accuracy alone, % it adds, points ms alone" not in lines
    lines = shown(monkeypatch, capsys, stack=Stack(("colours", "tones"), 1.0), scores={"members": [0]})
    assert "tones 1.3" in lines
