"""The paper's experiments as data: every row of its tables, with its numbers.

The numbers are those of the paper's running text. Cells that stand only in its tables are None: shown as "not
in text", never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from trainer.checkpoints import CHECKPOINTS, IMAGENET, RANDOM

Published = float | str | None


@dataclass(frozen=True)
class System:
    """A row of a table."""

    name: str
    """Also of its run directories"""
    recipe: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Of the recipe, keys as for `recipes.with_changes`; weights `random:` get the seed"""
    development: Published = None
    """The paper's number; None: its text gives none"""
    evaluation: Published = None


@dataclass(frozen=True)
class Experiment:
    """A table, or what it says about one data set."""

    title: str
    data: tuple[str, ...]
    """Data sets that it can be run on; the paper's numbers hold for the first"""
    systems: tuple[System, ...]
    paper: bool = True
    """The paper has such a table; the columns of its numbers are shown"""
    against_first: bool = False
    """Show how much each system differs from the first"""


_DCASE2018, _DCASE2017, _ESC50 = ("DCASE 2018 Task 5",), ("TUT Acoustic Scenes 2017",), ("ESC-50", "ESC-10")

# Section 4 of the paper. (threshold, learning rate, batch) -> development, evaluation.
_TABLE1_NUMBERS: dict[tuple[float, float, int], tuple[Published, Published]] = {
    (-60.0, 0.01, 64): (0.788, "below 79.3"),
    (-45.0, 0.01, 64): ("below 78.8", 0.793),
    (-30.0, 0.01, 64): ("below 78.8", "below 79.3"),
}
_TABLE1 = tuple(
    System(
        f"{threshold:g}dB-lr{rate:g}-batch{batch}",
        "dcase2018",
        {"model.threshold_db": threshold, "learning_rate": rate, "batch": batch},
        *_TABLE1_NUMBERS.get((threshold, rate, batch), (None, None)),
    )
    for threshold, rate, batch in product((-30.0, -45.0, -60.0), (0.01, 0.001), (64, 128))
)


def _deep_spectrum(recipe: str, evaluation: Mapping[str, Published]) -> tuple[System, ...]:
    """Four backbones with ImageNet's and with random weights."""
    return tuple(
        System(f"{backbone}-{name}", recipe, {"backbone": backbone, "weights": weights}, None, number)
        for backbone, (name, weights) in product(CHECKPOINTS, (("imagenet", IMAGENET), ("random", RANDOM)))
        for number in (evaluation.get(f"{backbone}-{name}"),)
    )


def _crnns_of_table1() -> tuple[System, ...]:
    """Those that section 4 takes on: one for each threshold."""
    return tuple(system for system in _TABLE1 if system.name.endswith("lr0.01-batch64"))


def _colour_maps(recipe: str, weights: str, names: tuple[str, ...]) -> tuple[System, ...]:
    return tuple(
        System(name, recipe, {"backbone": "resnet50", "weights": weights, "picture.cmap": name})
        for name in names
    )


_UNIFORM = ("viridis", "plasma", "magma", "inferno", "cividis")
"""The paper tries five colour maps and names none; these are matplotlib's perceptually uniform ones"""
_PICTURE_CHOICES: dict[str, dict[str, Any]] = {
    "recipe": {},
    "no floor": {"log_mel.floor_db": -200.0},
    # The toolkit's own: 25 ms, and from there the next power of two.
    "2048 samples": {"log_mel.window_seconds": 2048 / 44100, "log_mel.hop_seconds": 1024 / 44100},
    "equal strips": {"picture.axis": "linear"},
    "the toolkit's preprocessing": {"preprocessing": "deep-spectrum"},
    "torchvision's initial weights": {"scheme": "torchvision"},
}

EXPERIMENTS = {
    "table1": (Experiment("Table 1: CRNNs on DCASE 2018 Task 5", _DCASE2018, _TABLE1),),
    "table2": (
        Experiment(
            "Table 2: colour maps, ResNet50 with ImageNet weights",
            _DCASE2018,
            _colour_maps("dcase2018-deep-spectrum", IMAGENET, _UNIFORM),
        ),
    ),
    "table3": (
        Experiment(
            "Table 3: DCASE 2018 Task 5",
            _DCASE2018,
            (
                *_deep_spectrum(
                    "dcase2018-deep-spectrum",
                    {
                        "resnet50-imagenet": 0.803,
                        "resnet50-random": "5 to 10 points less",
                        "densenet121-imagenet": 0.811,
                        "densenet121-random": "5 to 10 points less",
                    },
                ),
                *_crnns_of_table1(),
            ),
        ),
        Experiment(
            "Table 3: DCASE 2017 Task 1",
            _DCASE2017,
            (
                *_deep_spectrum(
                    "dcase2017-deep-spectrum",
                    {
                        **{f"{vgg}-imagenet": "below random" for vgg in ("vgg16", "vgg19")},
                        "resnet50-random": "5.1 points more",
                        "densenet121-imagenet": 0.644,
                        "densenet121-random": "below 64.4",
                    },
                ),
                System("crnn", "dcase2017", evaluation=0.592),
            ),
        ),
        Experiment(
            "Table 3: ESC-50",
            _ESC50,
            (
                *_deep_spectrum(
                    "esc50-deep-spectrum",
                    {
                        "vgg16-imagenet": 0.648,
                        "vgg19-imagenet": 0.648,
                        "densenet121-imagenet": 0.75,
                        **{f"{backbone}-random": "around 45.0" for backbone in CHECKPOINTS},
                    },
                ),
                System("crnn", "esc50", evaluation=0.688),
            ),
        ),
    ),
    "esc50-plus": (
        Experiment(
            "Beyond the paper: recipe esc50-plus", _ESC50, (System("plus", "esc50-plus"),), paper=False
        ),
    ),
    "choices": (
        Experiment(
            "What the paper leaves open: recipe esc50, each choice varied alone",
            _ESC50,
            (
                System("recipe", "esc50"),
                System("16 kHz", "esc50", {"log_mel.sample_rate": 16000}),
                System("no pre-emphasis", "esc50", {"log_mel.pre_emphasis": 0.0}),
                System("Slaney mel", "esc50", {"log_mel.mel": "slaney"}),
                System("scale of the threshold", "esc50", {"model.scale": "threshold"}),
                System("PyTorch initial weights", "esc50", {"model.initial": "torch"}),
                System("batch 16", "esc50", {"batch": 16}),
                System("3 GRU steps", "esc50", {"model.pools": [[2, 2], [2, 2], [4, 2], [8, 1]]}),
            ),
            paper=False,
            against_first=True,
        ),
    ),
    "colours": (
        Experiment(
            "Table 2 on ESC-50 and with random weights",
            _ESC50,
            _colour_maps("esc50-deep-spectrum", RANDOM, (*_UNIFORM, "gray")),
            paper=False,
            against_first=True,
        ),
    ),
    "picture-choices": (
        Experiment(
            "What the paper leaves open: ResNet50 with random weights, each choice varied alone",
            _ESC50,
            tuple(
                System(name, "esc50-deep-spectrum", {"backbone": "resnet50", "weights": RANDOM, **changes})
                for name, changes in _PICTURE_CHOICES.items()
            ),
            paper=False,
            against_first=True,
        ),
    ),
}
"""Each a table for one data set or for several"""
