from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests import toy_backbone
from trainer import recipes
from trainer.recipes import SvmRecipe
from trainer.system import _name, different_windows, numbered, read


def test_a_single_run(run_folder: Path) -> None:
    """A run that is no fusion is its own only part."""
    found = read(run_folder)
    (part,) = found.parts
    assert not found.fused
    assert part.run == found.run
    assert (part.name, part.file) == ("crnn-60", "crnn-60.onnx")
    assert found.networks == {"crnn-60.onnx": part}


def test_different_windows(run_folder: Path) -> None:
    """Parts that do not hear the same windows are told with what each hears."""
    found = read(run_folder)
    (part,) = found.parts
    longer = replace(part, name="longer", recipe=replace(part.recipe, window_seconds=2.0))
    assert not different_windows(replace(found, parts=(part, part)))
    told = different_windows(replace(found, parts=(part, longer)))
    assert told == "crnn-60 1 s at 8000 Hz, longer 2 s at 8000 Hz"


def test_names_are_unique() -> None:
    """What is there already gets a number, the same every time."""
    assert numbered(["a", "b", "a", "a", "a-2"]) == ["a", "b", "a-2", "a-3", "a-2-2"]


@pytest.mark.parametrize(
    ("weights", "name"),
    [("imagenet", "imagenet"), ("random:1", "random1"), ("a/b c é.v2.pth", "bc.v2"), ("x" * 300, "x" * 50)],
)
def test_names_of_members(tmp_path: Path, weights: str, name: str) -> None:
    """Names keep to the characters that a bundle allows."""
    recipe = recipes.load_as(SvmRecipe, toy_backbone.write_recipe(tmp_path))
    assert _name(replace(recipe, weights=weights)) == f"densenet121-{name}-viridis"
