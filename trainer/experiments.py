"""The paper's experiments as data: every row of its tables, with its numbers.

The numbers are those of the paper's running text. Cells that stand only in its tables are None: shown as "not
in text", never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from trainer.checkpoints import CHECKPOINTS, IMAGENET, RANDOM

Published = float | str | None


@dataclass(frozen=True)
class System:
    """A row of a table."""

    name: str
    """Also of its run directories"""
    recipe: str = ""
    """Empty: a fusion"""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Of the recipe, keys as for `recipes.with_changes`; weights `random:` get the seed"""
    members: tuple[str, ...] = ()
    """Systems of the same experiment that are fused"""
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
        development=development,
        evaluation=evaluation,
    )
    for threshold, rate, batch in product((-30.0, -45.0, -60.0), (0.01, 0.001), (64, 128))
    for development, evaluation in (_TABLE1_NUMBERS.get((threshold, rate, batch), (None, None)),)
)


_IMAGENET_NETS = tuple(f"{backbone}-imagenet" for backbone in CHECKPOINTS)
_RANDOM_NETS = tuple(f"{backbone}-random" for backbone in CHECKPOINTS)
_AUDIO_NETS = ("openl3", "pann")
# Section 4 takes one CRNN on for each threshold.
_CRNNS = tuple(system for system in _TABLE1 if system.name.endswith("lr0.01-batch64"))
_CRNN_NAMES = tuple(system.name for system in _CRNNS)


def _table3(
    data: str,
    crnns: tuple[System, ...],
    fusions: Mapping[str, tuple[str, ...]],
    numbers: Mapping[str, Published],
) -> tuple[System, ...]:
    """The rows of a data set: image networks, networks for sound, CRNNs, and what is made of them."""
    nets = [
        System(f"{backbone}-{name}", f"{data}-deep-spectrum", {"backbone": backbone, "weights": weights})
        for backbone, (name, weights) in product(CHECKPOINTS, (("imagenet", IMAGENET), ("random", RANDOM)))
    ]
    audio = [System(name, f"{data}-audio", {"backbone": name}) for name in _AUDIO_NETS]
    fused = [System(name, members=members) for name, members in fusions.items()]
    return tuple(
        replace(system, evaluation=numbers.get(system.name, system.evaluation))
        for system in (*nets, *audio, *crnns, *fused)
    )


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
            _table3(
                "dcase2018",
                _CRNNS,
                {
                    "fused-crnns": _CRNN_NAMES,
                    "fused-imagenet": _IMAGENET_NETS,
                    "fused-random": _RANDOM_NETS,
                    "fused-imagenet-random": (*_IMAGENET_NETS, *_RANDOM_NETS),
                    "fused-imagenet-crnns": (*_IMAGENET_NETS, *_CRNN_NAMES),
                    "fused-imagenet-audio": (*_IMAGENET_NETS, *_AUDIO_NETS),
                    "fused-all": (*_IMAGENET_NETS, *_AUDIO_NETS, *_CRNN_NAMES),
                },
                {
                    "resnet50-imagenet": 0.803,
                    "resnet50-random": "5 to 10 points less",
                    "densenet121-imagenet": 0.811,
                    "densenet121-random": "5 to 10 points less",
                    "pann": 0.846,
                    "fused-imagenet": 0.843,
                    "fused-imagenet-random": "at most 84.3",
                    "fused-imagenet-crnns": 0.855,
                    "fused-imagenet-audio": 0.87,
                    "fused-all": "at most 87.0",
                },
            ),
        ),
        Experiment(
            "Table 3: DCASE 2017 Task 1",
            _DCASE2017,
            _table3(
                "dcase2017",
                (System("crnn", "dcase2017"),),
                {
                    "fused-imagenet": _IMAGENET_NETS,
                    "fused-random": _RANDOM_NETS,
                    "fused-imagenet-random": (*_IMAGENET_NETS, *_RANDOM_NETS),
                    "fused-all": (*_IMAGENET_NETS, *_AUDIO_NETS, "crnn"),
                },
                {
                    "vgg16-imagenet": "below random",
                    "vgg19-imagenet": "below random",
                    "resnet50-random": "5.1 points more",
                    "densenet121-imagenet": 0.644,
                    "densenet121-random": "below 64.4",
                    "openl3": 0.677,
                    "pann": 0.657,
                    "crnn": 0.592,
                    "fused-imagenet-random": 0.673,
                    "fused-all": "above 70.0",
                },
            ),
        ),
        Experiment(
            "Table 3: ESC-50",
            _ESC50,
            _table3(
                "esc50",
                (System("crnn", "esc50"),),
                {
                    "fused-imagenet": _IMAGENET_NETS,
                    "fused-random": _RANDOM_NETS,
                    "fused-imagenet-crnn": (*_IMAGENET_NETS, "crnn"),
                    "fused-random-crnn": (*_RANDOM_NETS, "crnn"),
                    "fused-imagenet-audio": (*_IMAGENET_NETS, *_AUDIO_NETS),
                    "fused-all": (*_IMAGENET_NETS, *_AUDIO_NETS, "crnn"),
                },
                {
                    "vgg16-imagenet": 0.648,
                    "vgg19-imagenet": 0.648,
                    "densenet121-imagenet": 0.75,
                    **dict.fromkeys(_RANDOM_NETS, "around 45.0"),
                    "openl3": 0.708,
                    "pann": 0.893,
                    "crnn": 0.688,
                    "fused-imagenet": "at most 75.0",
                    "fused-imagenet-crnn": 0.788,
                    "fused-imagenet-audio": 0.923,
                    "fused-all": "below 92.3",
                },
            ),
        ),
    ),
    "esc50-plus": (
        Experiment(
            "Beyond the paper: recipe esc50-plus",
            _ESC50,
            (
                System("plus", "esc50-plus"),
                *(
                    System(
                        f"{backbone}-random", "esc50-deep-spectrum", {"backbone": backbone, "weights": RANDOM}
                    )
                    for backbone in CHECKPOINTS
                ),
                System("fused-random-plus", members=(*_RANDOM_NETS, "plus")),
            ),
            paper=False,
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
                System("15 GRU steps", "esc50", {"model.pools": [[2, 2], [2, 1], [4, 1], [8, 1]]}),
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
